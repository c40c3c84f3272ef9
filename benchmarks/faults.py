"""The same faults under three clients: the bare openai SDK, the SDK inside tenacity and pybreaker
as a careful user writes them, and the SDK with Seawall as its HTTP client.

The simulator is each client's only provider, on a socket of its own. All have three attempts and
the same timeout. Seconds are the wall's: most of them are waits.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import openai
import pybreaker
import tenacity
from msgspec import Struct

from seawall import http_client
from seawall.simulator import KINDS, Rule, Script, Simulator
from seawall.simulator.answers import TEXT

__all__ = ["CLIENTS", "Row", "measure"]

CLIENTS = ("openai", "tenacity", "seawall")
MESSAGES: list[Any] = [{"role": "user", "content": "Name a harbour."}]
TIMEOUT = 5.0
HANGS = 40.0

#: Too large to be a matter of retries, or of tool calls only.
LEFT_OUT = {"huge-body", "huge-event", "duplicate-tool-ids", "missing-tool-ids"}

#: What happens, as the page names it, to which question, and the rule of the simulator: every fault
#: befalls the first request, and two that stay befall each.
CASES: tuple[tuple[str, bool, Rule], ...] = (
    *(
        (f"{'stream: ' if stream else ''}{kind.about}", stream, Rule(fault=name, requests=(1,)))
        for stream in (False, True)
        for name, kind in KINDS.items()
        if name not in LEFT_OUT and (kind.streamed if stream else kind.whole)
    ),
    ("rate limit, for good", False, Rule(fault="429", retry_after=0.2)),
    ("no reply, for good", False, Rule(fault="silent")),
)


class Row(Struct):
    """``sent``: requests. ``ended``: ``whole``, ``part as whole``, ``hung`` or the error's name."""

    case: str
    client: str
    sent: int
    ended: str
    seconds: float


async def measure() -> list[Row]:
    """Every case under every client, some at once: they mostly wait."""
    turns = asyncio.Semaphore(12)

    async def one(client: str, case: tuple[str, bool, Rule]) -> Row:
        async with turns:
            return await _one(client, *case)

    return list(await asyncio.gather(*(one(c, case) for case in CASES for c in CLIENTS)))


async def _one(client: str, case: str, stream: bool, rule: Rule) -> Row:
    simulator = Simulator(Script(faults=(rule,)))
    with tempfile.TemporaryDirectory() as directory:
        async with simulator.serve() as url:
            ask, close = _CLIENTS[client](url, directory)
            began = time.monotonic()
            ended = await _end(ask(stream))
            seconds = time.monotonic() - began
            await close()
    return Row(case, client, len(list(simulator.log)), ended, seconds)


async def _end(answer: AsyncIterator[str]) -> str:
    try:
        async with asyncio.timeout(HANGS):
            text = "".join([piece async for piece in answer])
    except TimeoutError:
        return "hung"
    except Exception as error:
        return type(error).__name__
    return "whole" if text == TEXT else "part as whole"


def _bare(url: str, directory: str) -> tuple[Callable[[bool], AsyncIterator[str]], Any]:
    sdk = openai.AsyncOpenAI(api_key="none", base_url=url, timeout=TIMEOUT)
    return lambda stream: _pieces(_create(sdk, stream), stream), sdk.close


def _careful(url: str, directory: str) -> tuple[Callable[[bool], AsyncIterator[str]], Any]:
    sdk = openai.AsyncOpenAI(api_key="none", base_url=url, timeout=TIMEOUT, max_retries=0)
    breaker = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=15)

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(
            (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError)
        ),
        wait=tenacity.wait_random_exponential(multiplier=0.5, max=8),
        stop=tenacity.stop_after_attempt(3),
        reraise=True,
    )
    async def create(stream: bool) -> Any:
        with breaker.calling():
            return await _create(sdk, stream)

    return lambda stream: _pieces(create(stream), stream), sdk.close


def _door(url: str, directory: str) -> tuple[Callable[[bool], AsyncIterator[str]], Any]:
    http = http_client(ledger={"dir": directory}, recovery="resume")
    sdk = openai.AsyncOpenAI(api_key="none", base_url=url, timeout=TIMEOUT, http_client=http)
    return lambda stream: _pieces(_create(sdk, stream), stream), sdk.close


_CLIENTS = {"openai": _bare, "tenacity": _careful, "seawall": _door}


async def _create(sdk: openai.AsyncOpenAI, stream: bool) -> Any:
    create: Any = sdk.chat.completions.create
    return await create(model="sim", messages=MESSAGES, stream=stream)


async def _pieces(creating: Any, stream: bool) -> AsyncIterator[str]:
    """What an application shows its user, piece by piece."""
    reply = await creating
    if not stream:
        yield reply.choices[0].message.content or ""
        return
    async for chunk in reply:
        for choice in chunk.choices:
            yield choice.delta.content or ""


if __name__ == "__main__":
    for row in asyncio.run(measure()):
        print(f"{row.case:40} {row.client:9} {row.sent:3} {row.ended:22} {row.seconds:6.2f}")
