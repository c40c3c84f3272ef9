"""A process is killed between any two steps, and another one goes on."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from batches_provider import HOLD, Provider, provider
from batches_world import MODELS, REQUESTS, settings

from seawall import AsyncSeawall
from seawall.sinks import Ledger

WORKER = Path(__file__).with_name("batches_worker.py")
SUBMIT = {
    "openai": r"POST /v1/batches$",
    "anthropic": r"POST /v1/messages/batches$",
    "gemini": r"POST .*:batchGenerateContent",
    "mistral": r"POST /v1/batch/jobs$",
}


@contextmanager
def worker(app: Provider, home: Path, api: str) -> Iterator[subprocess.Popen[str]]:
    """A process with a batch under way, killed at the end of the block."""
    world = {"settings": settings(app, home), "requests": REQUESTS, "model": MODELS[api]}
    process = subprocess.Popen(
        [sys.executable, WORKER, json.dumps(world)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=20)


def held(app: Provider, pattern: str, *, after: bool) -> threading.Event:
    """Set when a request that matches is there, and will never be answered."""
    reached = threading.Event()
    app.once(pattern, HOLD, after=after, reached=reached)
    return reached


async def test_killed_before_it_submits_it_has_submitted_nothing(tmp_path: Path) -> None:
    with provider() as app:
        reached = held(app, "POST /v1/files", after=False)
        with worker(app, tmp_path, "openai"):
            assert reached.wait(30)
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            (batch,) = client.batches()
            assert batch.state == "unsent"
            assert await batch.wait(5) == "unsent"
            found = [item async for item in batch.results()]
            assert {getattr(item.fault, "code", "") for item in found} == {"failed"}
        assert app.batches == {}


@pytest.mark.parametrize("api", MODELS)
async def test_killed_while_it_submits_it_is_found_again(api: str, tmp_path: Path) -> None:
    with provider() as app:
        reached = held(app, SUBMIT[api], after=True)
        with worker(app, tmp_path, api):
            assert reached.wait(30)
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            (batch,) = client.batches()
            assert batch.state == "unknown"
            assert batch.id == ""
            assert await batch.wait(20, first=0.01) == "completed"
            assert batch.id in app.batches
            assert sorted([item.id async for item in batch.results()]) == ["a", "b", "c"]
        assert len(app.batches) == len(app.of(SUBMIT[api])) == 1


async def test_killed_while_it_reads_it_bills_each_request_once(tmp_path: Path) -> None:
    with provider() as app:
        with worker(app, tmp_path, "anthropic") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "submitted\n"
            assert process.stdout.readline() in ("a\n", "b\n", "c\n")
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            (batch,) = client.batches()
            costs = [item.cost or 0 async for item in batch.results()]
        assert len(costs) == 3
    with Ledger.open(tmp_path) as ledger:
        calls = list(ledger.calls())
    assert [call.feature for call in calls] == ["ports"] * 3
    assert sum(call.cost_nano_usd or 0 for call in calls) == sum(costs)


async def test_a_file_that_was_cut_off_goes_on_where_it_can(tmp_path: Path) -> None:
    with provider() as app:
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            batch = await client.batch(REQUESTS, model=MODELS["openai"])
            (file,) = (tmp_path / "batches").iterdir()
            whole = file.read_bytes()
            accepted = whole.rindex(b"\n", 0, -1) + 1
            for cut in (accepted, accepted + 5, len(whole) - 1):
                file.write_bytes(whole[:cut])
                again = client.batch_of(batch.handle)
                assert again.state == "unknown"
                await again.refresh()
                assert again.id == batch.id
                assert client.batch_of(batch.id).state == "in_progress"
            file.write_bytes(whole[:20])
            assert client.batches() == []
