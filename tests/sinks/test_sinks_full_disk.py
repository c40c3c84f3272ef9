from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sinks_calls import call, ended, line, started, worker

from seawall.errors import LedgerError
from seawall.sinks import Journal, Ledger


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    made = subprocess.run([mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=False)
    if made.returncode:
        pytest.skip("this root may not mount")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """Take all room but ``leave`` bytes."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            file.truncate(max(0, file.tell() - leave))
    return filler


def _journal(disk: Path, reserve: int = 16384) -> Journal:
    """With an importer that leaves the disk alone, so that nothing but the test uses room."""
    journal = Journal(disk / "state", reserve=reserve, interval=0.02)
    journal.importer.close()
    return journal


def _use_up(journal: Journal) -> list[str]:
    """Record calls until one is refused: a full disk has room left in the journal's last page."""
    ids: list[str] = []
    with pytest.raises(LedgerError, match=r"state/journal: No space left on device\. Free some"):
        ids.extend(call(journal) for _ in range(1000))
    return ids


def test_a_full_disk_refuses_calls_and_recovers_by_itself(small_disk: Path) -> None:
    journal = _journal(small_disk)
    recorded = [call(journal)]
    flight = [started() for _ in range(3)]
    for start in flight:
        journal.start(start)
    filler = fill(small_disk)
    recorded.extend(_use_up(journal))
    for start in flight:
        journal.end(ended(start.id, response="y" * 5000))
    assert journal.owing
    with pytest.raises(LedgerError, match="No space left"):
        journal.start(started())
    filler.unlink()
    recorded.append(call(journal))
    assert not journal.owing
    journal.close()
    with Ledger.open(small_disk / "state") as ledger:
        rows = {row.id: row for row in ledger.calls(limit=10_000, contents=True)}
    assert rows.keys() >= {*recorded, *(start.id for start in flight)}
    assert [rows[start.id].response for start in flight] == ["y" * 5000] * 3
    assert {row.outcome for row in rows.values()} == {"finished"}


def test_without_a_new_call_the_room_is_found_too(small_disk: Path) -> None:
    journal = _journal(small_disk)
    start = started()
    journal.start(start)
    filler = fill(small_disk)
    _use_up(journal)
    journal.end(ended(start.id, response="y" * 5000))
    assert journal.owing
    filler.unlink()
    with Ledger.open(small_disk / "state") as ledger:
        for row in ledger.follow(last=10_000, every=0.02):
            if row.id == start.id:
                break
    assert not journal.owing
    journal.close()


def test_beyond_the_reserve_ends_wait_in_memory_without_content(small_disk: Path) -> None:
    journal = _journal(small_disk, reserve=4096)
    flight = [started() for _ in range(30)]
    for start in flight:
        journal.start(start)
    filler = fill(small_disk)
    _use_up(journal)
    for start in flight:
        journal.end(ended(start.id, response="y" * 3000))
    assert len(journal._writer._kept) > 10
    assert all(len(kept) < 500 for kept in journal._writer._kept.values())
    filler.unlink()
    journal.start(started())
    assert not journal._writer._kept
    journal.close()
    with Ledger.open(small_disk / "state") as ledger:
        rows = [ledger.get(start.id) for start in flight]
    assert {(row.outcome, row.cost_nano_usd) for row in rows} == {("finished", 8100)}
    assert rows[0].response == "y" * 3000
    assert rows[-1].response is None


def test_an_end_in_the_reserve_survives_a_kill(small_disk: Path) -> None:
    state = small_disk / "state"
    state.mkdir()
    with worker("full", state) as process:
        id_ = line(process)
        assert process.wait(timeout=20) == -9
    with pytest.raises(LedgerError), Ledger.open(state) as ledger:
        # There is no room for a ledger either; nothing is lost by trying.
        ledger.get(id_)
    (state / "filler").unlink()
    with Ledger.open(state) as ledger:
        assert ledger.get(id_).outcome == "finished"
    assert list((state / "journal").iterdir()) == []


def test_a_disk_that_is_full_from_the_start(small_disk: Path) -> None:
    filler = fill(small_disk)
    journal = _journal(small_disk)
    with pytest.raises(LedgerError, match="No space left"):
        call(journal)
    filler.unlink()
    call(journal)
    journal.close()


def test_the_ledger_being_full_does_not_stop_calls(small_disk: Path) -> None:
    journal = _journal(small_disk)
    id_ = call(journal)
    filler = fill(small_disk, leave=65536)
    importing = Journal(small_disk / "state")
    other = call(journal)
    importing.importer.start()
    assert not importing.importer.flush(0.5)
    assert "full" in str(importing.importer.status().error)
    filler.unlink()
    assert importing.importer.flush(10)
    assert importing.importer.status().error is None
    with Ledger.open(small_disk / "state") as ledger:
        assert {row.id for row in ledger.calls()} == {id_, other}
    importing.close()
    journal.close()


def test_a_limit_on_file_sizes_begins_a_new_file(tmp_path: Path) -> None:
    with worker("limited", tmp_path) as process:
        assert "File too large. Raise the file size limit (ulimit -f)" in line(process)
        assert int(line(process)) > 1
        process.wait(timeout=20)
    with Ledger.open(tmp_path) as ledger:
        assert ledger.totals(by="outcome")[0].calls == 300
