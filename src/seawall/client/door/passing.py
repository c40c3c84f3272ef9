"""Requests the door does not understand go through as they are, and are recorded.

Nothing is retried here: the SDK does that, as it would without a door.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ...core import Attempt, Call, End, Outcome, Reply, Watch, ask, expire
from ...errors import Fault
from ...ports import Draft, Inbound, Timeouts
from ...types import Request, Usage
from ..assemble import Assembly
from .answers import ID, Answer
from .asked import Asked, returned

__all__ = ["pass_through"]

#: A reply that may hold a count of tokens is looked at up to this size (bytes).
_LOOK = 256 * 1024


class _Passed(Request, frozen=True, omit_defaults=True, kw_only=True):
    """A request of which only the address is understood."""

    operation: ClassVar[str] = "http"


class _Embeddings(_Passed, frozen=True, omit_defaults=True, kw_only=True):
    operation: ClassVar[str] = "embeddings"


class _Rerank(_Passed, frozen=True, omit_defaults=True, kw_only=True):
    operation: ClassVar[str] = "rerank"


#: What the providers' paths end in.
_KINDS: Mapping[str, type[_Passed]] = {
    "embeddings": _Embeddings,
    "embed": _Embeddings,
    "embedContent": _Embeddings,
    "batchEmbedContents": _Embeddings,
    "rerank": _Rerank,
}


class _Model(Struct):
    model: str = ""


class _Counts(Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class _Metered(Struct):
    usage: _Counts | None = None


_model = msgspec.json.Decoder(_Model).decode
_metered = msgspec.json.Decoder(_Metered).decode


async def pass_through(assembly: Assembly, asked: Asked, tags: Mapping[str, Any]) -> Answer:
    """The provider's own answer, whatever it is. Raises the fault of a connection that failed."""
    call = _call(assembly, asked, tags)
    handler = assembly.recorded(partial(_send, asked))
    try:
        reply = await handler(call)
    except Fault as fault:
        call.blame(fault)
        call.end(End(outcome="fault", fault=fault))
        raise
    except BaseException as error:
        cancelled = isinstance(error, asyncio.CancelledError)
        call.end(End(outcome="cancelled" if cancelled else "fault"))
        raise
    assert isinstance(reply, _Answered)
    body = _Passing(call, reply.inbound, reply.watch)
    headers = [*returned(reply.headers), (ID, call.id)]
    return Answer(reply.inbound.status, headers, body)


def _call(assembly: Assembly, asked: Asked, tags: Mapping[str, Any]) -> Call:
    place, model = asked.place, _asked_model(asked)
    what = {"method": asked.method, "path": place.path, "bytes": len(asked.body)}
    # Streamed: nobody waits here for the end of a file.
    kind = _KINDS.get(re.split("[/:]", place.path)[-1], _Passed)
    request = kind(model=model, messages=(), stream=True, extra={"http": what})
    usual = Timeouts()
    read = asked.timeout.get("read", usual.total)
    call = Call(
        request,
        assembly.clock,
        timeouts=Timeouts(
            connect=asked.timeout.get("connect", usual.connect),
            first_byte=read,
            idle=read,
            total=None,
        ),
        tags=tags,
    )
    base = assembly.router.base_of(place.url)
    rest = place.url.removeprefix(base).partition("?")[0].strip("/")
    # The key stands in the route, so that no fault repeats it.
    theirs = assembly.router.theirs(base, model or rest)
    call.route = replace(theirs, headers=asked.credentials)
    call.decision.candidates = [call.model]
    return call


def _asked_model(asked: Asked) -> str:
    try:
        return _model(asked.body).model
    except (ValueError, RecursionError):
        return ""


class _Answered(Reply):
    __slots__ = ("inbound", "watch")

    def __init__(self, call: Call, inbound: Inbound, watch: Watch) -> None:
        super().__init__(call, headers=inbound.headers)
        self.inbound = inbound
        self.watch = watch


async def _send(asked: Asked, call: Call) -> Reply:
    route = call.route
    assert route is not None
    draft = Draft(
        method=asked.method,
        path=asked.place.url.removeprefix(route.base_url),
        headers=asked.headers,
        body=asked.body,
    )
    record = Attempt(n=1, model=call.model, at=round(call.elapsed(), 6))
    call.attempt = record
    call.decision.attempts.append(record)
    watch = Watch(call.clock, call.timeouts.idle)
    try:
        return _Answered(call, await ask(call, route, draft, watch), watch)
    except BaseException:
        watch.close()
        raise


class _Passing:
    """The body on its way through. The call ends with it."""

    def __init__(self, call: Call, inbound: Inbound, watch: Watch) -> None:
        self._call = call
        self._inbound = inbound
        self._watch = watch
        self._seen = b""
        self._json = inbound.headers.get("content-type", "").startswith("application/json")

    async def next(self) -> bytes:
        due, phase, seconds = self._call.idle_due()
        self._watch.arm(due, partial(expire, self._inbound, phase, seconds))
        try:
            data = await self._inbound.read()
        except Fault as fault:
            self._end("cut", fault)
            raise
        except BaseException:
            self.cancel()
            raise
        self._watch.rest()
        if not data:
            self._finish()
        elif self._json:
            self._look(data)
        return data

    def cancel(self) -> None:
        self._inbound.abort()
        self._end("cancelled")

    def _look(self, data: bytes) -> None:
        if len(self._seen) + len(data) > _LOOK:
            self._json, self._seen = False, b""
        else:
            self._seen += data

    def _finish(self) -> None:
        status = self._inbound.status
        if status >= 400:
            fault = Fault(f"the provider answered {status}", status=status, body=self._seen)
            self._call.blame(fault)
            self._end("fault", fault)
            return
        self._count()
        self._end("finished")

    def _count(self) -> None:
        call = self._call
        try:
            counts = _metered(self._seen).usage if self._json else None
        except (ValueError, RecursionError):
            counts = None
        if counts is None or call.route is None:
            return
        asked = counts.prompt_tokens or counts.input_tokens
        answered = counts.completion_tokens or counts.output_tokens
        total = counts.total_tokens or asked + answered
        call.usage = Usage(prompt_tokens=asked, completion_tokens=answered, total_tokens=total)
        if call.route.price is not None:
            call.cost = call.route.price.at(call.wall).cost(call.usage)

    def _end(self, outcome: Outcome, fault: Fault | None = None) -> None:
        self._watch.close()
        record = self._call.attempt
        if record is not None and record.outcome == "open":
            record.took = round(self._call.elapsed() - record.at, 6)
            record.outcome = outcome
            record.reason = "" if fault is None else str(fault)
        self._call.attempt = None  # what it used was counted here
        self._call.end(End(outcome=outcome, fault=fault))
