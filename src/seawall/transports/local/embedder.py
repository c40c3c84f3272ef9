"""The embedded embedding model as if it were a provider: ``POST /embeddings`` in OpenAI's words."""

from __future__ import annotations

import asyncio
import os
import threading
from array import array
from base64 import b64encode
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from ...errors import ConfigError, SeawallError
from ...ports import Inbound, Outbound
from .cache import named, require
from .encoder import Encoded, Encoder, TooLong
from .engine import Engine, default_threads
from .gate import Gate
from .told import as_fault, refused, told

__all__ = ["Embedder"]


class _Asked(Struct):
    input: str | list[str]
    encoding_format: str = "float"
    dimensions: int | None = None


_read = msgspec.json.Decoder(_Asked).decode


class Embedder:
    """``Transport`` to ``model``, one that makes embeddings, in this process.

    Texts are computed on threads, ``engine.slots`` calls at once in all, ``queue`` more wait on
    each loop. A call that is cancelled stops after the text it is at.

    Raises ``ConfigError`` (at once) without the extra ``embed``, ``NotFoundError`` for weights that
    are missing, ``QueueFullError``. What a provider would refuse (a text of more tokens than the
    model reads, a wish for shorter vectors) is refused in a provider's words.
    """

    def __init__(self, model: str, *, engine: Engine | None = None, queue: int = 64) -> None:
        if find_spec("onnxruntime") is None:
            raise ConfigError(
                f"local/{model} needs ONNX Runtime, which is not installed",
                remedy='Run: pip install "seawall[embed]"',
            )
        self._model = named(model)
        self._settings = engine or Engine()
        self._gate = Gate(self._settings.slots, queue)
        self._engine: _Engine | None = None

    async def __call__(self, outbound: Outbound, /) -> Inbound:
        if not urlsplit(outbound.url).path.endswith("/embeddings"):
            return refused(f"{self._model.name} makes embeddings and does not chat", "model")
        try:
            asked = _read(outbound.body)
        except msgspec.MsgspecError as error:
            return refused(f"the request is not valid: {error}", "input")
        if asked.dimensions is not None:
            return refused("this model cannot shorten its vectors", "dimensions")
        texts = [asked.input] if isinstance(asked.input, str) else asked.input
        entry = await self._gate.enter()
        try:
            vectors, tokens = await self._encode(texts)
        except TooLong as error:
            return refused(str(error), "input", code="context_length_exceeded")
        except (SeawallError, OSError) as error:
            raise as_fault(error) from error
        finally:
            entry.leave()
        write = _base64 if asked.encoding_format == "base64" else _numbers
        return told(200, _answer(self._model.name, vectors, tokens, write))

    async def aclose(self) -> None:
        """Give the weights up. A later call loads them again."""
        self._engine = None

    async def _encode(self, texts: list[str]) -> Encoded:
        engine = self._engine
        if engine is None or engine.pid != os.getpid():
            engine = self._engine = _Engine(self._settings)
        given_up = threading.Event()
        try:
            return await asyncio.to_thread(engine.encode, self._load, texts, given_up.is_set)
        except asyncio.CancelledError:
            given_up.set()
            raise

    def _load(self) -> Encoder:
        weights, vocabulary = require(self._model)
        return Encoder(weights, vocabulary, self._settings.threads or default_threads())


class _Engine:
    """The encoder of one process, loaded at the first text, and who may use it at once."""

    def __init__(self, settings: Engine) -> None:
        self.pid = os.getpid()
        self._turn = threading.BoundedSemaphore(settings.slots)
        self._loading = threading.Lock()
        self._encoder: Encoder | None = None

    def encode(
        self, load: Callable[[], Encoder], texts: list[str], given_up: Callable[[], bool]
    ) -> Encoded:
        with self._turn:
            if given_up():
                return [], 0
            with self._loading:
                if self._encoder is None:
                    self._encoder = load()
            return self._encoder.encode(texts, given_up)


def _base64(vector: bytes) -> str:
    return b64encode(vector).decode()


def _numbers(vector: bytes) -> list[float]:
    return array("f", vector).tolist()


def _answer(
    model: str, vectors: list[bytes], tokens: int, write: Callable[[bytes], Any]
) -> dict[str, Any]:
    data = [
        {"object": "embedding", "index": index, "embedding": write(vector)}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": model, "usage": usage}
