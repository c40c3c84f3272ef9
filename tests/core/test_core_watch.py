"""One lazily moved timer for all deadlines of an attempt."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from seawall.core import SystemClock, Watch
from seawall.errors import TimeoutFault
from seawall.ports import Clock
from seawall.testing import VirtualClock


class _Counting(VirtualClock):
    """How many timers were ever set?"""

    set = 0

    def call_later(self, seconds: float, callback: Callable[[], object], /) -> Any:
        self.set += 1
        return super().call_later(seconds, callback)


def _watch(tick: float | None = None) -> tuple[_Counting, Watch, list[float]]:
    clock = _Counting()
    return clock, Watch(clock, tick), []


def test_time_is_up_once_and_on_time() -> None:
    clock, watch, rung = _watch()
    watch.arm(5.0, lambda: rung.append(clock.now()))
    clock.advance(4.999)
    assert (rung, watch.fired) == ([], False)
    clock.advance(100.0)
    assert (rung, watch.fired) == ([5.0], True)


def test_moving_a_deadline_on_costs_no_timer() -> None:
    clock, watch, rung = _watch()
    for _ in range(1000):
        watch.arm(clock.now() + 10.0, lambda: rung.append(clock.now()))
        clock.advance(0.01)
        watch.rest()
    assert clock.set == 1
    watch.arm(clock.now() + 10.0, lambda: rung.append(clock.now()))
    clock.advance(100.0)
    assert rung == [pytest.approx(20.0)]


def test_an_earlier_deadline_is_kept() -> None:
    clock, watch, rung = _watch()
    watch.arm(60.0, lambda: rung.append(-1.0))
    watch.arm(0.5, lambda: rung.append(clock.now()))
    clock.advance(60.0)
    assert rung == [0.5]


@pytest.mark.parametrize("due", [None, 5.0])
def test_a_rest_is_no_deadline(due: float | None) -> None:
    clock, watch, rung = _watch()
    watch.arm(due, lambda: rung.append(clock.now()))
    watch.rest()
    clock.advance(100.0)
    assert rung == []
    watch.arm(103.0, lambda: rung.append(clock.now()))
    clock.advance(100.0)
    assert rung == [103.0]


def test_arming_for_nothing_drops_the_deadline_before() -> None:
    clock, watch, rung = _watch()
    watch.arm(5.0, lambda: rung.append(clock.now()))
    watch.arm(None, lambda: rung.append(clock.now()))
    clock.advance(100.0)
    assert rung == []


def test_a_deadline_in_the_past_is_up_at_once() -> None:
    clock, watch, rung = _watch()
    clock.advance(50.0)
    watch.arm(10.0, lambda: rung.append(clock.now()))
    clock.advance(0.0)
    assert rung == [50.0]


def test_the_tick_sets_the_timer_for_the_shortest_deadline_to_come() -> None:
    clock, watch, rung = _watch(tick=1.0)
    watch.arm(10.0, lambda: rung.append(clock.now()))
    watch.arm(1.0, lambda: rung.append(clock.now()))
    assert clock.set == 1
    clock.advance(100.0)
    assert rung == [1.0]
    watch.arm(110.0, lambda: rung.append(clock.now()))
    clock.advance(100.0)
    assert rung == [1.0, 110.0]


def test_what_is_closed_stays_silent_and_leaves_no_timer() -> None:
    clock, watch, rung = _watch()
    watch.arm(5.0, lambda: rung.append(clock.now()))
    watch.close()
    watch.close()
    clock.advance(100.0)
    assert rung == []


@pytest.mark.parametrize("clock", [VirtualClock, SystemClock])
async def test_a_resting_watch_holds_nobody(clock: type[Clock]) -> None:
    class Owner:
        def ring(self) -> None: ...

    owner, now = Owner(), clock()
    watch = Watch(now)
    watch.arm(now.now() + 60.0, owner.ring)
    watch.rest()
    gone = weakref.ref(owner)
    gc.disable()
    try:
        del owner
        assert gone() is None
    finally:
        gc.enable()
    watch.close()


async def test_it_rings_on_the_systems_clock() -> None:
    clock, rung = SystemClock(), asyncio.Event()
    Watch(clock).arm(clock.now() + 0.01, rung.set)
    await asyncio.wait_for(rung.wait(), 5.0)


@pytest.mark.parametrize("phase", ["connect", "first_byte", "first_token", "idle", "total", "pool"])
def test_a_timeout_says_which_deadline_and_how_long(phase: str) -> None:
    fault = TimeoutFault(phase, 2.5)  # type: ignore[arg-type]
    assert "2.5 s" in str(fault)
    assert phase == "pool" or f"deadline.{phase}" in str(fault)
