"""The provider the simulator pretends to be: what it makes of a request, before it is sent."""

from __future__ import annotations

import inspect
import math

from msgspec import Struct
from msgspec.structs import replace

from ..errors import ConfigError, Fault
from ..folding import estimate_tokens
from ..server import Request
from ..types import Request as Question
from ..types import Response
from .answers import Answer, answer, calls_tools, finished
from .apis import Api, Over, Refusal, RetryAfter, api_of
from .faults import KINDS, Kind
from .log import KEPT, Log, Seen, identity
from .memo import Memo
from .plan import Plan
from .quota import Meter
from .rendering import Rendered, render
from .scene import Dose, Scene
from .script import Moment, Rule, Script

__all__ = ["Provider", "Visit"]


class Visit(Struct, frozen=True):
    """A request, the API it is meant for, the log's entry for it, and when it came: ``now`` in
    seconds of the script since the first request, ``wall`` in epoch seconds."""

    request: Request
    api: Api
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
        api = api_of(request)
        path = api.asked(request.path) or request.path
        keys = [request.headers.get(name, "") for name in _KEYS]
        question = identity(request.method, path, request.body, *keys)
        seen = Seen(
            number=self._log.total + 1,
            at=now / self._speed,
            method=request.method,
            path=path[:_NAME],
            question=question,
            asked=self._memo.asked(question),
            agent=request.headers.get("user-agent", "")[:_NAME],
        )
        return Visit(request, api, seen, now, wall)

    async def plan(self, visit: Visit) -> Plan:
        """What happens to the request. The log's entry is completed on the way."""
        method, path, api = visit.request.method, visit.request.path, visit.api
        if method == "POST" and (asked := api.asked(path)) is not None:
            try:
                return await self._chat(visit, asked)
            except Fault as fault:
                return self._refuse(visit, _refusal_of(fault))
        if method in ("GET", "HEAD") and (name := api.listed(path)) is not None:
            return self._models(visit, name)
        return self._refuse(visit, api.unknown_path(method, path))

    def _models(self, visit: Visit, name: str) -> Plan:
        api = visit.api
        names = [*self.script.models, *(f"fault/{fault}" for fault in KINDS)]
        if name and name not in names:
            return self._refuse(visit, api.unknown_model(name))
        body = api.model(name, _BORN) if name else api.models(names, _BORN)
        return self._scene(visit, _said(body)).plain()

    async def _chat(self, visit: Visit, path: str) -> Plan:
        request, seen, api = visit.request, visit.seen, visit.api
        asked = api.face.peek(path, request.headers, request.body)
        question = api.face.read(path, request.headers, request.body)
        self._note(seen, question)
        try:
            rule = self.script.choose(self._moment(visit))
        except ConfigError as error:
            return self._refuse(visit, replace(api.unknown_model(seen.model), message=str(error)))
        refused = self._limit(visit, question)
        if refused is not None:
            return refused
        array = asked.stream and api.array(request)
        kind = _fitting(rule, question, api, array)
        response = await self._response(visit, question, kind)
        if response.usage is not None:
            self._meter.settle(_reserved(question), response.usage.total_tokens)
        scene = self._scene(visit, render(api, asked, response, array))
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
        limit, wanted = self._meter.limit(name), tokens if name == "tokens" else 1
        over = Over(question.model, name, limit, wanted, wait / self._speed)
        refusal = visit.api.over(over)
        if refusal.final:
            return self._refuse(visit, refusal)
        # Whoever has no word for what never fits says what is true of all else: in a minute.
        again = Dose(retry_after=wait if math.isfinite(wait) else _MINUTE)
        return self._refuse(visit, refusal, "both", again)

    async def _response(self, visit: Visit, question: Question, kind: Kind | None) -> Response:
        calls = 1 if kind is None else kind.calls
        answers, callings = visit.api.ids
        refused = kind is not None and kind.leaves == "nothing"
        if self._said is None or refused:  # nobody is asked for an answer that nobody gets
            said = answer(question, self.script.answer, calls, callings)
        else:
            given = self._said(question)
            said = await given if inspect.isawaitable(given) else given
        return finished(said, question, f"{answers}{visit.seen.number}", visit.wall)

    def _befall(self, seen: Seen, kind: Kind, question: Question, response: Response) -> None:
        seen.fault, seen.leaves, seen.final = kind.name, kind.leaves, kind.final
        if kind.leaves == "part":
            seen.text = response.text[:KEPT]
            self._memo.part(question, seen.number, seen.text)
        elif kind.leaves == "whole":
            seen.digest = identity(response.text)

    def _scene(self, visit: Visit, answer: Rendered) -> Scene:
        number, levels = visit.seen.number, self._meter.levels(self._speed)
        return Scene(
            api=visit.api,
            number=number,
            answer=answer,
            headers=visit.api.headers(number, levels, visit.wall),
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
        seen.final = refusal.final or refusal.status in _HOPELESS
        return replace(self._scene(visit, _said(b"")), dose=dose).refuse(refusal, form)


#: When the models of the list were made: epoch seconds.
_BORN = 1_763_856_000
#: So much is kept of names that strangers choose.
_NAME = 200
_HOPELESS = frozenset({400, 404, 405, 413, 422})


#: Where a key may stand; whose it is makes a question another one.
_KEYS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
_MINUTE = 60.0


def _refusal_of(fault: Fault) -> Refusal:
    """Our own refusal of a request, to be said as the provider would."""
    status = fault.status or (400 if fault.blames == "caller" else 503)
    return Refusal(status, fault.message, "", fault.code, fault.param)


def _said(body: bytes) -> Rendered:
    """A body that is no answer of a model's."""
    return Rendered(response=Response(), pieces=(body,))


def _reserved(question: Question) -> int:
    """Tokens a request counts as until its answer is there, as OpenAI's documentation says: the
    prompt's and those the answer may have."""
    return estimate_tokens(question) + (question.max_tokens or 0) * (question.n or 1)


def _fitting(rule: Rule | None, question: Question, api: Api, array: bool) -> Kind | None:
    """The fault of ``rule``, if it can befall the answer to ``question``. What befalls events
    alone cannot befall an ``array``, where one that is unreadable takes the others with it."""
    if rule is None:
        return None
    kind = KINDS[rule.fault]
    if not (kind.streamed if question.stream else kind.whole) or (array and not kind.whole):
        return None
    if kind.marked and api.places.mark is None:
        return None
    return None if kind.calls > 1 and not calls_tools(question) else kind
