"""The two files a process keeps records in: its journal, and the room it set aside."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from pathlib import Path

__all__ = ["JournalFile", "Reserve", "Taken", "try_lock"]

_NEW = os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class Taken(Exception):
    """Somebody else looked at a new file before its owner could lock it: use another name."""


def try_lock(fd: int) -> bool:
    """Take the exclusive ``flock`` of an open file, without waiting."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class JournalFile:
    """An append-only file: what ``append`` returned from is there whole, and else nothing is."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, _NEW | os.O_WRONLY | os.O_APPEND, 0o600)
        self.size = 0
        self.broken = False

    def append(self, data: bytes) -> None:
        """One ``write(2)`` unless the disk takes only a part. Raises ``OSError``.

        Python itself repeats a call that a signal interrupted (PEP 475).
        """
        try:
            done = os.write(self.fd, data)
            while done < len(data):
                done += os.write(self.fd, memoryview(data)[done:])
            self.size += len(data)
        except OSError:
            self._take_back()
            raise
        except BaseException:
            # A signal handler raised: how much is on file is unknown, so nothing may follow it.
            self.broken = True
            raise

    def _take_back(self) -> None:
        """A record after half a record would be lost with it."""
        try:
            os.ftruncate(self.fd, self.size)
        except OSError:
            self.broken = True

    def close(self) -> None:
        os.close(self.fd)


class Reserve:
    """Room on the disk that is already ours, and the sign that its owner lives.

    The file is allocated when a process starts to record and stays locked (``flock``) until it
    ends. When the disk is full, the ends of calls in flight are written into it: that needs no
    new block, so no other process can take the room away. Its records are moved to the journal
    as soon as that can grow again. A file system that copies on write promises less.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.used = 0
        self._size = size
        self._touched = 0
        self.fd = os.open(path, _NEW | os.O_RDWR, 0o600)
        try:
            if not try_lock(self.fd) or not os.fstat(self.fd).st_nlink:
                raise Taken(path)
            _allocate(self.fd, size)
        except OSError:
            path.unlink(missing_ok=True)
            os.close(self.fd)
            raise
        except Taken:
            os.close(self.fd)
            raise

    def put(self, line: bytes) -> bool:
        """Write ``line`` behind the others; ``False`` if there is no room, or the disk fails."""
        after = self.used + len(line)
        if after > self._size:
            return False
        self._touched = max(self._touched, after)
        try:
            _write_at(self.fd, line, self.used)
        except OSError:
            return False
        self.used = after
        return True

    def lines(self) -> bytes:
        return os.pread(self.fd, self.used, 0)

    def clear(self) -> None:
        """Make the room free again, without giving it back. Raises ``OSError``."""
        _write_at(self.fd, bytes(self._touched), 0)
        self.used = self._touched = 0

    def close(self) -> None:
        """Stop living. An empty reserve goes; one that still holds records is for an importer."""
        if not self.used:
            self.path.unlink(missing_ok=True)
        os.close(self.fd)


def _allocate(fd: int, size: int) -> None:
    if sys.platform != "darwin":
        try:
            os.posix_fallocate(fd, 0, size)
            return
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                raise
    _write_at(fd, bytes(size), 0)


def _write_at(fd: int, data: bytes, at: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(fd, memoryview(data)[done:], at + done)
