"""What is kept of a batch, and how its waiting goes by the clock."""

from __future__ import annotations

import stat
from pathlib import Path

import openai
import pytest
from batches_provider import provider
from batches_world import MODELS, REQUESTS, settings

from seawall import AsyncSeawall
from seawall.client.batches.pacing import Pace, told
from seawall.errors import TimeoutFault
from seawall.sinks import Ledger
from seawall.testing import VirtualClock


async def test_the_openai_package_reads_what_was_submitted(tmp_path: Path) -> None:
    with provider() as app:
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            batch = await client.batch(REQUESTS, model=MODELS["openai"])
            await batch.wait(20, first=0.01)
        with openai.OpenAI(base_url=f"{app.url}/v1", api_key="k") as sdk:
            theirs = sdk.batches.retrieve(batch.id)
            assert theirs.metadata == {"seawall": batch.handle}
            assert theirs.status == "completed"
            assert theirs.output_file_id is not None
            assert b"custom_id" in sdk.files.content(theirs.output_file_id).content
            # What the package uploads is read as what we upload is.
            lines = app.files["file-1"]
            file = sdk.files.create(file=("x.jsonl", lines), purpose="batch")
        assert app.files[file.id] == lines


@pytest.mark.parametrize("content", ["full", "hashed", "none"])
async def test_what_was_said_is_kept_as_the_ledger_keeps_it(content: str, tmp_path: Path) -> None:
    secret = "sk-proj-" + "a1" * 20
    requests = {"sk-1": f"My key is {secret}, and I like Trieste."}
    with provider() as app:
        world = settings(app, tmp_path, ledger={"dir": str(tmp_path), "content": content})
        async with AsyncSeawall(**world) as client:
            batch = await client.batch(requests, model=MODELS["openai"], feature="ports")
            await batch.wait(20, first=0.01)
            assert [item.id async for item in batch.results()] == ["sk-1"]
    (file,) = (tmp_path / "batches").iterdir()
    kept = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret not in kept
    assert "key-of-openai" not in kept
    assert ("Trieste" in kept) == (content == "full")
    with Ledger.open(tmp_path) as ledger:
        (call,) = ledger.calls()
        call = ledger.get(call.id)
    assert ("Trieste" in str(call.messages)) == (content == "full")
    assert ("answer to" in str(call.response)) == (content == "full")


async def test_without_a_ledger_the_handle_is_kept_and_nothing_that_was_said(
    tmp_path: Path,
) -> None:
    with provider() as app:
        world = settings(app, tmp_path, ledger={"dir": str(tmp_path), "enabled": False})
        async with AsyncSeawall(**world) as client:
            batch = await client.batch(REQUESTS, model=MODELS["openai"])
            await batch.wait(20, first=0.01)
            assert len([item async for item in client.batch_of(batch.handle).results()]) == 3
    assert "harbour" not in next((tmp_path / "batches").iterdir()).read_text()
    assert not (tmp_path / "journal").exists()


async def test_pauses_grow_and_are_never_shorter_than_they_are_told() -> None:
    clock = VirtualClock()
    pace = Pace(clock, 1000.0, 2.0, 60.0)
    slept: list[float] = []

    async def pause(**headers: str) -> None:
        before = clock.now()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        await clock.run(pace.pause(told(named, clock)))
        slept.append(round(clock.now() - before, 3))

    for _ in range(3):
        await pause()
    await pause(retry_after="300")
    for _ in range(7):
        await pause()
    assert slept[:4] == [2.0, 3.0, 4.5, 300.0]
    assert slept[-1] == 60.0
    with pytest.raises(TimeoutFault, match="1000 s; it goes on"):
        await pause(retry_after="700")
    assert clock.now() <= 1000.0 + 1e-6
