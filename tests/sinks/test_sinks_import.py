from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sinks_calls import MODEL, call, ended, go_on, line, new_id, started, worker

from seawall.records import Attempted
from seawall.sinks import Importer, Journal, Ledger, Where
from seawall.sinks.imports import importing
from seawall.sinks.lines import frame
from seawall.types import Price


def test_two_importers_and_a_writer_count_every_record_once(tmp_path: Path) -> None:
    with ExitStack() as stack:
        for _ in range(2):
            line(stack.enter_context(worker("carry", tmp_path)))
        journal = Journal(tmp_path, rotate_at=20_000)
        journal.importer.close()
        ids = [call(journal) for _ in range(2000)]
    journal.close()
    with Ledger.open(tmp_path) as ledger:
        (total,) = ledger.totals()
        assert (total.calls, total.cost_nano_usd) == (2000, 2000 * 8100)
        assert [row.id for row in ledger.calls(limit=5000)] == sorted(ids)


def test_a_call_is_open_until_its_end_comes(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    start = started()
    journal.start(start)
    with Ledger.open(tmp_path) as ledger:
        row = ledger.get(start.id)
        assert (row.outcome, row.model, row.cost_nano_usd) == ("open", MODEL, None)
        journal.end(ended(start.id, model="wall/any", attempts=2))
        row = ledger.get(start.id)
        assert (row.outcome, row.model, row.attempts) == ("finished", "wall/any", 2)
        assert row.messages == start.messages
    journal.close()


def test_a_further_attempt_moves_an_open_call(tmp_path: Path) -> None:
    with worker("leave", tmp_path, 0) as process:
        id_ = line(process)
        (file,) = (tmp_path / "journal").glob("*.journal")
        second = Attempted(
            id=id_, n=2, model="wall/any", at=time.time() + 2, price=Price(input=10_000, output=0)
        )
        body = b'{"type":"attempted","id":"%s","n":2,"model":"wall/any","at":%f,"price":%s}' % (
            id_.encode(),
            second.at,
            b'{"input":10000,"output":0}',
        )
        with file.open("ab") as journal:
            journal.write(frame(body))
        with Ledger.open(tmp_path) as ledger:
            row = ledger.get(id_)
            assert (row.outcome, row.model, row.vendor, row.attempts) == (
                "open",
                "wall/any",
                "wall",
                2,
            )
            assert row.decision is not None
            assert [attempt.model for attempt in row.decision.attempts] == [MODEL, "wall/any"]
            assert 1 < row.decision.attempts[1].at < 3
            go_on(process)
            process.wait(timeout=20)
            row = ledger.get(id_)
    # 40 tokens estimated, at the price of the route that was asked last.
    assert (row.outcome, row.cost_state, row.cost_nano_usd) == ("interrupted", "estimated", 400)


def test_an_orphan_without_a_price_has_no_cost(tmp_path: Path) -> None:
    journals = tmp_path / "journal"
    journals.mkdir()
    id_ = new_id()
    body = b'{"type":"started","id":"%s","at":1.5,"requested":"m"}' % id_.encode()
    (journals / "0123456789ab-1-abcdef.000001.v1.journal").write_bytes(frame(body))
    with Ledger.open(tmp_path) as ledger:
        row = ledger.get(id_)
    assert (row.outcome, row.cost_state, row.cost_nano_usd) == ("interrupted", "unknown", None)


def test_an_end_that_comes_late_wins_over_interrupted(tmp_path: Path) -> None:
    id_ = _orphan(tmp_path)
    journal = Journal(tmp_path)
    with Ledger.open(tmp_path) as ledger:
        assert ledger.get(id_).outcome == "interrupted"
        journal.end(ended(id_))
        row = ledger.get(id_)
    assert (row.outcome, row.cost_state, row.cost_nano_usd) == ("finished", "exact", 8100)
    assert row.feature == "support"
    journal.close()


def test_an_end_whose_start_nobody_has_makes_a_row(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    id_ = new_id()
    journal.end(ended(id_, at=1_795_000_010.0, latency=10.0))
    journal.close()
    with Ledger.open(tmp_path) as ledger:
        row = ledger.get(id_)
    assert (row.at, row.ended_at, row.outcome) == (1_795_000_000.0, 1_795_000_010.0, "finished")


def test_open_calls_of_deleted_journals_are_interrupted(tmp_path: Path) -> None:
    with worker("leave", tmp_path, 0) as process:
        id_ = line(process)
        with Ledger.open(tmp_path) as ledger:
            assert ledger.get(id_).outcome == "open"
            for file in (tmp_path / "journal").iterdir():
                file.unlink()
            assert ledger.get(id_).outcome == "interrupted"


def test_a_spoilt_line_is_reported_and_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    id_ = _orphan(tmp_path, calls=3)
    (file,) = (tmp_path / "journal").glob("*.journal")
    lines = file.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2][:40] + b"#" + lines[2][41:]
    file.write_bytes(b"".join(lines) + b"12345678 {half")
    importer = Importer(tmp_path)
    assert importer.flush(10)
    status = importer.status()
    assert (status.torn, status.interrupted, status.error) == (2, 1, None)
    assert "1 lines near byte 0 were spoilt" in caplog.text
    importer.close()
    with Ledger.open(tmp_path) as ledger:
        assert ledger.get(id_).outcome == "interrupted"
        assert len(ledger.calls()) == 4


def test_files_that_are_none_of_ours_are_left_alone(tmp_path: Path) -> None:
    journals = tmp_path / "journal"
    journals.mkdir()
    strangers = ["notes.txt", "0123456789ab-1-abcdef.000001.v2.journal", "x.reserve"]
    for name in strangers:
        (journals / name).write_text("mine")
    importer = Importer(tmp_path)
    assert importer.flush(10)
    importer.close()
    assert sorted(file.name for file in journals.iterdir()) == sorted(strangers)


def test_a_locked_ledger_stops_no_call(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "seawall.ledger")
    journal = Journal(tmp_path)
    first = call(journal)
    assert journal.importer.flush(10)
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        second = call(journal)
        assert not journal.importer.flush(2.5)
        assert "locked" in str(journal.importer.status().error)
        third = call(journal)
        other.execute("ROLLBACK")
    assert journal.importer.flush(10)
    assert journal.importer.status().error is None
    assert caplog.text.count("not up to date: ") == 1
    assert "up to date again" in caplog.text
    with Ledger.open(tmp_path) as ledger:
        assert [row.id for row in ledger.calls()] == sorted([first, second, third])
    journal.close()


def test_a_spoilt_ledger_stops_no_call_and_loses_none(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"this is no database" * 1000)
    journal = Journal(tmp_path)
    ids = [call(journal)]
    assert not journal.importer.flush(0.3)
    assert "ledger.db: file is not a database" in str(journal.importer.status().error)
    ids.append(call(journal))
    (tmp_path / "ledger.db").unlink()
    assert journal.importer.flush(10)
    with Ledger.open(tmp_path) as ledger:
        assert [row.id for row in ledger.calls()] == sorted(ids)
    journal.close()


def test_a_deleted_ledger_is_made_anew(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    call(journal)
    assert journal.importer.flush(10)
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    later = call(journal)
    assert journal.importer.flush(10)
    with Ledger.open(tmp_path) as ledger:
        assert later in {row.id for row in ledger.calls()}
    journal.close()


def test_closing_waits_no_longer_than_it_is_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    id_ = call(journal)
    with importing(tmp_path) as ours:
        assert ours
        began = time.monotonic()
        journal.close(timeout=0.2)
        assert time.monotonic() - began < 5
    with Ledger.open(tmp_path) as ledger:
        assert ledger.get(id_).outcome == "finished"


def _orphan(directory: Path, calls: int = 0) -> str:
    with worker("leave", directory, calls) as process:
        id_ = line(process)
        go_on(process)
        process.wait(timeout=20)
    return id_


def test_a_record_no_database_takes_holds_up_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path)
    before = [call(journal) for _ in range(5)]
    odd = started()
    journal.start(odd)
    journal.end(ended(odd.id, prompt_tokens=2**70))
    after = [call(journal) for _ in range(5)]
    journal.close()
    assert journal.importer.status().error is None
    assert f"the record of call {odd.id} cannot be imported" in caplog.text
    with Ledger.open(tmp_path) as ledger:
        assert {row.id for row in ledger.calls(Where(outcome="finished"))} == {*before, *after}
        assert ledger.get(odd.id).outcome == "interrupted"


def test_many_processes_share_one_interval(tmp_path: Path) -> None:
    journals = [Journal(tmp_path) for _ in range(3)]
    for journal in journals:
        journal.importer._interval = 0.2
        call(journal)
    lock = tmp_path / "import.lock"
    passes = 0
    seen = 0.0
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        time.sleep(0.01)
        touched = lock.stat().st_mtime if lock.exists() else 0.0
        passes += touched != seen
        seen = touched
    # Two in an interval; each on its own would add five.
    assert 1 <= passes <= 11
    for journal in journals:
        journal.close()
