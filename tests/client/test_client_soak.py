"""Twenty thousand calls through one client, and nothing of them stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from seawall import AsyncSeawall, BadRequestError, StreamCutError
from seawall.sinks import Ledger, Where

CALLS = 20_000
STREAMED_EVERY = 10
WORKERS = 20
ROUND = 2_500
#: Rounds after which pools, caches and the ledger's own buffers are full.
WARM = 2
#: MiB that may come after them: a call's record alone has 2 KiB, so 15,000 kept ones have 30.
GROWTH = 8.0

#: What goes wrong with every so-manieth call, and what the call then comes to.
FAULTS = {
    31: "@once",
    53: "@503",
    71: "@429",
    89: "@reset",
    113: "@401",
    127: "@html",
    149: "@400",
}


@contextlib.contextmanager
def _provider() -> Iterator[str]:
    program = Path(__file__).with_name("client_soak_provider.py")
    with subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        assert process.stdin is not None
        process.stdin.close()


def _client(url: str, directory: Path) -> AsyncSeawall:
    return AsyncSeawall(
        vendors={name: {"base_url": f"{url}/{name}/v1", "key": "k-0123456789"} for name in "ab"},
        models={"both": {"route": ["a/m", "b/m"]}},
        model="both",
        defaults={"retry": {"base": 0.0005}, "breaker": {"cooldown": 0.05}},
        ledger={"dir": str(directory)},
    )


async def _call(client: AsyncSeawall, number: int) -> str:
    """Make call ``number``; how it ended."""
    mark = next((mark for every, mark in FAULTS.items() if number % every == 0), "")
    text = f"Name a harbour, number {number}. {mark} {'x' * 600}"
    if number % STREAMED_EVERY:
        try:
            await client.chat(text, feature="soak")
        except BadRequestError:
            return "fault"
        return "finished"
    return await _stream(client, number // STREAMED_EVERY, text, mark)


async def _stream(client: AsyncSeawall, number: int, text: str, mark: str) -> str:
    leave = not mark and number % 7 == 0
    if leave:
        text += " @held"
    elif not mark and number % 9 == 0:
        text += " @cut"
    try:
        async with client.stream(text, feature="soak") as stream:
            async for _ in stream:
                if leave:
                    return "cancelled"
            assert (await stream.reply()).text
    except BadRequestError:
        return "fault"
    except StreamCutError:
        return "cut"
    return "finished"


async def _round(client: AsyncSeawall, numbers: Iterator[int], size: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()

    async def work(share: int) -> None:
        for _ in range(share):
            outcomes[await _call(client, next(numbers))] += 1

    await asyncio.gather(*[work(size // WORKERS) for _ in range(WORKERS)])
    return outcomes


def _resident() -> float:
    """MiB of memory this process holds."""
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True)
    return int(told.stdout) / 2**10


def _alive() -> Counter[str]:
    """Objects of our own types, and of those that a call may leave in a loop, by type."""
    gc.collect()
    kinds = (asyncio.Future, asyncio.Handle, asyncio.BaseTransport)
    return Counter(
        type(each).__qualname__
        for each in gc.get_objects()
        if str(type(each).__module__).startswith("seawall") or isinstance(each, kinds)
    )


async def test_twenty_thousand_calls_leave_no_memory_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "seawall")  # pytest keeps every record it sees
    outcomes: Counter[str] = Counter()
    numbers = iter(range(1, CALLS + 1))
    held: list[float] = []
    alive: list[Counter[str]] = []
    with _provider() as url:
        client = _client(url, tmp_path)
        importer = client.assembly.journal.importer  # type: ignore[union-attr]
        for _ in range(CALLS // ROUND):
            outcomes += await _round(client, numbers, ROUND)
            assert await asyncio.to_thread(importer.flush, 30)
            alive.append(_alive())
            held.append(_resident())
        await client.aclose()
    assert max(held[WARM:]) - held[WARM - 1] < GROWTH, held
    # asyncio drops cancelled timers by the hundred.
    assert all(counts.pop("TimerHandle", 0) < 500 for counts in alive)
    # A connection a worker, but nothing for each call. Other tests may have left objects before.
    grown = alive[-1] - alive[WARM - 1]
    assert max(grown.values(), default=0) <= 2 * WORKERS, grown
    assert grown.total() < 10 * WORKERS, grown
    assert min(outcomes[kind] for kind in ("fault", "cut", "cancelled")) > 100
    with Ledger.open(tmp_path) as ledger:
        assert {total.group: total.calls for total in ledger.totals(by="outcome")} == outcomes
        assert outcomes.total() == CALLS
        rescued = ledger.calls(Where(model="b/m"), limit=CALLS)
        assert len(rescued) > 0.02 * CALLS
