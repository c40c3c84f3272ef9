"""A bounded resource with a bounded queue before it."""

from __future__ import annotations

import asyncio
import weakref

from ...errors import QueueFullError

__all__ = ["Gate"]


class Gate:
    """Lets ``slots`` calls in at once on each event loop and ``queue`` more wait, first come,
    first served."""

    def __init__(self, slots: int, queue: int) -> None:
        self._slots = slots
        self._queue = queue
        self._loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Line]
        self._loops = weakref.WeakKeyDictionary()

    async def enter(self) -> Pass:
        """Wait for a slot. Raises ``QueueFullError`` when too many wait already."""
        loop = asyncio.get_running_loop()
        line = self._loops.get(loop)
        if line is None:
            line = self._loops[loop] = _Line(self._slots)
        if line.semaphore.locked() and line.waiting >= self._queue:
            raise QueueFullError(
                f"{line.waiting} calls already wait for the embedded model; ask it less at once, "
                "or give Local a longer queue"
            )
        line.waiting += 1
        try:
            await line.semaphore.acquire()
        finally:
            line.waiting -= 1
        return Pass(line, loop)


class _Line:
    def __init__(self, slots: int) -> None:
        self.semaphore = asyncio.Semaphore(slots)
        self.waiting = 0


class Pass:
    """A slot that is taken; ``leave`` gives it back, once."""

    def __init__(self, line: _Line, loop: asyncio.AbstractEventLoop) -> None:
        self._line: _Line | None = line
        self._loop = loop

    def leave(self) -> None:
        line, self._line = self._line, None
        if line is not None and not self._loop.is_closed():
            line.semaphore.release()
