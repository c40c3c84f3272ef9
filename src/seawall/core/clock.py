"""Time for the call path: the system's clock, and one watch an attempt for its deadlines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ..errors import Phase, TimeoutFault
from ..ports import Clock, Inbound, Timer

__all__ = ["SystemClock", "Watch", "expire"]


class SystemClock:
    """The running loop's timers and the system's time."""

    now = staticmethod(time.monotonic)
    time = staticmethod(time.time)
    sleep = staticmethod(asyncio.sleep)

    def call_later(self, seconds: float, callback: Callable[[], None], /) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, callback)


class Watch:
    """One lazily moved timer for all deadlines of an attempt.

    ``arm`` says when time is up and what then happens; ``rest`` suspends it while nobody waits
    (a slow reader is no stall). Moving the deadline later costs no timer: one that fires early
    looks at ``due`` and goes back to sleep.
    """

    __slots__ = ("_action", "_at", "_clock", "_due", "_tick", "_timer", "fired")

    def __init__(self, clock: Clock, tick: float | None = None) -> None:
        """``tick``: the shortest deadline to come (seconds). A timer set no later than that
        need not be moved earlier when it comes."""
        self._clock = clock
        self._tick = tick
        self._timer: Timer | None = None
        self._at = 0.0
        self._due: float | None = None
        self._action: Callable[[], object] | None = None
        self.fired = False

    def arm(self, due: float | None, action: Callable[[], object]) -> None:
        """Call ``action`` at ``due`` (the clock's seconds) unless armed anew or rested."""
        self._due = due
        self._action = action
        if due is None:
            return
        if self._timer is not None:
            if due >= self._at:
                return
            self._timer.cancel()
        self._start(due)

    def rest(self) -> None:
        # The action is dropped too: a pending timer must not keep a forgotten stream alive.
        self._due = self._action = None

    def close(self) -> None:
        self._due = self._action = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self, due: float) -> None:
        now = self._clock.now()
        seconds = max(0.0, due - now)
        if self._tick is not None and self._tick < seconds:
            seconds = self._tick
        self._at = now + seconds
        self._timer = self._clock.call_later(seconds, self._ring)

    def _ring(self) -> None:
        self._timer = None
        due, action = self._due, self._action
        if due is None or action is None:
            return
        if self._clock.now() < due:
            self._start(due)
            return
        self._due = None
        self.fired = True
        action()


def expire(inbound: Inbound, phase: Phase, seconds: float) -> None:
    """What a watch does when a reply's time is up."""
    inbound.abort(TimeoutFault(phase, seconds))
