"""Whoever gives up a stream, at whatever moment: everything under way ends, once, and is told."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recovery_world import Model, World

from seawall import AsyncReplyStream, StreamCutError
from seawall.core import Interruption
from seawall.sinks import Ledger

PIECES = ("The ", "harbour ", "of ", "Trieste.")


def world(recovery: str) -> World:
    """Cut twice: its second model repeats what it is shown, its third refuses to be shown it."""
    return World(
        a=Model(pieces=PIECES, cut=3),
        b=[Model(pieces=PIECES, prefilled="echo"), Model(pieces=PIECES, cut=4)],
        c=Model(pieces=PIECES, prefilled="refuse"),
        prefill=["b", "c"],
    )


async def read(stream: AsyncReplyStream) -> str:
    return (await stream.reply()).text


async def runs_on(task: asyncio.Task[Any], turns: int) -> bool:
    """Whether ``task`` still runs after so many turns of the loop."""
    for _ in range(turns):
        if task.done():
            return False
        await asyncio.sleep(0)
    return not task.done()


async def settled(task: asyncio.Task[Any]) -> None:
    await asyncio.wait({task}, timeout=5)
    assert task.done()
    for _ in range(5):
        await asyncio.sleep(0)


def ended(directory: Path, *outcomes: str) -> str:
    """How the call ended; so have all of its attempts, and each has its price."""
    with Ledger.open(directory) as ledger:
        (row,) = ledger.calls(contents=True)
    assert row.outcome in outcomes
    if row.attempts:
        assert row.decision is not None
        made = [attempt.outcome for attempt in row.decision.attempts]
        assert "open" not in made
        # Five tokens are estimated for the question, ten metered.
        billed = sum(outcome in ("cut", "cancelled", "finished") for outcome in made)
        assert (row.prompt_tokens or 0) >= 5 * billed
    return row.outcome


async def each_moment(
    tmp_path: Path, recovery: str, give_up: Callable[[asyncio.Task[str], AsyncReplyStream], Any]
) -> list[BaseException | None]:
    """Give up after every number of turns until the answer is whole. What the readers got."""
    got: list[BaseException | None] = []
    whole = False
    for turns in range(2000):
        here, directory = world(recovery), tmp_path / str(turns)
        client = here.client(recovery=recovery, ledger={"dir": str(directory)})
        stream = client.stream("?")
        task = asyncio.create_task(read(stream))
        runs = await runs_on(task, turns)
        if runs:
            await give_up(task, stream)
        await settled(task)
        assert here.memory.open == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await client.aclose()
        if not runs:
            assert task.result() == "".join(PIECES)
            ended(directory, "finished")
            return got
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if here.heard:
            # Given up after its finish, an answer is whole whatever its reader was told.
            outcomes = ("finished",) if whole else ("finished", "cancelled")
            whole = ended(directory, *outcomes) == "finished"
            assert whole or error is not None
        got.append(error)
    raise AssertionError("it never ended")


@pytest.mark.parametrize("recovery", ["resume", "hold"])
async def test_a_cancelled_reader_leaves_nothing_behind(recovery: str, tmp_path: Path) -> None:
    async def cancel(task: asyncio.Task[str], stream: AsyncReplyStream) -> None:
        task.cancel()

    got = await each_moment(tmp_path, recovery, cancel)
    assert len(got) > 30
    assert {type(error) for error in got} == {asyncio.CancelledError}


@pytest.mark.parametrize("recovery", ["resume", "hold"])
async def test_a_stream_closed_by_another_raises_at_its_reader(
    recovery: str, tmp_path: Path
) -> None:
    async def close(task: asyncio.Task[str], stream: AsyncReplyStream) -> None:
        await stream.aclose()

    first, *got = await each_moment(tmp_path, recovery, close)
    assert isinstance(first, RuntimeError)  # closed before it was begun
    assert len(got) > 30
    # None where the finish had come: what is left is then only the usage.
    assert {type(error) for error in got} - {type(None)} == {StreamCutError}
    assert all(task.cancelling() == 0 for task in asyncio.all_tasks())


async def test_one_who_is_cancelled_himself_is_not_taken_for_called_off() -> None:
    async def wait(interruption: list[Interruption]) -> bool:
        interruption.append(Interruption())
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return interruption[0].taken_back()
        return False

    async def waiting() -> tuple[asyncio.Task[bool], Interruption]:
        made: list[Interruption] = []
        task = asyncio.create_task(wait(made))
        await asyncio.sleep(0)
        return task, made[0]

    task, interruption = await waiting()
    interruption.call_off()
    interruption.call_off()
    assert (await task, task.cancelling()) == (True, 0)
    task, interruption = await waiting()
    interruption.call_off()
    task.cancel()
    assert await task is False
    task, _ = await waiting()
    task.cancel()
    assert await task is False


async def test_a_stream_that_is_dropped_ends_its_attempt(tmp_path: Path) -> None:
    here = world("resume")
    client = here.client(ledger={"dir": str(tmp_path)})
    stream = client.stream("?")
    events = [await anext(stream) for _ in range(4)]  # the last one is of the second model
    assert len(events) == 4
    assert here.names() == ["a", "b", "b"]
    del stream
    gc.collect()
    assert here.memory.open == 0
    await client.aclose()
    ended(tmp_path, "cancelled")
