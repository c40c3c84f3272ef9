"""The ledger's file: opened, brought up to date, written in transactions."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Generator, Sequence
from pathlib import Path

from ..errors import LedgerError
from .schema import MIGRATIONS, Migration

__all__ = ["connect", "migrate", "savepoint", "transaction"]


def connect(path: Path, *, readonly: bool = False, wait: float = 1.0) -> sqlite3.Connection:
    """Open the ledger at ``path``; unless ``readonly``, create it and bring it up to date.

    ``wait``: seconds to wait for another writer. Every statement commits by itself unless it
    stands between ``BEGIN`` and ``COMMIT``. Raises ``LedgerError`` for a file that a newer
    Seawall wrote or (``readonly``) an older one, and ``sqlite3.Error``.
    """
    new = not readonly and not path.exists()
    uri = f"{path.absolute().as_uri()}?mode={'ro' if readonly else 'rwc'}"
    db = sqlite3.connect(uri, uri=True, timeout=wait, isolation_level=None, check_same_thread=False)
    if new:
        # By its name: closing a descriptor of the file, whoever opened it, would drop the locks
        # that SQLite holds on it anywhere in this process.
        path.chmod(0o600)
    try:
        if readonly:
            _check_version(db, path, len(MIGRATIONS))
        else:
            # Before the first page is written, else they need a VACUUM to take effect. A page
            # this size costs a fourth less to write than the default of 4 KiB.
            db.execute("PRAGMA page_size = 8192")
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            _write_ahead(db, wait)
            # A journal may be deleted once its records are committed, so they must be on disk.
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA journal_size_limit = 16777216")
            migrate(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _write_ahead(db: sqlite3.Connection, wait: float) -> None:
    """SQLite refuses this at once, whatever its timeout, while somebody else is at it."""
    until = time.monotonic() + wait
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(0.005)


def migrate(
    db: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Do the migrations that the file has not had, all of them or none."""
    if _version(db, path, len(migrations)) == len(migrations):
        return
    with transaction(db):
        # Asked again: another process may have been faster.
        for migration in migrations[_version(db, path, len(migrations)) :]:
            for step in migration:
                if isinstance(step, str):
                    db.execute(step)
                else:
                    step(db)
        db.execute(f"PRAGMA user_version = {len(migrations)}")


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Generator[None]:
    """All of the block or nothing of it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        db.rollback()
        raise


@contextlib.contextmanager
def savepoint(db: sqlite3.Connection) -> Generator[None]:
    """All of the block or nothing of it, within a transaction that goes on either way."""
    db.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        if db.in_transaction:  # a full disk ends the whole transaction by itself
            db.execute("ROLLBACK TO part")
        raise
    finally:
        if db.in_transaction:
            db.execute("RELEASE part")


def _version(db: sqlite3.Connection, path: Path, known: int) -> int:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version > known:
        raise LedgerError(
            f"{path} was written by a newer Seawall (schema {version}, this one knows {known}). "
            "Upgrade seawall, or set SEAWALL_DIR to another directory"
        )
    return version


def _check_version(db: sqlite3.Connection, path: Path, known: int) -> None:
    version = _version(db, path, known)
    if version < known:
        raise LedgerError(
            f"{path} was written by an older Seawall (schema {version}, this one reads {known}) "
            "and cannot be brought up to date without write access"
        )
