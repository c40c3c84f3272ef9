"""A clock for tests: hours pass in no time, and always in the same order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from heapq import heappop, heappush
from typing import Any, TypeVar, cast

__all__ = ["VirtualClock"]

T = TypeVar("T")


class _Timer:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    """A ``Clock`` that stands still until it is moved.

    ``advance`` moves it by hand: what falls due runs at once, in order. ``run`` drives a
    coroutine and moves the clock whenever everybody waits. Seconds throughout; ``start`` is
    the first ``now()`` and ``epoch`` the first ``time()``.
    """

    def __init__(self, *, start: float = 0.0, epoch: float = 1_700_000_000.0) -> None:
        self._now = start
        self._ahead = epoch - start
        self._timers: list[tuple[float, int, _Timer]] = []
        self._order = 0
        self._settling = 0

    def now(self) -> float:
        return self._now

    def time(self) -> float:
        return self._now + self._ahead

    async def sleep(self, seconds: float, /) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self.call_later(seconds, partial(_wake, woken))
        try:
            await woken
        finally:
            timer.cancel()

    def call_later(self, seconds: float, callback: Callable[[], object], /) -> _Timer:
        timer = _Timer(callback)
        # Those due at the same moment run in the order they were asked for.
        self._order += 1
        heappush(self._timers, (self._now + max(0.0, seconds), self._order, timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Move on by ``seconds`` and run what falls due, each at its own time. Tasks that wake
        up run when the caller next awaits something (``settle``)."""
        if seconds < 0:
            raise ValueError(f"time does not go back: advance({seconds})")
        until = self._now + seconds
        while self._ring(until):
            pass
        self._now = until

    async def settle(self) -> None:
        """Let every task of the running loop go on until it waits for something."""
        # asyncio offers no way to ask whether it is idle, and uvloop not even a look inside.
        ready = cast("Any", getattr(asyncio.get_running_loop(), "_ready", None))
        if ready is None:
            for _ in range(100):
                await asyncio.sleep(0)
            return
        quiet = 0
        self._settling += 1
        try:
            # The second quiet turn has polled the sockets: what was there to read has been read.
            while quiet < 2:
                await asyncio.sleep(0)
                # Others who settle are always ready, and must not wait for each other.
                quiet = quiet + 1 if len(ready) < self._settling else 0
        finally:
            self._settling -= 1

    async def run(
        self, coro: Coroutine[Any, Any, T], *, limit: float = 86_400.0, patience: float = 5.0
    ) -> T:
        """What ``coro`` returns, the clock moved to the next timer whenever all tasks wait.

        It is meant for code that waits for this clock; what arrives from sockets and threads is
        waited for only when no timer is pending. Raises ``TimeoutError`` after ``limit`` seconds
        of this clock, or after ``patience`` real seconds in which nothing happened.
        """
        task = asyncio.ensure_future(coro)
        try:
            await self._drive(task, self._now + limit, patience)
            return task.result()
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _drive(self, task: asyncio.Future[Any], until: float, patience: float) -> None:
        given_up = time.monotonic() + patience
        while True:
            await self.settle()
            if task.done():
                return
            if self._ring(until):
                given_up = time.monotonic() + patience
            elif self._timers:
                raise TimeoutError(f"it still runs at {until:g} s of the virtual clock")
            elif time.monotonic() > given_up:
                raise TimeoutError(f"no timer is pending and nothing happened for {patience:g} s")
            else:
                await asyncio.wait({task}, timeout=0.002)

    def _ring(self, until: float) -> bool:
        """Run the next timer, if it is due by ``until``."""
        timers = self._timers
        while timers and timers[0][2].callback is None:
            heappop(timers)
        if not timers or timers[0][0] > until:
            return False
        due, _, timer = heappop(timers)
        self._now = max(self._now, due)
        callback = timer.callback
        timer.cancel()
        if callback is not None:
            callback()
        return True


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
