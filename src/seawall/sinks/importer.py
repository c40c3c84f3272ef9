"""The thread that keeps the ledger up to date, off the call."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ..errors import LedgerError
from .database import connect
from .forks import after_fork
from .imports import import_journals, importing
from .paths import ledger_path
from .retention import Retention, prune

__all__ = ["Importer", "ImporterStatus"]

#: Seconds between two looks at what has to go.
PRUNE_EVERY = 60.0
#: Seconds before a flush that found another process importing tries again.
TRY_AGAIN = 0.05

_log = logging.getLogger("seawall.ledger")

# Handles of a parent. SQLite forbids even closing them in a child.
_parents: list[sqlite3.Connection] = []


class ImporterStatus(Struct, frozen=True, kw_only=True):
    """``error``: why the last pass failed, ``None`` if it did not. ``at``: when the last good
    one ended, in seconds since the epoch. The rest is counted since the process began."""

    error: str | None = None
    at: float | None = None
    records: int = 0
    torn: int = 0
    interrupted: int = 0


class Importer:
    """Imports the journals under ``directory``, its own and those of other processes, every
    ``interval`` seconds. Whatever is wrong with the ledger, no call notices: records wait in
    their journals, and ``status`` says why."""

    def __init__(
        self, directory: Path, *, retention: Retention | None = None, interval: float = 1.0
    ) -> None:
        self._directory = directory
        self._retention = retention or Retention()
        self._interval = interval
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._status = ImporterStatus()
        self._prune_at = 0.0
        self._closing = False
        self._owner: Callable[[], object] = lambda: True
        self._gone: Callable[[], None] = lambda: None
        self._forget()
        after_fork(self)

    def _forget(self) -> None:
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._wanted = self._reached = 0

    def serve(self, owner: object, gone: Callable[[], None]) -> None:
        """Once nobody holds ``owner`` any more, call ``gone``, import what is left, and stop.
        The thread looks by itself: what a collector calls must not touch a lock."""
        self._owner, self._gone = weakref.ref(owner), gone

    def start(self) -> None:
        """Start the thread unless it runs or the importer is closed."""
        with self._changed:
            if self._thread is None and not self._closing:
                thread = threading.Thread(target=self._run, name="seawall-importer", daemon=True)
                # An interpreter on its way out starts no threads; the next process imports.
                with contextlib.suppress(RuntimeError):
                    thread.start()
                    self._thread = thread

    def flush(self, timeout: float) -> bool:
        """Import everything that was on file before this call. ``False`` if that could not be
        done within ``timeout`` seconds; ``status`` may say why."""
        self.start()
        with self._changed:
            return self._flush(timeout)

    def _flush(self, timeout: float) -> bool:
        if self._thread is None:
            return False
        self._wanted += 1
        target = self._wanted
        self._changed.notify_all()
        return self._changed.wait_for(lambda: self._reached >= target, timeout)

    def close(self, timeout: float = 2.0) -> None:
        """Import what is left and stop; give up after ``timeout`` seconds."""
        with self._changed:
            self._flush(timeout)
            self._closing = True
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(1.0)

    def status(self) -> ImporterStatus:
        return self._status

    def _run(self) -> None:
        done = True
        while True:
            with self._changed:
                if self._reached == self._wanted:
                    self._changed.wait(self._interval)
                elif not done:
                    self._changed.wait(TRY_AGAIN)
                if self._closing:
                    break
                wanted = self._wanted
                flushing = wanted > self._reached
            orphaned = self._owner() is None
            if orphaned:
                self._gone()
            done = self._pass(flushing)
            if done:
                with self._changed:
                    self._reached = wanted
                    self._changed.notify_all()
            if orphaned:
                break
        self._disconnect()

    def _pass(self, flushing: bool) -> bool:
        """One import pass; ``False`` if another process is at it, or the ledger is not usable.

        However many processes record here, together they make no more than two passes in an
        interval, unless one is flushing.
        """
        try:
            with importing(self._directory) as lock:
                if lock is not None and (flushing or not lock.touched_within(self._interval / 2)):
                    self._import(self._connected())
                    lock.touch()
                return lock is not None
        except (LedgerError, OSError, sqlite3.Error) as error:
            self._disconnect()
            self._failed(f"{ledger_path(self._directory)}: {error}")
            return False

    def _import(self, db: sqlite3.Connection) -> None:
        passed = import_journals(db, self._directory)
        now = time.monotonic()
        if now >= self._prune_at and prune(db, self._retention, time.time()):
            self._prune_at = now + PRUNE_EVERY
        before = self._status
        if before.error is not None:
            _log.info("the ledger in %s is up to date again", self._directory)
        self._status = ImporterStatus(
            at=time.time(),
            records=before.records + passed.records,
            torn=before.torn + passed.torn,
            interrupted=before.interrupted + passed.interrupted,
        )

    def _failed(self, error: str) -> None:
        if error != self._status.error:
            _log.warning("calls are recorded, but the ledger is not up to date: %s", error)
            self._status = replace(self._status, error=error)

    def _connected(self) -> sqlite3.Connection:
        """The ledger; opened anew if somebody has put another file in its place, or none."""
        path = ledger_path(self._directory)
        if self._db is not None and self._file == _identity(path):
            return self._db
        self._disconnect()
        self._db = connect(path)
        self._file = _identity(path)
        return self._db

    def _disconnect(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with contextlib.suppress(sqlite3.Error):
                db.close()

    def after_fork(self) -> None:
        """In a child: the thread and the database are the parent's."""
        if self._db is not None:
            _parents.append(self._db)
            self._db = None
        self._forget()


def _identity(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(FileNotFoundError):
        found = os.stat(path)
        return found.st_dev, found.st_ino
    return None
