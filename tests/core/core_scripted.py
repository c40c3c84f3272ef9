"""A reply whose body comes as a script says, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf
from typing import Any

import msgspec

from seawall.core import Call, End, Watch, WireStream
from seawall.dialects.openai_chat import WIRE
from seawall.errors import ConnectionFault, Fault
from seawall.ports import Clock, Headers, Timeouts
from seawall.types import Request

#: The connection stays open and silent.
OPEN = inf
DONE = b"data: [DONE]\n\n"


def chunk(
    text: str = "", *, finish: str | None = None, index: int = 0, usage: Any = None, **delta: Any
) -> bytes:
    """One event of a stream: a piece of an answer, its finish, or both."""
    if text:
        delta["content"] = text
    body = {
        "id": "c1",
        "model": "m",
        "created": 1,
        "choices": [{"index": index, "delta": delta, "finish_reason": finish}],
    }
    if usage is not None:
        body["usage"] = usage
    return b"data: " + msgspec.json.encode(body) + b"\n\n"


def tool(arguments: str, **first: str) -> bytes:
    """A piece of a tool call; ``id`` and ``name`` come with its first piece."""
    function = {"arguments": arguments} | ({"name": first.pop("name")} if first else {})
    return chunk(tool_calls=[{"index": 0, "function": function, **first}])


class Scripted:
    """An ``Inbound``: bytes are read, numbers are seconds of silence, faults break it off.

    ``ended`` says how its reader let go of it, once each time.
    """

    status = 200

    def __init__(self, clock: Clock, *script: bytes | float | Fault, kind: str = "") -> None:
        self.headers = Headers([("content-type", kind or "text/event-stream")])
        self.ended: list[str] = []
        self.reads = 0
        self._clock = clock
        self._script = deque(script)
        self._silence: asyncio.Future[None] | None = None
        self._aborted: Fault | None = None

    async def read(self) -> bytes:
        self.reads += 1
        if self._aborted is not None:
            raise self._aborted
        while self._script:
            step = self._script.popleft()
            if isinstance(step, bytes):
                return step
            if isinstance(step, Fault):
                raise step
            await self._wait(step)
        return b""

    async def _wait(self, seconds: float) -> None:
        self._silence = asyncio.get_running_loop().create_future()
        if seconds != OPEN:
            self._clock.call_later(seconds, self._over)
        await self._silence

    def _over(self) -> None:
        if self._silence is not None and not self._silence.done():
            self._silence.set_result(None)

    def release(self) -> None:
        self.ended.append("release")

    def abort(self, fault: Fault | None = None, /) -> None:
        self.ended.append("abort")
        self._aborted = fault or ConnectionFault("aborted")
        if self._silence is not None and not self._silence.done():
            self._silence.set_exception(self._aborted)


def request(**fields: Any) -> Request:
    return Request(model="m", messages=(), stream=True, **fields)


def stream_of(
    clock: Clock,
    *script: bytes | float | Fault,
    asked: Request | None = None,
    timeouts: Timeouts | None = None,
) -> tuple[WireStream, Scripted, list[End]]:
    """A stream over the script, its inbound, and where its ends are told."""
    call = Call(asked or request(), clock, timeouts=timeouts)
    inbound = Scripted(clock, *script)
    stream = WireStream(call, inbound, WIRE.framer(), WIRE.reader(), Watch(clock))
    ends: list[End] = []
    stream.on_end(ends.append)
    return stream, inbound, ends
