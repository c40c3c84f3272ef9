"""A world of scripted vendors on a virtual clock: what each answers, to the byte and second."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from seawall import AsyncSeawall, Reply
from seawall.errors import ConnectionFault, Fault
from seawall.ports import Headers, Outbound, reveal
from seawall.testing import VirtualClock

__all__ = [
    "HOLD",
    "Answer",
    "World",
    "error",
    "events",
    "finish",
    "piece",
    "whole",
]


class Hold:
    """Nothing more comes, and the connection stays."""


HOLD = Hold()
Step = bytes | float | Fault | Hold


class Answer(Struct, kw_only=True):
    """``after`` seconds, ``status`` and ``headers``, then ``steps``: bytes are the body's next
    piece, a number is a pause in seconds, a fault breaks the body. ``fault`` comes instead."""

    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({"content-type": "application/json"})
    steps: Sequence[Any] = ()
    after: float = 0.0
    fault: Any = None


def whole(text: str = "fine", **more: Any) -> Answer:
    """A complete answer of 12 and 3 tokens."""
    message = more.pop("message", {"role": "assistant", "content": text})
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": more.pop("reason", "stop")}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
    }
    return Answer(steps=(msgspec.json.encode(body),), **more)


def error(
    status: int,
    message: str = "no",
    headers: Mapping[str, str] | None = None,
    after: float = 0.0,
    **fields: Any,
) -> Answer:
    body = msgspec.json.encode({"error": {"message": message, **fields}})
    kind = {"content-type": "application/json"}
    return Answer(status=status, headers={**kind, **(headers or {})}, steps=(body,), after=after)


def piece(text: str | None = None, reason: str | None = None, **delta: Any) -> bytes:
    """One event of a stream."""
    if text is not None:
        delta["content"] = text
    choice = {"index": delta.pop("index", 0), "delta": delta, "finish_reason": reason}
    return _event({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]})


def finish(reason: str = "stop") -> bytes:
    """The finish, the usage and the end mark."""
    usage = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
    return piece(reason=reason) + _event({"choices": [], "usage": usage}) + b"data: [DONE]\n\n"


def _event(chunk: Any) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"


def events(*steps: Step, **more: Any) -> Answer:
    """A streamed answer."""
    return Answer(headers={"content-type": "text/event-stream"}, steps=steps, **more)


class Asked(Struct):
    """A question as a vendor got it. ``ended``: how its reply was let go."""

    vendor: str
    at: float
    headers: Mapping[str, str]
    body: Any
    stream: bool
    ended: str = ""


class World:
    """Vendors ``a``, ``b``, ``c`` ... by the scripts they follow; the last answer of a script
    repeats. ``asked`` is everything they were asked, in order."""

    def __init__(self, **scripts: Answer | Sequence[Answer]) -> None:
        self.clock = VirtualClock()
        self.asked: list[Asked] = []
        self.scripts = {
            vendor: [script] if isinstance(script, Answer) else list(script)
            for vendor, script in scripts.items()
        }

    def client(
        self, *, vendors: Mapping[str, Any] | None = None, defaults: Any = None, **settings: Any
    ) -> AsyncSeawall:
        """A client whose alias ``all`` asks every vendor in order."""
        rows = {
            name: {"base_url": f"http://{name}.test/v1", **dict((vendors or {}).get(name, {}))}
            for name in self.scripts
        }
        models = dict(settings.pop("models", {}))
        models.setdefault("all", {})
        models["all"] = {"route": [f"{name}/m" for name in self.scripts], **models["all"]}
        settings.setdefault("ledger", False)
        return AsyncSeawall(
            vendors=rows,
            models=models,
            model="all",
            defaults=defaults,
            transports={"http": self},
            clock=self.clock,
            **settings,
        )

    async def ask(self, **options: Any) -> Reply:
        """One question by a client of its own, on the virtual clock."""
        return await self.clock.run(self.client().chat("?", **options))

    def times(self, vendor: str) -> list[float]:
        """When ``vendor`` was asked."""
        return [asked.at for asked in self.asked if asked.vendor == vendor]

    async def __call__(self, outbound: Outbound, /) -> _Inbound:
        vendor = (urlsplit(outbound.url).hostname or "").partition(".")[0]
        headers = {name: reveal(value) for name, value in outbound.headers}
        body = msgspec.json.decode(outbound.body)
        asked = Asked(vendor, self.clock.now(), headers, body, outbound.stream)
        self.asked.append(asked)
        script = self.scripts[vendor]
        answer = script.pop(0) if len(script) > 1 else script[0]
        try:
            if answer.after:
                await self.clock.sleep(answer.after)
        except asyncio.CancelledError:
            asked.ended = "cancelled"
            raise
        if answer.fault is not None:
            raise answer.fault() if isinstance(answer.fault, type) else answer.fault
        return _Inbound(self.clock, asked, answer)

    async def aclose(self) -> None:
        return


class _Inbound:
    def __init__(self, clock: VirtualClock, asked: Asked, answer: Answer) -> None:
        self.status = answer.status
        self.headers = Headers(answer.headers.items())
        self._clock = clock
        self._asked = asked
        self._steps = list(answer.steps)
        self._fault: Fault | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        while True:
            if self._fault is not None:
                raise self._fault
            if not self._steps:
                self._asked.ended = self._asked.ended or "read"
                return b""
            step = self._steps.pop(0)
            if isinstance(step, bytes):
                return step
            if isinstance(step, Fault):
                self._fault = step
                continue
            await self._wait(step)

    async def _wait(self, step: float | Hold) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        if not isinstance(step, Hold):
            self._clock.call_later(step, self._wake)
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def release(self) -> None:
        self._asked.ended = self._asked.ended or "released"

    def abort(self, fault: Fault | None = None, /) -> None:
        self._asked.ended = self._asked.ended or "aborted"
        self._fault = self._fault or fault or ConnectionFault("the reply was given up")
        self._wake()
