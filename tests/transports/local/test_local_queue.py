"""Bounded concurrency, the queue before it, and calls that are given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from local_world import ENDLESS, answers_so_far, ask, question, tokens_at_stop, whole

from seawall.errors import ConfigError, ConnectionFault, MalformedReplyError, QueueFullError
from seawall.transports.http import Http, Limits
from seawall.transports.local import Engine, Local
from seawall.transports.local.gate import Gate

#: What an answer that is not stopped comes to: the question and ``ENDLESS``.
ALL = 900


async def test_a_closed_stream_stops_generating(local: Local, runtime: Path) -> None:
    await ask(local, "Say hi.", max_tokens=1)
    before = answers_so_far(runtime)
    inbound = await local(question(stream=True, **ENDLESS))
    await inbound.read()
    inbound.abort()
    assert await tokens_at_stop(runtime, before + 1) < ALL


async def test_a_cancelled_call_stops_generating_though_nothing_was_streamed(
    local: Local, runtime: Path
) -> None:
    await ask(local, "Say hi.", max_tokens=1)
    before = answers_so_far(runtime)
    call = asyncio.create_task(ask(local, "Count from 1 to 500.", **ENDLESS))
    await asyncio.sleep(0.5)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await tokens_at_stop(runtime, before + 1) < ALL


async def test_a_cancelled_call_gives_its_slot_back(local: Local) -> None:
    call = asyncio.create_task(ask(local, "Count from 1 to 500.", **ENDLESS))
    await asyncio.sleep(0.2)
    call.cancel()
    code, _ = await ask(local, "Say hi.", max_tokens=1)
    assert code == 200


async def test_a_pending_read_is_woken_by_abort_and_the_slot_is_free(local: Local) -> None:
    inbound = await local(question(stream=True, **ENDLESS))
    reading = asyncio.create_task(whole(inbound))
    await asyncio.sleep(0)
    inbound.abort()
    with pytest.raises(ConnectionFault):
        await reading
    inbound.abort()
    inbound.release()
    code, _ = await ask(local, "Say hi.", max_tokens=1)
    assert code == 200


async def test_one_call_at_a_time_is_under_way_and_the_queue_is_bounded(
    make: Callable[..., Local],
) -> None:
    local = make(queue=2)
    first = await local(question(stream=True, **ENDLESS))
    waiting = [asyncio.create_task(ask(local, "Say hi.", max_tokens=1)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(QueueFullError, match="2 calls already wait"):
        await local(question())

    waiting[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]
    waiting.append(asyncio.create_task(ask(local, "Say hi.", max_tokens=1)))
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting[1:])

    first.abort()
    assert [code for code, _ in await asyncio.gather(*waiting[1:])] == [200, 200]


async def test_those_who_wait_are_served_in_order() -> None:
    gate = Gate(slots=1, queue=10)
    entry = await gate.enter()
    served: list[int] = []

    async def call(number: int) -> None:
        mine = await gate.enter()
        served.append(number)
        await asyncio.sleep(0)
        mine.leave()

    calls = [asyncio.create_task(call(number)) for number in range(5)]
    await asyncio.sleep(0)
    calls[2].cancel()
    entry.leave()
    await asyncio.gather(*calls, return_exceptions=True)
    assert served == [0, 1, 3, 4]


def test_a_slot_left_behind_on_a_closed_loop_is_no_loss() -> None:
    gate = Gate(slots=1, queue=0)
    lost = asyncio.run(gate.enter())
    asyncio.run(gate.enter())
    lost.leave()


async def test_leaving_twice_frees_one_slot() -> None:
    gate = Gate(slots=1, queue=0)
    entry = await gate.enter()
    entry.leave()
    entry.leave()
    await gate.enter()
    with pytest.raises(QueueFullError):
        await gate.enter()


async def test_two_slots_answer_two_calls_at_once(make: Callable[..., Local]) -> None:
    local = make(engine=Engine(context=512, slots=2, threads=1, grace=30))
    first = await local(question(stream=True, **ENDLESS))
    second = await local(question(stream=True, **ENDLESS))
    for inbound in (first, second) * 3:
        assert b"[DONE]" not in await inbound.read()
    first.abort()
    second.abort()


async def test_a_reply_that_breaks_frees_its_slot_without_being_aborted(
    weights: Path, runtime: Path
) -> None:
    narrow = Http(Limits(body_bytes=20), environ={})
    local = Local("smollm2-135m", narrow, engine=Engine(context=1024, threads=1, grace=30))
    for _ in range(2):
        with pytest.raises(MalformedReplyError):
            await ask(local, "Say hi.", max_tokens=5)
    await local.aclose()
    await narrow.aclose()


def test_an_engine_that_cannot_run_is_refused() -> None:
    with pytest.raises(ConfigError, match="slots=0"):
        Engine(slots=0)
