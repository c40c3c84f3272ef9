"""Streams that nobody closes, collected at the worst moment."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client_upstream import HOLD, Upstream, finish, piece, streams, upstream, whole

from seawall import AsyncSeawall, Seawall
from seawall.sinks import Ledger


@pytest.fixture
def up() -> Iterator[Upstream]:
    with upstream() as served:
        yield served


async def test_a_collection_while_the_journal_is_written_hangs_nobody(
    up: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    up.script.append(streams(piece("Tri"), HOLD))
    client = AsyncSeawall(**up.settings(ledger={"dir": str(tmp_path)}))

    async def leave_garbage() -> None:
        stream: Any = client.stream("?")
        await anext(stream)
        stream.cycle = stream

    write, collected = os.write, threading.Event()

    def write_and_collect(fd: int, data: Any) -> int:
        # The collector may run at any allocation; let it be this one, under the journal's lock.
        if not collected.is_set():
            collected.set()
            gc.collect()
        return write(fd, data)

    gc.disable()
    try:
        await leave_garbage()
        monkeypatch.setattr(os, "write", write_and_collect)
        assert (await client.chat("?")).text == "Trieste"
    finally:
        gc.enable()
    assert collected.is_set()
    await client.aclose()
    with Ledger.open(tmp_path) as ledger:
        assert [call.outcome for call in ledger.calls()] == ["cancelled", "finished"]


def test_sync_streams_are_dropped_by_the_hundred(up: Upstream, tmp_path: Path) -> None:
    """Half of them by reference count, half by the collector, on a thread that is not the
    loop's, while their timers run."""
    up.usual = streams(piece("Tri"), HOLD)
    with Seawall(
        **up.settings(ledger={"dir": str(tmp_path)}), defaults={"breaker": False}
    ) as client:
        for number in range(200):
            stream: Any = client.stream("?")
            next(stream)
            if number % 2:
                stream.cycle = stream
            del stream
        gc.collect()
        up.usual = whole()
        assert client.chat("?").text == "Trieste"
        for asked in up.asked[:200]:
            assert asked.gone.wait(5)
    with Ledger.open(tmp_path) as ledger:
        outcomes = [call.outcome for call in ledger.calls(limit=1000)]
    assert outcomes == ["cancelled"] * 200 + ["finished"]


def test_a_sync_stream_that_was_read_leaves_nothing(up: Upstream) -> None:
    up.usual = streams(piece("Trieste"), finish())
    with Seawall(**up.settings()) as client:
        for _ in range(20):
            assert "".join(client.stream("?").text) == "Trieste"
        # On a busy machine a body may end after the next question is asked, which does not wait.
        assert up.connections <= 5


@pytest.mark.parametrize("kind", [Seawall, AsyncSeawall])
def test_clients_dropped_unclosed_leave_no_threads_and_files(
    kind: Any, up: Upstream, tmp_path: Path
) -> None:
    def ask() -> None:
        client = kind(**up.settings(ledger={"dir": str(tmp_path)}))
        if kind is Seawall:
            client.chat("?")
        else:
            asyncio.run(client.chat("?"))

    def held() -> tuple[int, int]:
        gc.collect()
        return threading.active_count(), len(os.listdir("/dev/fd"))

    ask()
    before = held()
    for _ in range(20):
        ask()
    until = time.monotonic() + 20
    while (now := held()) > before or now[1] > before[1] + 2:
        assert time.monotonic() < until, (before, now, threading.enumerate())
        time.sleep(0.1)
    with Ledger.open(tmp_path) as ledger:
        assert {call.outcome for call in ledger.calls()} == {"finished"}
