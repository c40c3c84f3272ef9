"""A plan, played: waits are waited, the rest is passed on, and the log hears how it ends."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator

from ..ports import Clock
from ..server import Head, Step
from .log import Log, Seen
from .plan import Ask, Plan, Wait

__all__ = ["Stage", "leave", "play"]


class Stage:
    """Where plans are played: a clock, how much faster than it the script's time runs, and a
    log. Its time begins with the first request."""

    def __init__(self, clock: Clock, speed: float, log: Log) -> None:
        self.clock = clock
        self.speed = speed
        self.log = log
        self._began: float | None = None

    def now(self) -> float:
        """Seconds of the client's time since the first request."""
        now = self.clock.now()
        if self._began is None:
            self._began = now
        return now - self._began

    async def wait(self, seconds: float) -> None:
        """``seconds`` of the script's time."""
        if math.isinf(seconds):
            await asyncio.Event().wait()
        elif seconds > 0:
            await self.clock.sleep(seconds / self.speed)


async def play(plan: Plan, seen: Seen, stage: Stage) -> AsyncGenerator[Step, None]:
    steps = iter(plan)
    step = next(steps, None)
    try:
        while step is not None:
            if isinstance(step, (Ask, Wait)):
                await _pass(step, seen, stage)
                step = next(steps, None)
                continue
            following = next(steps, None)
            _note(step, seen, stage)
            if following is None:
                # Before the last piece: a client that has it may leave at once.
                _end(seen, stage)
            yield step
            step = following
    finally:
        leave(seen, stage)


async def _pass(step: Ask | Wait, seen: Seen, stage: Stage) -> None:
    """What is not sent."""
    if isinstance(step, Ask):
        seen.wait = step.seconds
    else:
        await stage.wait(step.seconds)


def leave(seen: Seen, stage: Stage) -> None:
    """The client has gone, unless it has everything."""
    if seen.how == "open":
        seen.end("left", stage.now())
        stage.log.tell(seen)


def _note(step: Step, seen: Seen, stage: Stage) -> None:
    if isinstance(step, Head):
        seen.begin(step, stage.clock.time())
        stage.log.tell(seen)
    elif isinstance(step, bytes):
        seen.sent += len(step)


def _end(seen: Seen, stage: Stage) -> None:
    if seen.status >= 400:
        seen.end("refused", stage.now())
    else:
        seen.end("answered" if seen.leaves == "whole" else "broken", stage.now())
    stage.log.tell(seen)
