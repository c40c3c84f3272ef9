"""Calling off what another task waits for, without its being taken for cancelled."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["Interruption"]


class Interruption:
    """Made by the task that is about to wait; others may ``call_off`` the wait.

    The task then sees a ``CancelledError`` like any other, and ``taken_back()`` tells whether it
    came from here alone: whoever cancelled the task itself at the same time must not be ignored.
    """

    __slots__ = ("_cancelling", "_task", "called")

    def __init__(self) -> None:
        task: asyncio.Task[Any] | None = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call needs a running task")
        self._task = task
        self._cancelling = task.cancelling()
        self.called = False

    def call_off(self) -> None:
        if not self.called:
            self.called = True
            self._task.cancel()

    def taken_back(self) -> bool:
        return self.called and self._task.uncancel() <= self._cancelling
