"""What translation costs: a question in each dialect, asked of each dialect, beside the same
question that goes through as it came.

A door without an SDK above it is given the bytes of a request, and its answer is read to the end,
with every policy and the ledger on. The provider is in the same process and answers at once with
bytes made beforehand: what is measured is Seawall alone, with neither SDK nor sockets, against
which translation weighs most.
"""

from __future__ import annotations

import asyncio
import tempfile
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import uvloop

from seawall.client.assemble import Assembly
from seawall.client.door.asked import Asked, asked
from seawall.client.door.door import Door
from seawall.client.sources import load_sources
from seawall.dialects import anthropic, cohere, gemini, openai_chat, openai_responses
from seawall.errors import Fault
from seawall.ports import Head, Headers, Inbound, Outbound, Quirks
from seawall.types import (
    Choice,
    Finish,
    Message,
    Metered,
    Request,
    Response,
    Start,
    Text,
    TextDelta,
    Usage,
)

from .library import Ask, compare

__all__ = ["DIALECTS", "measure"]

DIALECTS: dict[str, Any] = {
    "openai_chat": openai_chat,
    "openai_responses": openai_responses,
    "anthropic": anthropic,
    "gemini": gemini,
    "cohere": cohere,
}
CALLS = 320
STREAMS = 32
CHUNKS = 100

_URL = "http://provider.test"

_USAGE = Usage(prompt_tokens=160, completion_tokens=120, total_tokens=280)
_ANSWER = Response(
    id="answer-1",
    model="any",
    created=1_700_000_000,
    choices=(
        Choice(
            message=Message("assistant", (Text("Trieste lies on the Adriatic. " * 20),)),
            finish_reason="stop",
        ),
    ),
    usage=_USAGE,
)
_EVENTS = (
    Start("answer-1", "any", 1_700_000_000),
    *(TextDelta(" wave") for _ in range(CHUNKS)),
    Finish("stop"),
    Metered(_USAGE),
)
_MESSAGES = (
    Message("system", (Text("Answer with one word. " * 4),)),
    Message("user", (Text("Name a harbour. " * 40),)),
)


def measure() -> dict[str, float]:
    """For each pair of dialects the CPU time of a call and of a streamed chunk, as ratios to what
    goes through as it came in the same dialect, whose microseconds are told too."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure())


async def _measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as directory:
        settings = {
            "vendors": {
                f"at-{name}": {"dialect": name, "base_url": f"{_URL}/{name}", "key": "none"}
                for name in DIALECTS
            },
            "models": {f"to-{name}": {"route": [f"at-{name}/any"]} for name in DIALECTS},
            "ledger": {"dir": directory},
        }
        sources = load_sources(None, None, settings, environ={})
        assembly = Assembly(sources, transports={"http": _Provider()})
        door = Door(assembly, {"feature": "bench"})
        try:
            calls = await compare(_asks(door, stream=False), CALLS, 1)
            streams = await compare(_asks(door, stream=True), STREAMS, 1)
        finally:
            await assembly.aclose()
    chunks = {name: (micros - calls[name]) / CHUNKS for name, micros in streams.items()}
    return {**_figures("call", calls), **_figures("chunk", chunks)}


def _figures(part: str, found: dict[str, float]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, micros in found.items():
        face, _, to = name.partition(" ")
        if to == "any":
            figures[f"dialects_{face}_{part}_us"] = round(micros, 2)
        else:
            ratio = micros / found[f"{face} any"]
            figures[f"dialects_{face}_to_{to}_{part}_ratio"] = round(ratio, 2)
    return figures


def _asks(door: Door, *, stream: bool) -> dict[str, Ask]:
    """``"face wire"``, and ``"face any"`` for what goes through as it came."""
    return {
        f"{face} {to}": partial(_ask, door, _question(face, to, stream))
        for face in DIALECTS
        for to in ("any", *DIALECTS)
    }


def _question(face: str, to: str, stream: bool) -> Asked:
    model = "any" if to == "any" else f"to-{to}"
    request = Request(model=model, messages=_MESSAGES, max_tokens=200, stream=stream)
    draft = DIALECTS[face].WIRE.encode(request, Quirks())
    query = "&".join(f"{name}={value}" for name, value in draft.query)
    address = f"{_URL}/{face}{draft.path}?{query}".rstrip("?")
    headers = [(b"content-type", b"application/json"), (b"authorization", b"Bearer none")]
    return asked("POST", address, headers, draft.body, {})


async def _ask(door: Door, question: Asked) -> None:
    answer = await door.ask(question)
    if answer.status != 200:
        raise RuntimeError(f"{question.place.url}: {answer.status} {answer.body!r}")
    if not isinstance(answer.body, bytes):
        while await answer.body.next():
            pass


class _Provider:
    """A transport that answers at once in the dialect that the path begins with: whole, or one
    event a read."""

    def __init__(self) -> None:
        self._bodies = {name: _bodies(name) for name in DIALECTS}

    async def __call__(self, outbound: Outbound, /) -> Inbound:
        whole, events = self._bodies[urlsplit(outbound.url).path.split("/")[1]]
        if outbound.stream:
            return _Reply("text/event-stream", events)
        return _Reply("application/json", [whole])

    async def aclose(self) -> None: ...


class _Reply:
    def __init__(self, kind: str, pieces: list[bytes]) -> None:
        self.status = 200
        self.headers = Headers([("content-type", kind)])
        self._left = iter(pieces)

    async def read(self) -> bytes:
        return next(self._left, b"")

    def release(self) -> None: ...

    def abort(self, fault: Fault | None = None, /) -> None: ...


def _bodies(name: str) -> tuple[bytes, list[bytes]]:
    face = DIALECTS[name].FACE
    writer = face.writer(Head(model="any", stream=True, include_usage=True))
    pieces = [*(writer.event(event) for event in _EVENTS), writer.end()]
    return face.write(_ANSWER), [piece for piece in pieces if piece]


if __name__ == "__main__":
    for figure, value in measure().items():
        print(f"{figure:56} {value:10.2f}")
