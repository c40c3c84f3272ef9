"""How long calls are kept, and how they go."""

from __future__ import annotations

import sqlite3

from msgspec import Struct

from .database import transaction

__all__ = ["Retention", "prune"]

_BATCH = 200
_ROUNDS = 25
# What a call's row, keys and index entries take beside its content, by experience.
_ROW_BYTES = 600

_OLDEST = f"""SELECT id, {_ROW_BYTES} + length(CAST(concat AS BLOB)) FROM (
    SELECT calls.id AS id, coalesce(parameters, '') || coalesce(messages, '')
        || coalesce(response, '') || coalesce(decision, '') AS concat
    FROM calls LEFT JOIN contents USING (id)
    WHERE outcome != 'open' AND calls.id < ? ORDER BY calls.id LIMIT {_BATCH})"""  # noqa: S608


class Retention(Struct, frozen=True, kw_only=True):
    """Calls older than ``days`` go, and the oldest while the ledger holds more than ``size``
    bytes. ``None`` sets no bound. A call under way always stays."""

    days: float | None = None
    size: int | None = None


def prune(db: sqlite3.Connection, retention: Retention, now: float) -> bool:
    """Delete what has to go, in small transactions, and give the room back to the disk.

    ``now``: seconds since the epoch. Returns whether all is done; a long backlog is left for the
    next time, so that importing never waits for it.
    """
    done = (retention.days is None or _prune_age(db, now - retention.days * 86400)) and (
        retention.size is None or _prune_size(db, retention.size)
    )
    if _pragma(db, "freelist_count"):
        # It frees one page a step, and only a script is stepped to its end.
        db.executescript("PRAGMA incremental_vacuum")
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    return done


def _prune_age(db: sqlite3.Connection, before: float) -> bool:
    # Ids begin with the milliseconds of their call.
    bound = f"{max(0, int(before * 1000)):012x}"
    for _ in range(_ROUNDS):
        oldest = db.execute(_OLDEST, (bound,)).fetchall()
        _delete(db, [id_ for id_, _ in oldest])
        if len(oldest) < _BATCH:
            return True
    return False


def _prune_size(db: sqlite3.Connection, size: int) -> bool:
    for _ in range(_ROUNDS):
        pages = _pragma(db, "page_count") - _pragma(db, "freelist_count")
        excess = pages * _pragma(db, "page_size") - size
        if excess <= 0:
            return True
        going: list[str] = []
        for id_, octets in db.execute(_OLDEST, ("~",)).fetchall():
            if excess <= 0:
                break
            going.append(id_)
            excess -= octets
        if not going:
            return True
        _delete(db, going)
    return False


def _delete(db: sqlite3.Connection, ids: list[str]) -> None:
    with transaction(db):
        for table in ("contents", "calls"):
            db.executemany(f"DELETE FROM {table} WHERE id = ?", [(id_,) for id_ in ids])  # noqa: S608


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return db.execute(f"PRAGMA {name}").fetchone()[0]
