"""How long to wait between two looks at something that takes hours."""

from __future__ import annotations

from collections.abc import Mapping

from ...dialects.http_faults import retry_after
from ...errors import TimeoutFault
from ...ports import Clock

__all__ = ["Pace", "told"]

_GROWTH = 1.5


class Pace:
    """Pauses that grow from ``first`` to ``most`` seconds, until ``deadline`` seconds are over."""

    def __init__(self, clock: Clock, deadline: float | None, first: float, most: float) -> None:
        self._clock = clock
        self._limit = deadline
        self._due = None if deadline is None else clock.now() + deadline
        self._next = first
        self._most = most

    async def pause(self, asked: float = 0.0) -> None:
        """Sleep, for ``asked`` seconds if that is longer. Raises ``TimeoutFault`` when time is
        up."""
        seconds = max(self._next, asked)
        self._next = min(self._most, self._next * _GROWTH)
        left = None if self._due is None else self._due - self._clock.now()
        if left is None or seconds < left:
            await self._clock.sleep(seconds)
            return
        await self._clock.sleep(max(0.0, left))
        limit = self._limit or 0.0
        message = f"the batch did not end within {limit:g} s; it goes on, and can be waited for"
        raise TimeoutFault("total", limit, message)


def told(headers: Mapping[str, str], clock: Clock) -> float:
    """Seconds that a reply asks to wait."""
    after, until = retry_after(headers)
    return max(after or 0.0, 0.0 if until is None else until - clock.time())
