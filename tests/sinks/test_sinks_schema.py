from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sinks_calls import call

from seawall.errors import LedgerError
from seawall.sinks import Journal, Ledger
from seawall.sinks.database import connect, migrate
from seawall.sinks.schema import MIGRATIONS


def _shout(db: sqlite3.Connection) -> None:
    for id_, feature in db.execute("SELECT id, feature FROM calls").fetchall():
        db.execute("UPDATE calls SET feature = ? WHERE id = ?", (feature.upper(), id_))


NEXT = (*MIGRATIONS, ("ALTER TABLE calls ADD COLUMN region TEXT DEFAULT 'eu'", _shout))
BROKEN = (*NEXT, ("CREATE TABLE half (a)", "CREATE TABLE calls (b)"))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The directory of a ledger that today's Seawall wrote, with three calls."""
    journal = Journal(tmp_path)
    for _ in range(3):
        call(journal)
    journal.close()
    return tmp_path


def _version(db: sqlite3.Connection) -> int:
    return db.execute("PRAGMA user_version").fetchone()[0]


def test_an_older_file_is_brought_up_to_date_with_its_calls(old: Path) -> None:
    with closing(connect(old / "ledger.db")) as db:
        assert _version(db) == len(MIGRATIONS)
        migrate(db, old / "ledger.db", NEXT)
        assert _version(db) == len(NEXT)
        found = db.execute("SELECT feature, region FROM calls").fetchall()
        assert found == [("SUPPORT", "eu")] * 3
        migrate(db, old / "ledger.db", NEXT)
        assert db.execute("SELECT DISTINCT feature FROM calls").fetchall() == [("SUPPORT",)]


def test_a_migration_that_fails_changes_nothing(old: Path) -> None:
    with closing(connect(old / "ledger.db")) as db:
        with pytest.raises(sqlite3.OperationalError, match="already exists"):
            migrate(db, old / "ledger.db", BROKEN)
        assert _version(db) == len(MIGRATIONS)
        assert db.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall() == []
        assert db.execute("SELECT DISTINCT feature FROM calls").fetchall() == [("support",)]


@pytest.mark.parametrize("go", range(30))  # now and then they meet in the middle of a step
def test_processes_that_start_together_migrate_once(go: int, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    failed: list[BaseException] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        try:
            connect(path, wait=10).close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_newer_file_is_refused_and_calls_go_on(old: Path) -> None:
    with closing(connect(old / "ledger.db")) as db:
        migrate(db, old / "ledger.db", NEXT)
    schemas = rf"\(schema {len(NEXT)}, this one knows {len(MIGRATIONS)}\)"
    with pytest.raises(LedgerError, match=rf"newer Seawall {schemas}\. Upgrade"):
        Ledger.open(old)
    journal = Journal(old)
    call(journal)
    assert not journal.importer.flush(0.3)
    assert "newer Seawall" in str(journal.importer.status().error)
    journal.close(timeout=0.1)
    assert len(list((old / "journal").glob("*.journal"))) == 1


def test_an_older_file_that_cannot_be_written_is_refused(old: Path) -> None:
    with closing(sqlite3.connect(old / "ledger.db")) as db:
        db.execute("PRAGMA user_version = 0")
    with pytest.raises(LedgerError, match="older Seawall"):
        connect(old / "ledger.db", readonly=True)
