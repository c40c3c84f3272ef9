"""One import pass: from the journals of every process into the ledger.

Any process may do it, one at a time (``flock`` on ``import.lock``). How far a journal has been
read is committed together with what was read, so a pass may die anywhere and the next one
neither misses a record nor counts it twice.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Generator, Sequence
from pathlib import Path

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder

from ..records import Record
from .book import interrupt, numbers, write
from .database import savepoint, transaction
from .files import try_lock
from .forks import after_fork
from .lines import split
from .names import RESERVE, journal_name, owner_of
from .paths import journal_dir

__all__ = ["ImportLock", "Passed", "import_journals", "importing"]

# The larger a batch, the fewer calls end in a later one than they began in and are written twice:
# with 32 calls at a time 800 lines save a sixth of the work of 200. Reading them holds the
# interpreter for about a millisecond; writing lets go of it with each row.
BATCH = 800
PIECE = 256 * 1024

_log = logging.getLogger("seawall.ledger")
_decode = Decoder(Record).decode


class Passed(Struct):
    """What a pass did. ``torn``: lines that a crash had spoilt and nobody had been promised."""

    records: int = 0
    torn: int = 0
    interrupted: int = 0


class ImportLock:
    """The right to import. A child forked meanwhile lets go of its copy."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        after_fork(self)

    def touch(self) -> None:
        """Note that a pass has just been made."""
        os.utime(self.fd)

    def touched_within(self, seconds: float) -> bool:
        """Whether any process has made a pass so recently."""
        return 0 <= time.time() - os.fstat(self.fd).st_mtime < seconds

    def after_fork(self) -> None:
        self.close()

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1


@contextlib.contextmanager
def importing(directory: Path) -> Generator[ImportLock | None]:
    """The right to import into the ledger of ``directory`` while the block runs, ``None`` if
    another process has it."""
    lock = ImportLock(directory / "import.lock")
    try:
        yield lock if try_lock(lock.fd) else None
    finally:
        lock.close()


def import_journals(db: sqlite3.Connection, directory: Path) -> Passed:
    """Import everything that is on file, and clear up behind processes that died.

    To be called while ``importing``. Raises ``sqlite3.Error`` and ``OSError``; what was imported
    until then stays imported. Journals of another user, which may not be read, hold up no other.
    """
    passed = Passed()
    journals = journal_dir(directory)
    refused: PermissionError | None = None
    owners = _owners(journals)
    for owner, files in sorted(owners.items()):
        try:
            _import_owner(db, journals, owner, files, passed)
        except PermissionError as error:
            refused = error
    # Owners that left an open call but no file: somebody deleted their journals.
    left = db.execute("SELECT DISTINCT owner FROM calls WHERE outcome = 'open'").fetchall()
    for (owner,) in left:
        if owner not in owners and not (journals / f"{owner}{RESERVE}").exists():
            _interrupt(db, owner, passed)
    if refused is not None:
        raise refused
    return passed


def _owners(journals: Path) -> dict[str, list[Path]]:
    """The journals of each owner, in the order they were written."""
    owners: dict[str, list[Path]] = {}
    with contextlib.suppress(FileNotFoundError):
        for file in sorted(journals.iterdir()):
            owner = owner_of(file)
            if owner is not None:
                files = owners.setdefault(owner, [])
                if not file.name.endswith(RESERVE):
                    files.append(file)
    return owners


def _import_owner(
    db: sqlite3.Connection, journals: Path, owner: str, files: list[Path], passed: Passed
) -> None:
    reserve = journals / f"{owner}{RESERVE}"
    with _if_dead(reserve) as dead:
        if not dead:
            # Only the last file of a living owner grows, and none before it.
            for file in files:
                _import_file(db, file, owner, passed, whole=file != files[-1])
            _delete(db, files[:-1])
            return
        # Looked for anew: it may have begun another file before it died.
        files = sorted(journals.glob(journal_name(owner, "*")))
        for file in files:
            _import_file(db, file, owner, passed, whole=True)
        if reserve.exists():
            _import_file(db, reserve, owner, passed, whole=True)
        _interrupt(db, owner, passed)
        _delete(db, [*files, reserve])


@contextlib.contextmanager
def _if_dead(reserve: Path) -> Generator[bool]:
    """Whether the owner of ``reserve`` is dead: nobody holds its lock."""
    try:
        fd = os.open(reserve, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True
        return
    try:
        yield try_lock(fd)
    finally:
        os.close(fd)


def _import_file(
    db: sqlite3.Connection, file: Path, owner: str, passed: Passed, *, whole: bool
) -> None:
    """Import ``file`` from where the last pass stopped. ``whole``: it will not grow any more."""
    found = db.execute("SELECT offset FROM journals WHERE name = ?", (file.name,)).fetchone()
    offset: int = found[0] if found is not None else 0
    with file.open("rb", buffering=0) as source:
        source.seek(offset)
        rest = b""
        while piece := source.read(max(PIECE, len(rest))):
            data, start = rest + piece, 0
            while taken := _import_batch(db, file.name, owner, data[start:], offset, passed):
                start += taken
                offset += taken
            rest = data[start:]
    if whole and rest.strip(b"\0"):
        passed.torn += 1
        _log.info("%s: its last line was cut by a crash and is passed over", file.name)


def _import_batch(
    db: sqlite3.Connection, name: str, owner: str, data: bytes, offset: int, passed: Passed
) -> int:
    """Import at most ``BATCH`` lines of ``data``, which stood at ``offset``; returns how many
    bytes they were, 0 if there was no whole line."""
    lines = split(data, BATCH)
    if not lines.taken:
        return 0
    records: list[Record] = []
    torn = lines.torn
    for body in lines.bodies:
        try:
            records.append(_decode(body))
        except MsgspecError as error:
            torn += 1
            _log.warning("%s: a record near byte %d is not understood: %s", name, offset, error)
    if torn:
        _log.warning("%s: %d lines near byte %d were spoilt", name, torn, offset)
    with transaction(db):
        torn += _write(db, owner, records)
        db.execute(
            "INSERT INTO journals (name, offset, torn) VALUES (?, ?, ?) ON CONFLICT (name) "
            "DO UPDATE SET offset = excluded.offset, torn = torn + excluded.torn",
            (name, offset + lines.taken, torn),
        )
    passed.records += len(records)
    passed.torn += torn
    return lines.taken


def _write(db: sqlite3.Connection, owner: str, records: Sequence[Record]) -> int:
    """Write ``records``; returns how many the database does not take (a number of 70 bits, a text
    of gigabytes). One of those must not keep all others out for ever."""
    if not records:
        return 0
    try:
        with savepoint(db):
            write(db, owner, records, numbers(db, time.time_ns()))
    except (OverflowError, sqlite3.DataError, sqlite3.IntegrityError) as error:
        if len(records) == 1:
            _log.warning("the record of call %s cannot be imported: %s", records[0].id, error)
            return 1
        half = len(records) // 2
        return _write(db, owner, records[:half]) + _write(db, owner, records[half:])
    return 0


def _interrupt(db: sqlite3.Connection, owner: str, passed: Passed) -> None:
    with transaction(db):
        passed.interrupted += interrupt(db, owner, numbers(db, time.time_ns()))


def _delete(db: sqlite3.Connection, files: list[Path]) -> None:
    """The files first: a note about a file that is gone does no harm, the other way round the
    file would be imported anew."""
    for file in files:
        file.unlink(missing_ok=True)
    if not files:
        return
    with transaction(db):
        db.executemany("DELETE FROM journals WHERE name = ?", [(file.name,) for file in files])
