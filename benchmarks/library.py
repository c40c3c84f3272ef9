"""What a whole call costs: Seawall with every policy and the ledger on, beside its neighbours.

All clients ask the same server, a process of its own, in one run and in turns, so that noise
falls on all of them alike. The figures are CPU time of the client's process, the ledger's
threads included; wall time would measure the machine.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable

import aiohttp
import httpx2
import msgspec
import openai
import uvloop

from seawall import AsyncSeawall, http_client

from .provider import CHUNKS, serving

__all__ = ["Ask", "compare", "measure"]

CONCURRENCY = 32
ROUNDS = 7
CALLS = 640
STREAMS = 32
MESSAGES = [{"role": "user", "content": "Name a harbour. " * 40}]
BODY = {"model": "any", "messages": MESSAGES}

Ask = Callable[[], Awaitable[object]]


def measure() -> dict[str, float]:
    """CPU microseconds a call and a streamed chunk, and their ratios to the openai SDK's."""
    with serving() as url, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(url))


async def _measure(url: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as directory:
        seawall = AsyncSeawall(vendors={"wall": {"base_url": url}}, ledger={"dir": directory})
        sdk = openai.AsyncOpenAI(api_key="none", base_url=url)
        inside = http_client(ledger={"dir": f"{directory}/door"}, feature="bench")
        door = openai.AsyncOpenAI(api_key="none", base_url=url, http_client=inside)
        plain = aiohttp.ClientSession()
        other = httpx2.AsyncClient()
        calls: dict[str, Ask] = {
            "seawall": lambda: seawall.chat(MESSAGES, model="wall/any", feature="bench"),
            "openai": lambda: sdk.chat.completions.create(**BODY),
            "door": lambda: door.chat.completions.create(**BODY),
            "aiohttp": lambda: _aiohttp(plain, url),
            "httpx2": lambda: _httpx2(other, url),
        }
        streams: dict[str, Ask] = {
            "seawall": lambda: _seawall_stream(seawall),
            "openai": lambda: _openai_stream(sdk),
            "door": lambda: _openai_stream(door),
            "aiohttp": lambda: _aiohttp_stream(plain, url),
            "httpx2": lambda: _httpx2_stream(other, url),
        }
        try:
            a_call = await compare(calls, CALLS, 1)
            a_chunk = await compare(streams, STREAMS, CHUNKS)
        finally:
            await seawall.aclose()
            await sdk.close()
            await door.close()
            await plain.close()
            await other.aclose()
    figures: dict[str, float] = {}
    for what, found in (("call", a_call), ("chunk", a_chunk)):
        for name, micros in found.items():
            figures[f"library_{name}_{what}_us"] = round(micros, 2)
        figures[f"library_{what}_openai_ratio"] = round(found["openai"] / found["seawall"], 2)
        figures[f"library_{what}_door_saves_percent"] = round(
            100 * (1 - found["door"] / found["openai"]), 1
        )
    return figures


async def compare(asks: dict[str, Ask], times: int, parts: int) -> dict[str, float]:
    """The median over rounds of CPU microseconds for one part (a call, or a chunk)."""
    found: dict[str, list[float]] = {name: [] for name in asks}
    for ask in asks.values():
        await ask()
    for _ in range(ROUNDS):
        for name, ask in asks.items():
            gc.collect()
            before = time.process_time()
            await asyncio.gather(*(_worker(ask, times // CONCURRENCY) for _ in range(CONCURRENCY)))
            found[name].append((time.process_time() - before) / times / parts * 1e6)
    return {name: statistics.median(values) for name, values in found.items()}


async def _worker(ask: Ask, times: int) -> None:
    for _ in range(times):
        await ask()


async def _aiohttp(session: aiohttp.ClientSession, url: str) -> object:
    async with session.post(f"{url}/chat/completions", json=BODY) as reply:
        return await reply.json()


async def _httpx2(client: httpx2.AsyncClient, url: str) -> object:
    return (await client.post(f"{url}/chat/completions", json=BODY)).json()


async def _seawall_stream(seawall: AsyncSeawall) -> None:
    async for _ in seawall.stream(MESSAGES, model="wall/any", feature="bench"):
        pass


async def _openai_stream(sdk: openai.AsyncOpenAI) -> None:
    async for _ in await sdk.chat.completions.create(stream=True, **BODY):
        pass


async def _aiohttp_stream(session: aiohttp.ClientSession, url: str) -> None:
    async with session.post(f"{url}/chat/completions", json=BODY | {"stream": True}) as reply:
        async for line in reply.content:
            _decode(line.strip())


async def _httpx2_stream(client: httpx2.AsyncClient, url: str) -> None:
    request = client.stream("POST", f"{url}/chat/completions", json=BODY | {"stream": True})
    async with request as reply:
        async for line in reply.aiter_lines():
            _decode(line.encode())


def _decode(line: bytes) -> None:
    """What hand-written code does with a line of a stream."""
    if line.startswith(b"data: ") and line != b"data: [DONE]":
        msgspec.json.decode(line[6:])


if __name__ == "__main__":
    for figure, value in measure().items():
        print(f"{figure:34} {value:10.2f}")
