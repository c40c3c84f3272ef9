"""The transport ``local``: a model file as if it were a provider."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from concurrent.futures import Future
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ...errors import ConfigError, ConnectionFault, Fault, SeawallError
from ...ports import Headers, Inbound, Outbound, Secret, Transport
from .cache import WeightsError, installed, resolve
from .catalog import DEFAULT, FALLBACKS, MODELS
from .engine import Engine, Plan, default_threads
from .gate import Gate, Pass
from .lease import Lease
from .starting import lease
from .told import as_fault, refused

__all__ = ["Local"]

_log = logging.getLogger("seawall.local")


class Local:
    """``Transport`` to ``model``: a pinned model's name or the path of a GGUF file.

    The first call starts a child process that runs llama.cpp's HTTP server, or joins the one
    that another process of this user has started with the same file and settings. ``inner``
    carries the bytes to it, on loopback; it must not send them through a proxy. Of an
    ``Outbound`` only the host, the ``/v1`` before the path and the authorization are changed,
    and a question with a ``seed`` is read without the cache of earlier prompts, which would
    change the rounding and with it the answer.

    At most ``engine.slots`` calls are under way at once, ``queue`` more wait. If the default's
    weights are not there but a fallback's are, those are used, a warning is logged, and the
    reply names the model.

    Raises, beside what ``inner`` raises: ``ConfigError`` (at once) without the extra ``local``,
    ``NotFoundError`` for weights that are missing or wrong, ``ProviderError`` for a child that
    does not start, ``QueueFullError``. A child that dies is a ``ConnectionFault``; the next call
    starts a new one. ``aclose`` gives the child up; it ends once nobody else uses it.
    """

    def __init__(
        self, model: str, inner: Transport, *, engine: Engine | None = None, queue: int = 64
    ) -> None:
        if find_spec("xllamacpp") is None:
            raise ConfigError(
                f"local/{model} needs llama.cpp, which is not installed",
                remedy='Run: pip install "seawall[local]"',
            )
        self._model = model
        self._inner = inner
        self._engine = engine or Engine()
        self._gate = Gate(self._engine.slots, queue)
        self._lock = threading.Lock()
        self._lease: Lease | None = None
        self._joining: tuple[int, Future[Lease]] | None = None

    async def __call__(self, outbound: Outbound, /) -> Inbound:
        path = urlsplit(outbound.url).path
        if path.endswith(("/embeddings", "/rerank")):
            return refused(f"{self._model} chats and makes no vectors or rankings", "model")
        entry = await self._gate.enter()
        try:
            held = await self._join()
            try:
                inbound = await self._inner(_directed(outbound, held))
            except Fault as fault:
                _explain(fault, held)
                raise
        except BaseException:
            entry.leave()
            raise
        return _Answer(inbound, entry, held)

    async def aclose(self) -> None:
        """Give the child up. A later call joins or starts one again."""
        with self._lock:
            held, self._lease = self._lease, None
        if held is not None:
            held.close()

    async def _join(self) -> Lease:
        """The child, started if need be. Calls on all loops wait for one and the same start; it
        goes on if they are cancelled, so that the next call finds the child ready."""
        with self._lock:
            if self._lease is not None and self._lease.held():
                return self._lease
            joining = self._joining
            # A fork has no thread that could fulfil what its parent was waiting for.
            if joining is None or joining[0] != os.getpid():
                joining = self._joining = (os.getpid(), Future())
                joining[1].set_running_or_notify_cancel()
                threading.Thread(
                    target=self._fulfil, args=joining[1:], name="seawall-local", daemon=True
                ).start()
        try:
            return await asyncio.wrap_future(joining[1])
        except (SeawallError, OSError) as error:
            raise as_fault(error) from error

    def _fulfil(self, future: Future[Lease]) -> None:
        try:
            held = lease(self._plan())
        except BaseException as error:
            with self._lock:
                self._joining = None
            future.set_exception(error)
            return
        with self._lock:
            self._joining, self._lease = None, held
        future.set_result(held)

    def _plan(self) -> Plan:
        alias, path = self._weights()
        engine = self._engine
        return Plan(
            path=str(path),
            alias=alias,
            context=engine.context,
            slots=engine.slots,
            threads=engine.threads or default_threads(),
            # 60 and 60.0 are the same wish and must be the same plan.
            grace=float(engine.grace),
            start=float(engine.start),
        )

    def _weights(self) -> tuple[str, Path]:
        try:
            path = resolve(self._model)
        except WeightsError as error:
            other = next((name for name in FALLBACKS if name in installed()), None)
            if self._model != DEFAULT or other is None:
                raise
            _log.warning("the smaller %s is used instead of %s: %s", other, self._model, error)
            return other, resolve(other)
        return (self._model if self._model in MODELS else path.stem), path


class _Answer:
    """An ``Inbound`` that frees its slot when nothing more will come."""

    def __init__(self, inbound: Inbound, entry: Pass, held: Lease) -> None:
        self._inbound = inbound
        self._entry = entry
        self._held = held

    @property
    def status(self) -> int:
        return self._inbound.status

    @property
    def headers(self) -> Headers:
        return self._inbound.headers

    async def read(self) -> bytes:
        try:
            data = await self._inbound.read()
        except Fault as fault:
            self._entry.leave()
            _explain(fault, self._held)
            raise
        if not data:
            self._entry.leave()
        return data

    def release(self) -> None:
        self._inbound.release()
        self._entry.leave()

    def abort(self, fault: Fault | None = None, /) -> None:
        self._inbound.abort(fault)
        self._entry.leave()


def _explain(fault: Fault, held: Lease) -> None:
    """Say so in the fault if it was the child that died."""
    if isinstance(fault, ConnectionFault) and not held.held():
        child = held.child
        fault.message = (
            f"the process {child.pid} that ran {child.model} died ({fault.message}); "
            "the next call starts a new one"
        )


def _directed(outbound: Outbound, held: Lease) -> Outbound:
    """The question, addressed to the child."""
    parts = urlsplit(outbound.url)
    path = parts.path.removeprefix("/v1") + (f"?{parts.query}" if parts.query else "")
    headers = [pair for pair in outbound.headers if pair[0].lower() != "authorization"]
    headers.append(("authorization", Secret(f"Bearer {held.child.key}")))
    return replace(
        outbound,
        url=f"{held.child.url}/v1{path}",
        headers=tuple(headers),
        body=_repeatable(outbound.body),
    )


class _Seeded(Struct):
    seed: Any = None
    cache_prompt: Any = None


def _repeatable(body: bytes) -> bytes:
    """Tokens out of the prompt cache were computed in batches of another size than tokens read
    anew, so the logits differ in their last bits and a seed would not repeat the answer."""
    try:
        asked = msgspec.json.decode(body, type=_Seeded)
    except msgspec.MsgspecError:  # the server says better what is wrong with it
        return body
    if asked.seed is None or asked.cache_prompt is not None:
        return body
    start = body.index(b"{") + 1
    return body[:start] + b'"cache_prompt":false,' + body[start:]
