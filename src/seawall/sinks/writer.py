"""One process's files in the journal: lines are appended, rotated, and kept on a full disk.

In ``DIRECTORY/journal``, an owner is one process from its first record on:

``OWNER.NUMBER.v1.journal``
    its lines; a new number begins when a file is large enough. Only the highest is written.
``OWNER.reserve``
    locked as long as the owner lives, and room for when the disk is full (``files.Reserve``).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from .files import JournalFile, Reserve, Taken
from .forks import after_fork
from .names import RESERVE, journal_name, new_owner
from .paths import make_journal_dir
from .upkeep import Upkeep

__all__ = ["Sync", "Writer"]

Sync = Literal["group", "none"]

_log = logging.getLogger("seawall.ledger")
_datasync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


class Writer:
    """Appends lines under ``directory``, which is created with the first one.

    ``sync``: with ``group`` a thread forces what was written to the disk ``interval`` seconds
    later, so that a power cut loses no more than that; with ``none`` the system decides when.
    ``rotate_at`` and ``reserve`` are bytes. ``opened`` is called whenever a process becomes an
    owner: with its first line, and with the first line of each forked child. Thread-safe.
    """

    def __init__(
        self,
        directory: Path,
        *,
        sync: Sync,
        interval: float,
        rotate_at: int,
        reserve: int,
        opened: Callable[[], object],
    ) -> None:
        self.directory = directory
        self._sync = sync == "group"
        self._interval = interval
        self._rotate_at = rotate_at
        self._reserve_size = reserve
        self._opened = opened
        self._closed = False
        self._forget()
        after_fork(self)

    def _forget(self) -> None:
        # Reentrant: garbage may be collected while it is held, and a stream in it ends its call.
        self._lock = threading.RLock()
        self._upkeep = Upkeep(self._tend, self._interval)
        self._owner = ""
        self._number = 0
        self._file: JournalFile | None = None
        self._reserve: Reserve | None = None
        self._unforced: list[int] = []
        self._kept: dict[str, bytes] = {}
        self._dirty = False
        self.owing = False

    def write(self, line: bytes) -> None:
        """Put ``line`` on file whole, or raise ``OSError`` and leave no trace of it. ``owing``
        says that ends wait for room: they go first, so that no new call takes it."""
        with self._lock:
            if self.owing:
                self._settle()
            self._append(line)
            if self._closed:
                self._let_go()

    def keep(self, id_: str, line: bytes, lean: Callable[[], bytes]) -> None:
        """Put ``line`` on file come what may: in the journal, else in the reserve, else without
        its content (``lean``) in the reserve, else so in memory until one of them takes it."""
        with self._lock:
            try:
                if self.owing:
                    self._settle()
                self._append(line)
            except OSError:
                self._set_aside(id_, line, lean())
            if self._closed:
                self._let_go()

    def _append(self, line: bytes) -> None:
        file = self._file
        if file is None or file.broken:
            file = self._open()
        elif file.size >= self._rotate_at:
            # The old file will do if there can be no new one.
            with contextlib.suppress(OSError):
                file = self._open()
        try:
            file.append(line)
        except OSError as error:
            if error.errno != errno.EFBIG or not file.size:
                raise
            self._open().append(line)
        if not self._dirty:
            self._dirty = True
            self._upkeep.ask()

    def _settle(self) -> None:
        """Move to the journal what had to wait. Twice on file does no harm: ids tell."""
        reserve = self._reserve
        lines = reserve.lines() if reserve is not None and reserve.used else b""
        self._append(lines + b"".join(self._kept.values()))
        self._kept.clear()
        if reserve is not None and lines:
            reserve.clear()
        self.owing = False

    def _set_aside(self, id_: str, line: bytes, lean: bytes) -> None:
        reserve = self._reserve
        if reserve is None or not (reserve.put(line) or reserve.put(lean)):
            self._kept[id_] = lean
        self.owing = True
        self._upkeep.ask()

    def _open(self) -> JournalFile:
        """Begin a new file. The old one is closed once the new one stands, never before."""
        if self._reserve is None:
            self._begin()
        number = self._number + 1
        file = JournalFile(self.directory / journal_name(self._owner, number))
        self._number = number
        self._retire()
        self._file = file
        if self._sync:
            # The new name must reach the disk too.
            with contextlib.suppress(OSError):
                self._unforced.append(os.open(self.directory, os.O_RDONLY | os.O_CLOEXEC))
        return file

    def _begin(self) -> None:
        make_journal_dir(self.directory)
        while self._reserve is None:
            self._owner = new_owner()
            with contextlib.suppress(Taken):
                path = self.directory / f"{self._owner}{RESERVE}"
                self._reserve = Reserve(path, self._reserve_size)
        self._number = 0
        self._opened()

    def _retire(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        if self._sync and self._dirty:
            self._unforced.append(file.fd)
        else:
            file.close()

    def _tend(self) -> None:
        """Chores of the upkeep thread: settle what is owed, force to disk what was written."""
        with self._lock:
            if self.owing:
                with contextlib.suppress(OSError):
                    self._settle()
            if self.owing:
                self._upkeep.ask()
            fds = self._to_force()
            self._notice_deletion()
        for fd in fds:
            try:
                _datasync(fd)
            except OSError as error:
                _log.warning("%s may not survive a power cut: %s", self.directory, error)
            os.close(fd)

    def _to_force(self) -> list[int]:
        fds, self._unforced = self._unforced, []
        if self._file is not None and self._dirty and self._sync:
            with contextlib.suppress(OSError):
                fds.append(os.dup(self._file.fd))
        self._dirty = False
        return fds

    def _notice_deletion(self) -> None:
        """Go on in new files when somebody has deleted these."""
        held = [each.fd for each in (self._file, self._reserve) if each is not None]
        if not all(os.fstat(fd).st_nlink for fd in held):
            _log.warning("%s was deleted while calls were recorded in it", self.directory)
            self._let_go()

    def close(self) -> None:
        """Force everything to disk and stop living. Calls still in flight may end later."""
        self._closed = True
        self._upkeep.stop(timeout=2.0)
        self._tend()
        with self._lock:
            if self._kept:
                _log.error("the ends of calls %s could not be recorded", ", ".join(self._kept))
            self._let_go()

    def _let_go(self) -> None:
        self._retire()
        for fd in self._unforced:
            os.close(fd)
        self._unforced = []
        if self._reserve is not None:
            self._reserve.close()
            self._reserve = None

    def after_fork(self) -> None:
        """In a child: close the parent's files, so that their lock is the parent's alone."""
        fds = list(self._unforced)
        fds.extend(held.fd for held in (self._file, self._reserve) if held is not None)
        self._forget()
        for fd in fds:
            with contextlib.suppress(OSError):
                os.close(fd)
