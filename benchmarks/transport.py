"""CPU microseconds of one request and of one streamed chunk: our transport, aiohttp, httpx2.

A small server in a process of its own answers; what is measured is the client process's CPU time
(``time.process_time``, user and system), so neither the server nor waiting counts. All clients
run on uvloop, with the same concurrency and the same 1 KB bodies, one after the other and round
again; the figures are medians over the rounds.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import statistics
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from multiprocessing.connection import Connection
from typing import ClassVar, cast

import aiohttp
import httpx2
import uvloop

from seawall.ports import Outbound
from seawall.transports.http import Http

__all__ = ["measure"]

CONCURRENCY = 32
ROUNDS = 7
REQUESTS = 6_400
STREAMS = 96
CHUNKS = 50
TICK = 0.001  # seconds between two chunks of a stream

_BODY = b'{"choices":[{"message":{"role":"assistant","content":"' + b"x" * 940 + b'"}}]}'
_REPLY = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_1\r\n"
    b"date: Mon, 23 Nov 2026 10:00:00 GMT\r\nserver: bench\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: req_1\r\n"
    b"date: Mon, 23 Nov 2026 10:00:00 GMT\r\nserver: bench\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
_EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"token "}}]}\n\n'
_CHUNK = b"%x\r\n%s\r\n" % (len(_EVENT), _EVENT)
_QUESTION = b'{"model":"m","messages":[{"role":"user","content":"' + b"y" * 940 + b'"}]}'
_HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-benchmark"}

Call = Callable[[], Awaitable[None]]


class _Server(asyncio.Protocol):
    """Answers ``/whole`` at once, and ``/stream`` with one chunk a tick, so that chunks arrive one
    by one as a model's tokens do."""

    streams: ClassVar[dict[_Server, int]] = {}

    def __init__(self) -> None:
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.streams.pop(self, None)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if not found or len(body) < len(_QUESTION):
            return
        self._data = b""
        if head.startswith(b"POST /stream"):
            self._transport.write(_STREAM_HEAD)
            self.streams[self] = CHUNKS
        else:
            self._transport.write(_REPLY)

    def tick(self) -> None:
        left = self.streams[self]
        if left:
            self._transport.write(_CHUNK)
            self.streams[self] = left - 1
        else:
            self._transport.write(b"0\r\n\r\n")
            del self.streams[self]


def _serve(pipe: Connection) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(_Server, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        over = loop.run_in_executor(None, pipe.recv)
        due = loop.time()
        # Never asleep: over loopback the kernel charges whoever writes with waking whoever reads.
        while not over.done():
            if loop.time() >= due:
                due += TICK
                for stream in list(_Server.streams):
                    stream.tick()
            await asyncio.sleep(0)

    uvloop.run(main())


@asynccontextmanager
async def _seawall(url: str) -> AsyncGenerator[Call, None]:
    http = Http(environ={})
    stream = url.endswith("stream")
    outbound = Outbound(url=url, headers=tuple(_HEADERS.items()), body=_QUESTION, stream=stream)

    async def call() -> None:
        inbound = await http(outbound)
        assert inbound.headers["content-type"]
        while await inbound.read():
            pass

    yield call
    await http.aclose()


@asynccontextmanager
async def _aiohttp(url: str) -> AsyncGenerator[Call, None]:
    async with aiohttp.ClientSession(headers=_HEADERS) as session:

        async def call() -> None:
            async with session.post(url, data=_QUESTION) as response:
                assert response.headers["content-type"]
                async for _ in response.content.iter_any():
                    pass

        yield call


@asynccontextmanager
async def _httpx2(url: str) -> AsyncGenerator[Call, None]:
    limits = httpx2.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    async with httpx2.AsyncClient(limits=limits, headers=_HEADERS, trust_env=False) as client:

        async def call() -> None:
            async with client.stream("POST", url, content=_QUESTION) as response:
                assert response.headers["content-type"]
                async for _ in response.aiter_bytes():
                    pass

        yield call


_CLIENTS: dict[str, tuple[Callable[[str], AbstractAsyncContextManager[Call]], int]] = {
    "transport": (_seawall, 1),
    "aiohttp": (_aiohttp, 1),
    "httpx2": (_httpx2, 8),  # an eighth of the requests: it would take most of the time
}


async def _many(total: int, call: Call) -> None:
    async def worker() -> None:
        for _ in range(total // CONCURRENCY):
            await call()

    await asyncio.gather(*[worker() for _ in range(CONCURRENCY)])


def _cost(name: str, url: str, total: int) -> float:
    """CPU seconds of one request out of ``total``, over connections that stand."""
    client, _ = _CLIENTS[name]

    async def main() -> float:
        async with client(url) as call:
            await _many(2 * CONCURRENCY, call)
            gc.collect()
            before = time.process_time()
            await _many(total, call)
            return (time.process_time() - before) / total

    return uvloop.run(main())


def measure() -> dict[str, float]:
    """``{client}_request_us``, ``{client}_chunk_us`` and their ratios to ours."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(there,))
    server.start()
    try:
        base = f"http://127.0.0.1:{here.recv()}"
        return _figures(base)
    finally:
        here.send(None)
        server.join()


def _figures(base: str) -> dict[str, float]:
    requests: dict[str, list[float]] = {name: [] for name in _CLIENTS}
    chunks: dict[str, list[float]] = {name: [] for name in _CLIENTS}
    for _ in range(ROUNDS):
        for name, (_, less) in _CLIENTS.items():
            request = _cost(name, f"{base}/whole", REQUESTS // less)
            stream = _cost(name, f"{base}/stream", STREAMS)
            requests[name].append(request)
            chunks[name].append((stream - request) / CHUNKS)
    figures: dict[str, float] = {}
    for kind, costs in (("request", requests), ("chunk", chunks)):
        ours = statistics.median(costs["transport"])
        for name in _CLIENTS:
            seconds = statistics.median(costs[name])
            figures[f"{name}_{kind}_us"] = round(seconds * 1e6, 2)
            if name != "transport":
                figures[f"{name}_{kind}_ratio"] = round(seconds / ours, 2)
    return figures


def _show(figures: dict[str, float]) -> None:
    print(f"{'client':<12}{'µs/request':>12}{'ratio':>8}{'µs/chunk':>12}{'ratio':>8}")
    for name in _CLIENTS:
        row = f"{name:<12}"
        for kind in ("request", "chunk"):
            row += f"{figures[f'{name}_{kind}_us']:>12.1f}"
            row += f"{figures.get(f'{name}_{kind}_ratio', 1.0):>8.1f}"
        print(row)


if __name__ == "__main__":
    _show(measure())
