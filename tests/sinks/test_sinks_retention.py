from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sinks_calls import call, started

from seawall.sinks import Journal, Ledger, Retention
from seawall.sinks.database import connect
from seawall.sinks.retention import prune

DAY = 86400.0


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Ten days of a hundred calls with 4 KB of content each, and one of the first day that is
    still open."""
    now = time.time()
    journal = Journal(tmp_path)
    journal.start(started(at=now - 10 * DAY))
    for day in range(10, 0, -1):
        for number in range(100):
            said = [{"role": "user", "content": "wave " * 800}]
            call(journal, at=now - day * DAY + number, messages=said)
    assert journal.importer.flush(20)
    with closing(connect(tmp_path / "ledger.db")) as db:
        yield db
    journal.close()


def _count(db: sqlite3.Connection, table: str = "calls") -> int:
    return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_old_calls_go_and_the_file_shrinks(db: sqlite3.Connection, tmp_path: Path) -> None:
    before = (tmp_path / "ledger.db").stat().st_size
    assert prune(db, Retention(days=3.5), time.time())
    assert _count(db) == _count(db, "contents") == 301
    assert db.execute("SELECT count(*) FROM calls WHERE outcome = 'open'").fetchone() == (1,)
    assert (tmp_path / "ledger.db").stat().st_size < before / 2


def test_the_oldest_go_until_the_size_is_kept(db: sqlite3.Connection, tmp_path: Path) -> None:
    newest = db.execute("SELECT max(id) FROM calls").fetchone()
    assert prune(db, Retention(size=1_500_000), time.time())
    size = (tmp_path / "ledger.db").stat().st_size
    assert 1_200_000 < size <= 1_500_000
    assert db.execute("SELECT max(id) FROM calls").fetchone() == newest
    oldest = db.execute("SELECT min(at) FROM calls WHERE outcome != 'open'").fetchone()[0]
    assert oldest > time.time() - 5 * DAY


def test_a_size_that_cannot_be_kept_ends_too(db: sqlite3.Connection) -> None:
    assert prune(db, Retention(size=1), time.time())
    assert _count(db) == 1


def test_without_bounds_nothing_goes(db: sqlite3.Connection) -> None:
    assert prune(db, Retention(), time.time())
    assert _count(db) == 1001


def test_a_long_backlog_is_left_for_the_next_time(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seawall.sinks.retention._ROUNDS", 2)
    assert not prune(db, Retention(days=1e-6), time.time())
    assert _count(db) == 601
    while not prune(db, Retention(days=1e-6), time.time()):
        pass
    assert _count(db) == 1


def test_the_importer_prunes_by_itself(tmp_path: Path) -> None:
    journal = Journal(tmp_path, keep_days=30)
    old = call(journal, at=time.time() - 40 * DAY)
    young = call(journal)
    journal.close()
    with Ledger.open(tmp_path) as ledger:
        assert [row.id for row in ledger.calls()] == [young]
        assert old not in {row.id for row in ledger.calls()}
