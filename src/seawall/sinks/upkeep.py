"""A thread that does small chores soon after it is asked to, and else sleeps."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

__all__ = ["Upkeep"]


class Upkeep:
    """Calls ``work`` once, ``interval`` seconds after it was asked to, however often it was.

    The thread starts with the first ``ask`` and never keeps the process alive.
    """

    def __init__(self, work: Callable[[], None], interval: float) -> None:
        self._work = work
        self._interval = interval
        self._asked = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        self._asked.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="seawall-journal", daemon=True)
            # An interpreter on its way out starts no threads; closing does the chores then.
            with contextlib.suppress(RuntimeError):
                self._thread.start()

    def stop(self, timeout: float) -> None:
        """Have the thread end, and wait at most ``timeout`` seconds for it."""
        self._stop.set()
        self._asked.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread.is_alive():
            thread.join(timeout)

    def _run(self) -> None:
        # Asked anew each time: a stop may come just before its request is cleared with the rest.
        while not self._stop.is_set():
            self._asked.wait()
            if self._stop.wait(self._interval):
                return
            self._asked.clear()
            self._work()
