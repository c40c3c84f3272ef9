"""One thread for what would block the event loop, done in the order it was asked for."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar
from weakref import WeakSet, finalize

__all__ = ["Worker"]

T = TypeVar("T")
Job = tuple[Future[Any], Callable[[], Any]]
Jobs = SimpleQueue[Job | None]


class Worker:
    """Started at the first job, made anew in a forked child, ended with its owner. A daemon: a
    job that hangs does not keep the process alive, which waits ``patience`` seconds at its exit
    for the others."""

    def __init__(self, name: str, patience: float) -> None:
        self._name = name
        self._patience = patience
        self._renew()
        _all.add(self)

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._jobs: Jobs = SimpleQueue()
        self._busy = _Busy()
        self._thread: threading.Thread | None = None

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Have ``job`` done. The future may be cancelled as long as it waits."""
        future: Future[T] = Future()
        with self._lock:
            if self._thread is None:
                self._start()
            self._jobs.put((future, job))
        return future

    def late(self) -> bool:
        """Whether the present job takes longer than the patience: those behind it will too."""
        since = self._busy.since
        return since is not None and time.monotonic() > since + self._patience

    def idle(self) -> Future[None]:
        """Done once every job so far is."""
        return self.submit(_nothing)

    def flush(self) -> None:
        """Wait for every job so far, at most for the patience."""
        if self._thread is not None and not self.late():
            with contextlib.suppress(TimeoutError):
                self.idle().result(self._patience)

    def forked(self) -> None:
        self._renew()

    def _start(self) -> None:
        # The thread knows the queue and not the worker, so that the worker can be let go.
        self._thread = threading.Thread(
            target=_work, args=(self._jobs, self._busy), name=self._name, daemon=True
        )
        self._thread.start()
        finalize(self, self._jobs.put, None)


class _Busy:
    """``since``: when the present job was begun, ``None`` between two."""

    since: float | None = None


def _work(jobs: Jobs, busy: _Busy) -> None:
    while (asked := jobs.get()) is not None:
        future, job = asked
        if not future.set_running_or_notify_cancel():
            continue
        busy.since = time.monotonic()
        try:
            future.set_result(job())
        except BaseException as error:
            future.set_exception(error)
        busy.since = None
        del asked, future, job


def _nothing() -> None: ...


_all: WeakSet[Worker] = WeakSet()


def _after_fork() -> None:
    for worker in _all:
        worker.forked()


os.register_at_fork(after_in_child=_after_fork)


@atexit.register
def _flush_all() -> None:
    for worker in list(_all):
        worker.flush()
