"""One long-lived event loop on a thread of its own, for callers that are not asynchronous."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from ..plugins import optional

__all__ = ["is_running", "post", "run_in_loop"]

T = TypeVar("T")


class _LoopThread:
    """Started at the first call, shared by all, made anew in a forked child."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self._thread: threading.Thread | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if not self.runs():
                self._start()
            assert self._loop is not None
            return self._loop

    def _start(self) -> None:
        uvloop = optional("uvloop")
        loop: asyncio.AbstractEventLoop = (
            uvloop.new_event_loop() if uvloop else asyncio.new_event_loop()
        )
        self._thread = threading.Thread(target=loop.run_forever, name="seawall-loop", daemon=True)
        self._thread.start()
        self._loop, self._pid = loop, os.getpid()

    def runs(self) -> bool:
        return self._loop is not None and self._pid == os.getpid()

    def post(self, action: Callable[[], object]) -> None:
        # The loop may be closed by then: nothing is left to do.
        with contextlib.suppress(RuntimeError):
            if self._loop is not None and self.runs():
                self._loop.call_soon_threadsafe(action)

    def on_it(self) -> bool:
        return self._thread is threading.current_thread()

    def forget(self) -> None:
        """In a forked child: the thread is gone and its lock may be held by nobody."""
        self._lock = threading.Lock()
        self._loop = None


_thread = _LoopThread()
os.register_at_fork(after_in_child=_thread.forget)


def is_running() -> bool:
    """Whether anything was run in this process's loop yet."""
    return _thread.runs()


def post(action: Callable[[], object]) -> None:
    """Have ``action`` called in the loop soon, if it runs. May be called from anywhere."""
    _thread.post(action)


def run_in_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` on the loop's thread and wait for it. Ctrl-C cancels the work, lets it close
    its connection, and is raised here."""
    if _thread.on_it():
        work.close()
        raise RuntimeError("Seawall was called from its own loop; use AsyncSeawall there")
    future = asyncio.run_coroutine_threadsafe(work, _thread.loop())
    try:
        return future.result()
    except BaseException:
        if not future.done():
            future.cancel()
        raise
    finally:
        if future.cancelled():
            _drain()


def _drain() -> None:
    """Let the loop take the step in which the cancelled work cleans up."""
    try:
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), _thread.loop()).result(1.0)
    except (TimeoutError, CancelledError):
        return
