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
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from typing import cast

import aiohttp
import httpx2
import uvloop

from seawall.ports import Outbound
from seawall.transports.http import Http

__all__ = ["measure"]

CONCURRENCY = 32
ROUNDS = 7
REQUESTS = 3_000
STREAMS = 96
CHUNKS = 50

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

Client = Callable[[str, int], Awaitable[None]]


class _Server(asyncio.Protocol):
    """Answers ``/whole`` at once and ``/stream`` with one write a turn of the event loop, so that
    chunks arrive one by one as a model's tokens do."""

    def __init__(self) -> None:
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if not found or len(body) < len(_QUESTION):
            return
        self._data = b""
        if head.startswith(b"POST /stream"):
            self._transport.write(_STREAM_HEAD)
            asyncio.get_running_loop().call_later(0.002, self._next, CHUNKS)
        else:
            self._transport.write(_REPLY)

    def _next(self, left: int) -> None:
        if left:
            self._transport.write(_CHUNK)
            asyncio.get_running_loop().call_later(0.002, self._next, left - 1)
        else:
            self._transport.write(b"0\r\n\r\n")


def _serve(pipe: Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)

    uvloop.run(main())


async def _many(total: int, one: Callable[[], Awaitable[None]]) -> None:
    async def worker() -> None:
        for _ in range(total // CONCURRENCY):
            await one()

    await asyncio.gather(*[worker() for _ in range(CONCURRENCY)])


async def _seawall(url: str, total: int) -> None:
    http = Http(environ={})
    outbound = Outbound(
        url=url, headers=tuple(_HEADERS.items()), body=_QUESTION, stream=url.endswith("stream")
    )

    async def one() -> None:
        inbound = await http(outbound)
        assert inbound.headers["content-type"]
        while await inbound.read():
            pass

    await _many(total, one)
    await http.aclose()


async def _aiohttp(url: str, total: int) -> None:
    async with aiohttp.ClientSession(headers=_HEADERS) as session:

        async def one() -> None:
            async with session.post(url, data=_QUESTION) as response:
                assert response.headers["content-type"]
                async for _ in response.content.iter_any():
                    pass

        await _many(total, one)


async def _httpx2(url: str, total: int) -> None:
    limits = httpx2.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    async with httpx2.AsyncClient(limits=limits, headers=_HEADERS, trust_env=False) as client:

        async def one() -> None:
            async with client.stream("POST", url, content=_QUESTION) as response:
                assert response.headers["content-type"]
                async for _ in response.aiter_bytes():
                    pass

        await _many(total, one)


_CLIENTS: dict[str, tuple[Client, int]] = {
    "transport": (_seawall, 1),
    "aiohttp": (_aiohttp, 1),
    "httpx2": (_httpx2, 8),  # an eighth of the requests: it would take most of the time
}


def _cost(client: Client, url: str, total: int) -> float:
    """CPU seconds of ``total`` requests, the connections being opened included."""

    async def main() -> float:
        await client(url, CONCURRENCY)  # imports, caches, code paths
        gc.collect()
        before = time.process_time()
        await client(url, total)
        return time.process_time() - before

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
        for name, (client, less) in _CLIENTS.items():
            total = REQUESTS // less
            request = _cost(client, f"{base}/whole", total) / total
            requests[name].append(request)
            stream = _cost(client, f"{base}/stream", STREAMS) / STREAMS
            chunks[name].append((stream - request) / CHUNKS)
    figures: dict[str, float] = {}
    for kind, costs in (("request", requests), ("chunk", chunks)):
        medians = {name: statistics.median(all_costs) for name, all_costs in costs.items()}
        for name, seconds in medians.items():
            figures[f"{name}_{kind}_us"] = round(seconds * 1e6, 2)
            if name != "transport":
                ratio = seconds / medians["transport"]
                figures[f"{name}_{kind}_ratio"] = round(ratio, 2)
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
