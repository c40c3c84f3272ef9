"""The clock that tests stand on."""

from __future__ import annotations

import asyncio
import threading

import pytest

from seawall.ports import Clock
from seawall.testing import VirtualClock


def test_it_starts_where_it_is_told() -> None:
    clock: Clock = VirtualClock(start=100.0, epoch=1e9)
    assert (clock.now(), clock.time()) == (100.0, 1e9)


def test_it_stands_still_until_moved_and_never_goes_back() -> None:
    clock = VirtualClock()
    clock.advance(2.5)
    clock.advance(0)
    assert (clock.now(), clock.time()) == (2.5, 1_700_000_002.5)
    with pytest.raises(ValueError, match="-1"):
        clock.advance(-1)


def test_timers_run_in_order_each_at_its_time() -> None:
    clock, ran = VirtualClock(), list[tuple[str, float]]()

    def note(name: str) -> None:
        ran.append((name, clock.now()))

    def chain() -> None:
        note("b")
        clock.call_later(1.0, lambda: note("d"))
        clock.call_later(99.0, lambda: note("never"))

    clock.call_later(2.0, chain)
    clock.call_later(1.0, lambda: note("a"))
    clock.call_later(2.0, lambda: note("c"))
    clock.call_later(-5.0, lambda: note("now"))
    clock.call_later(1.5, lambda: note("cancelled")).cancel()
    clock.advance(3.0)
    assert ran == [("now", 0.0), ("a", 1.0), ("b", 2.0), ("c", 2.0), ("d", 3.0)]


def test_a_timer_that_fails_leaves_the_clock_at_its_time() -> None:
    clock = VirtualClock()
    clock.call_later(1.0, lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        clock.advance(5.0)
    assert clock.now() == 1.0
    clock.advance(5.0)
    assert clock.now() == 6.0


async def test_run_passes_the_time_that_is_slept() -> None:
    clock = VirtualClock()

    async def worker(name: str, pause: float) -> list[str]:
        log = list[str]()
        for _ in range(3):
            await clock.sleep(pause)
            log.append(f"{name}{clock.now():g}")
        return log

    async def both() -> list[list[str]]:
        return [*await asyncio.gather(worker("a", 3600.0), worker("b", 5000.0))]

    assert await clock.run(both()) == [
        ["a3600", "a7200", "a10800"],
        ["b5000", "b10000", "b15000"],
    ]
    assert clock.now() == 15_000.0


async def test_run_does_not_move_the_clock_while_somebody_works() -> None:
    clock = VirtualClock()

    async def busy() -> float:
        timer = asyncio.create_task(clock.sleep(10.0))
        for _ in range(1000):
            await asyncio.sleep(0)
        at = clock.now()
        await timer
        return at

    assert await clock.run(busy()) == 0.0


async def test_a_sleeper_may_be_cancelled() -> None:
    clock = VirtualClock()

    async def impatient() -> str:
        task = asyncio.create_task(clock.sleep(50.0))
        clock.call_later(1.0, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task
        return "woken"

    assert await clock.run(impatient()) == "woken"
    assert clock.now() == 1.0
    clock.advance(100.0)


@pytest.mark.parametrize("seconds", [0.0, -1.0])
async def test_sleeping_for_nothing_lets_others_go_on(seconds: float) -> None:
    clock, others = VirtualClock(), list[int]()
    task = asyncio.create_task(asyncio.sleep(0, others.append(1)))
    await clock.sleep(seconds)
    assert (others, clock.now()) == ([1], 0.0)
    await task


async def test_settle_after_advance_lets_the_woken_run() -> None:
    clock, log = VirtualClock(), list[float]()

    async def sleeper() -> None:
        await clock.sleep(1.0)
        await asyncio.sleep(0)
        log.append(clock.now())

    task = asyncio.create_task(sleeper())
    await clock.settle()
    clock.advance(2.0)
    await clock.settle()
    assert (log, task.done()) == ([2.0], True)


async def test_run_waits_for_what_comes_from_outside() -> None:
    clock, loop = VirtualClock(), asyncio.get_running_loop()

    async def from_a_thread() -> int:
        answer: asyncio.Future[int] = loop.create_future()
        thread = threading.Timer(0.02, loop.call_soon_threadsafe, (answer.set_result, 7))
        thread.start()
        got = await answer
        thread.join()
        await clock.sleep(60.0)
        return got

    assert await clock.run(from_a_thread()) == 7
    assert clock.now() == 60.0


async def test_run_raises_what_the_coroutine_raises() -> None:
    async def failing() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await VirtualClock().run(failing())


async def test_run_does_not_wait_for_ever() -> None:
    clock = VirtualClock()
    with pytest.raises(TimeoutError, match=r"nothing happened for 0\.01 s"):
        await clock.run(asyncio.Event().wait(), patience=0.01)

    async def restless() -> None:
        while True:
            await clock.sleep(60.0)

    with pytest.raises(TimeoutError, match="it still runs at 600 s"):
        await clock.run(restless(), limit=600.0)
    assert clock.now() == 600.0


async def test_cancelling_run_cancels_what_it_runs() -> None:
    clock, cancelled = VirtualClock(), list[bool]()

    async def patient() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    task = asyncio.create_task(clock.run(patient()))
    await clock.settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled == [True]


def test_it_works_on_another_loop_too() -> None:
    uvloop = pytest.importorskip("uvloop")
    clock = VirtualClock()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(clock.run(clock.sleep(1000.0)))
    assert clock.now() == 1000.0
