"""A provider on loopback whose model reads: it takes what a tool's or a schema's fields are to be
from the question, and answers a tool's result with that result."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncGenerator, Iterator
from hashlib import sha256
from typing import Any

import msgspec

from seawall.folding import unfold
from seawall.ports import Face
from seawall.ports import Head as FaceHead
from seawall.server import Head, Step
from seawall.server import Request as Asked
from seawall.simulator import Script, Simulator
from seawall.simulator.answers import answer
from seawall.testing.threaded import ThreadedServer
from seawall.types import (
    Choice,
    Message,
    Request,
    Response,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)

__all__ = ["WIRES", "Provider", "provider", "settings", "streamed"]

#: Where each dialect's clients find the provider.
WIRES = {
    "openai_chat": "/v1",
    "openai_responses": "/v1",
    "anthropic": "",
    "gemini": "/v1beta",
    "cohere": "",
}


class Provider:
    """``requests`` holds every question as it was understood, ``embedded`` every text. What stands
    in ``answers`` is said first, before it what stands in ``streams``, byte for byte; with a
    status in ``refused`` nothing is embedded."""

    def __init__(self, script: Script | None) -> None:
        self.requests: list[Request] = []
        self.embedded: list[list[str]] = []
        self.answers: list[Message] = []
        self.streams: list[bytes] = []
        self.refused = 0
        self.simulator = Simulator(script, answer=self._answer)
        self._server = ThreadedServer(self._handle)
        self.url = self._server.url

    def _answer(self, request: Request) -> Message:
        self.requests.append(request)
        if self.answers:
            return self.answers.pop(0)
        said = _last_result(request)
        if said is not None and request.tool_choice is None and request.format is None:
            return Message("assistant", (Text(f"It said: {said}"),))
        text = "Hello, and welcome to Trieste."
        if request.format is not None and request.format.type == "json_object":
            # Nobody but the question says what is to stand in the object.
            keys = re.findall(r"'(\w+)'", _question(request))
            return Message(
                "assistant", (Text(msgspec.json.encode(dict.fromkeys(keys, text)).decode()),)
            )
        made = answer(request, text)
        calls = tuple(_informed(call, _question(request)) for call in made.tool_calls[:1])
        return Message("assistant", calls) if calls else made

    async def _handle(self, request: Asked) -> AsyncGenerator[Step, None]:
        if request.path.endswith("/embeddings"):
            steps = iter(self._embed(msgspec.json.decode(request.body)))
            for step in steps:
                yield step
        elif self.streams:
            yield Head(200, (("content-type", "text/event-stream"),))
            yield self.streams.pop(0)
        else:
            async with contextlib.aclosing(self.simulator.handle(request)) as played:
                async for step in played:
                    yield step

    def _embed(self, asked: Any) -> Iterator[Step]:
        if self.refused:
            yield Head(self.refused, (("content-length", "0"),))
            return
        texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
        self.embedded.append(texts)
        data = [
            {"object": "embedding", "index": index, "embedding": _vector(text)}
            for index, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        answered = {"object": "list", "model": asked["model"], "data": data, "usage": usage}
        body = msgspec.json.encode(answered)
        length = str(len(body))
        yield Head(200, (("content-type", "application/json"), ("content-length", length)))
        yield body

    def close(self) -> None:
        self._server.close()


def streamed(face: Face, message: Message, reason: str) -> bytes:
    """``message`` as a stream in the words of ``face``, whatever it holds."""
    writer = face.writer(FaceHead(model="sim", stream=True))
    choice = Choice(message=message, finish_reason=reason)
    usage = Usage(prompt_tokens=5, completion_tokens=7, total_tokens=12)
    events = unfold(Response(id="s1", model="sim", choices=(choice,), usage=usage))
    return b"".join(writer.event(event) for event in events) + writer.end()


def _question(request: Request) -> str:
    return next((m.text for m in reversed(request.messages) if m.role == "user" and m.text), "")


def _last_result(request: Request) -> str | None:
    for part in request.messages[-1].content:
        if isinstance(part, ToolResult):
            return "".join(piece.text for piece in part.content if isinstance(piece, Text))
    return None


def _informed(call: ToolCall, question: str) -> ToolCall:
    """The call, with the numbers and quoted texts of the question as its arguments."""
    numbers = iter(re.findall(r"\d+", question))
    texts = iter(re.findall(r"'([^']+)'", question))
    arguments = {
        name: int(next(numbers, value))
        if type(value) is int
        else next(texts, value)
        if isinstance(value, str)
        else value
        for name, value in msgspec.json.decode(call.arguments).items()
    }
    return ToolCall(call.id, call.name, msgspec.json.encode(arguments).decode())


def _vector(text: str) -> list[float]:
    return [byte / 255 for byte in sha256(text.encode()).digest()[:8]]


@contextlib.contextmanager
def provider(script: Script | None = None) -> Iterator[Provider]:
    """Serve while open, on a thread of its own."""
    serving = Provider(script)
    try:
        yield serving
    finally:
        serving.close()


def settings(*providers: Provider, wire: str = "openai_chat", **more: Any) -> dict[str, Any]:
    """Settings of a client that knows the providers as ``wall``, ``wall2``..."""
    vendors = {
        f"wall{number or ''}": {
            "dialect": wire,
            "base_url": one.url + WIRES[wire],
            "key": "wall-key-0123456789",
        }
        for number, one in enumerate(providers, 1)
    }
    vendors["wall"] = vendors.pop("wall1")
    quick = {"retry": {"attempts": 1}}
    return {"vendors": vendors, "model": "wall/sim", "defaults": quick, "ledger": False, **more}
