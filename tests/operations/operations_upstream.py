"""A provider of embeddings, rankings and lists of models on a client's transport: every question
is kept, answers are the test's."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from seawall import AsyncSeawall
from seawall.ports import Headers, Outbound, reveal

__all__ = ["Answer", "Provider", "client", "floats", "packed", "vector"]

Answer = tuple[int, Any]


def vector(text: str, length: int = 3) -> list[float]:
    """A vector that tells its text: exact in 32 bits."""
    return [float(len(text)), float(ord(text[0])), *[0.5] * (length - 2)]


def packed(values: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()


def floats(asked: Any) -> Answer:
    """OpenAI's answer: base64 where that was asked, usage of a token a character."""
    pack = packed if asked.get("encoding_format") == "base64" else list
    texts = asked["input"]
    data = [{"index": i, "embedding": pack(vector(text))} for i, text in enumerate(texts)]
    tokens = sum(map(len, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return 200, {"object": "list", "data": data, "model": asked["model"], "usage": usage}


class _Whole:
    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.headers = Headers([("content-type", "application/json")])
        self._left = [b"", body]

    async def read(self) -> bytes:
        return self._left.pop() if self._left else b""

    def release(self) -> None: ...

    def abort(self, fault: Exception | None = None, /) -> None: ...


class Provider:
    """``script`` holds the next answers, ``usual`` makes the others."""

    def __init__(self, usual: Callable[[Any], Answer] = floats) -> None:
        self.usual = usual
        self.script: list[Answer] = []
        self.asked: list[Outbound] = []

    async def __call__(self, outbound: Outbound, /) -> _Whole:
        self.asked.append(outbound)
        asked = msgspec.json.decode(outbound.body) if outbound.body else None
        status, answer = self.script.pop(0) if self.script else self.usual(asked)
        body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
        return _Whole(status, body)

    async def aclose(self) -> None: ...

    @property
    def bodies(self) -> list[Any]:
        return [msgspec.json.decode(outbound.body) for outbound in self.asked]

    def header(self, name: str) -> str:
        """A header of the last question."""
        return reveal(dict(self.asked[-1].headers)[name])


def client(provider: Provider, **settings: Any) -> AsyncSeawall:
    """A client all of whose vendors are ``provider``, which waits for nothing."""
    named = ("openai", "mistral", "google", "anthropic", "together", "openrouter")
    keys: dict[str, Any] = {name: {"key": "key-0123456789"} for name in named}
    keys["wall"] = {"base_url": "http://wall.test/v1", "key": "key-0123456789"}
    given: dict[str, Any] = {"ledger": False, "defaults": {"retry": {"base": 0.0}}, **settings}
    return AsyncSeawall(
        vendors=keys | given.pop("vendors", {}), transports={"http": provider}, **given
    )
