"""The provider the simulator pretends to be: what it makes of a request, before it is sent."""

from __future__ import annotations

import inspect
import math
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import replace

from ..dialects.openai_chat import FACE
from ..errors import ConfigError, Fault
from ..folding import estimate_tokens
from ..server import Request
from ..types import Request as Question
from ..types import Response
from . import openai
from .answers import Answer, answer, calls_tools, finished
from .faults import KINDS, Kind
from .log import KEPT, Log, Seen, identity
from .memo import Memo
from .openai import Refusal, RetryAfter
from .plan import Plan
from .quota import Meter, duration
from .rendering import Rendered, render
from .scene import Dose, Scene
from .script import Moment, Rule, Script

__all__ = ["Provider", "Visit"]


class Visit(Struct, frozen=True):
    """A request, the log's entry for it, and when it came: ``now`` in seconds of the script
    since the first request, ``wall`` in epoch seconds."""

    request: Request
    seen: Seen
    now: float
    wall: float


class Provider:
    """Follows ``script``; ``said`` answers in place of its fixed text. ``speed`` is how much
    faster than the client's time the script's runs."""

    def __init__(self, script: Script, said: Answer | None, speed: float, log: Log) -> None:
        self.script = script
        self._said = said
        self._speed = speed
        self._log = log
        self._memo = Memo()
        self._meter = Meter(script.quota, 0.0)
        self._chats = 0

    def see(self, request: Request, now: float, wall: float) -> Visit:
        """The address may stand with or without the ``/v1`` of the service's."""
        path = request.path if request.path.startswith("/v1/") else f"/v1{request.path}"
        key = request.headers.get("authorization", "")
        question = identity(request.method, path, request.body, key)
        seen = Seen(
            number=self._log.total + 1,
            at=now / self._speed,
            method=request.method,
            path=path[:_NAME],
            question=question,
            asked=self._memo.asked(question),
            agent=request.headers.get("user-agent", "")[:_NAME],
        )
        return Visit(request, seen, now, wall)

    async def plan(self, visit: Visit) -> Plan:
        """What happens to the request. The log's entry is completed on the way."""
        method, path = visit.request.method, visit.seen.path
        if (method, path) == ("POST", openai.CHAT):
            try:
                return await self._chat(visit)
            except Fault as fault:
                return self._refuse(visit, openai.refusal_of(fault))
        if method in ("GET", "HEAD") and f"{path}/".startswith(f"{openai.MODELS}/"):
            return self._models(visit, path.removeprefix(openai.MODELS).removeprefix("/"))
        return self._refuse(visit, openai.unknown_path(method, visit.request.path))

    def _models(self, visit: Visit, name: str) -> Plan:
        name = unquote(name)
        names = [*self.script.models, *(f"fault/{fault}" for fault in KINDS)]
        if name and name not in names:
            return self._refuse(visit, openai.unknown_model(name))
        body = openai.model(name, _BORN) if name else openai.models(names, _BORN)
        return self._scene(visit, _said(body)).plain()

    async def _chat(self, visit: Visit) -> Plan:
        request, seen = visit.request, visit.seen
        asked = FACE.peek(seen.path, request.headers, request.body)
        question = FACE.read(seen.path, request.headers, request.body)
        self._note(seen, question)
        try:
            rule = self.script.choose(self._moment(visit))
        except ConfigError as error:
            return self._refuse(visit, openai.unknown_model(seen.model, str(error)))
        refused = self._limit(visit, question)
        if refused is not None:
            return refused
        kind = _fitting(rule, question)
        response = await self._response(visit, question, kind)
        if response.usage is not None:
            self._meter.settle(_reserved(question), response.usage.total_tokens)
        scene = self._scene(visit, render(FACE, asked, response))
        if kind is None or rule is None:
            seen.digest = identity(response.text)
            return scene.plain()
        self._befall(seen, kind, question, response)
        return kind.play(replace(scene, dose=rule.over(kind.dose)))

    def _note(self, seen: Seen, question: Question) -> None:
        seen.model, seen.stream = question.model[:_NAME], question.stream
        built = self._memo.built_on(question)
        if built is not None:
            number, text = built
            whole = identity(text)
            if all(other.digest != whole for other in self._log):
                seen.builds_on = number

    def _moment(self, visit: Visit) -> Moment:
        self._chats += 1
        return Moment(
            number=self._chats,
            now=visit.now,
            model=visit.seen.model,
            stream=visit.seen.stream,
            asked=visit.seen.asked,
            model_since=self._memo.model_since(visit.seen.model, visit.now),
        )

    def _limit(self, visit: Visit, question: Question) -> Plan | None:
        """The refusal of a request that exceeds the quota; else it is counted."""
        tokens = _reserved(question)
        name, wait = self._meter.take(visit.now, tokens)
        if not name:
            return None
        visit.seen.fault = "quota"
        limit = f"{question.model} on {name} per min: Limit {self._meter.limit(name)}"
        if math.isinf(wait):
            visit.seen.final = True
            message = f"Request too large for {limit}, Requested {tokens}."
            return self._refuse(visit, Refusal(429, message, name, "rate_limit_exceeded"))
        again = duration(wait / self._speed)
        message = f"Rate limit reached for {limit}. Please try again in {again}."
        refusal = Refusal(429, message, name, "rate_limit_exceeded")
        return self._refuse(visit, refusal, "both", Dose(retry_after=wait))

    async def _response(self, visit: Visit, question: Question, kind: Kind | None) -> Response:
        calls = 1 if kind is None else kind.calls
        refused = kind is not None and kind.leaves == "nothing"
        if self._said is None or refused:  # nobody is asked for an answer that nobody gets
            said = answer(question, self.script.answer, calls)
        else:
            given = self._said(question)
            said = await given if inspect.isawaitable(given) else given
        return finished(said, question, visit.seen.number, visit.wall)

    def _befall(self, seen: Seen, kind: Kind, question: Question, response: Response) -> None:
        seen.fault, seen.leaves, seen.final = kind.name, kind.leaves, kind.final
        if kind.leaves == "part":
            seen.text = response.text[:KEPT]
            self._memo.part(question, seen.number, seen.text)
        elif kind.leaves == "whole":
            seen.digest = identity(response.text)

    def _scene(self, visit: Visit, answer: Rendered) -> Scene:
        return Scene(
            answer=answer,
            headers={
                "x-request-id": f"req_sim_{visit.seen.number}",
                **self._meter.headers(self._speed),
            },
            wall=visit.wall,
            speed=self._speed,
            pace=self.script.pace,
        )

    def _refuse(
        self,
        visit: Visit,
        refusal: Refusal,
        form: RetryAfter | None = None,
        dose: Dose = Dose(),  # noqa: B008 - frozen
    ) -> Plan:
        seen = visit.seen
        seen.leaves = "nothing"
        seen.final = seen.final or refusal.status in _HOPELESS
        return replace(self._scene(visit, _said(b"")), dose=dose).refuse(refusal, form)


#: When the models of the list were made: epoch seconds.
_BORN = 1_763_856_000
#: So much is kept of names that strangers choose.
_NAME = 200
_HOPELESS = frozenset({400, 404, 405, 413, 422})


def _said(body: bytes) -> Rendered:
    """A body that is no answer of a model's."""
    return Rendered(response=Response(), streamed=False, pieces=(body,))


def _reserved(question: Question) -> int:
    """Tokens a request counts as until its answer is there, as OpenAI's documentation says: the
    prompt's and those the answer may have."""
    return estimate_tokens(question) + (question.max_tokens or 0) * (question.n or 1)


def _fitting(rule: Rule | None, question: Question) -> Kind | None:
    """The fault of ``rule``, if it can befall the answer to ``question``."""
    if rule is None:
        return None
    kind = KINDS[rule.fault]
    if not (kind.streamed if question.stream else kind.whole):
        return None
    return None if kind.calls > 1 and not calls_tools(question) else kind
