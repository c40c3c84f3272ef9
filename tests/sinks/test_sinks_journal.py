from __future__ import annotations

import os
import shutil
import stat
import threading
import time
from pathlib import Path

import pytest
from sinks_calls import call, ended, line, new_id, started, worker

from seawall.errors import LedgerError
from seawall.records import Attempted
from seawall.secret_patterns import redact
from seawall.sinks import Journal, Ledger


def test_a_record_is_on_file_when_start_returns(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    start = started(messages=[{"role": "user", "content": "a\nb"}])
    journal.start(start)
    (file,) = (tmp_path / "journal").glob("*.journal")
    assert start.id in file.read_text()
    assert file.read_bytes().count(b"\n") == 1
    journal.end(ended(start.id))
    journal.close()


def test_nothing_is_created_before_the_first_record(tmp_path: Path) -> None:
    threads = threading.active_count()
    journal = Journal(tmp_path / "state")
    assert not (tmp_path / "state").exists()
    assert threading.active_count() == threads
    journal.close()
    assert not (tmp_path / "state").exists()


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    state = tmp_path / "state"
    journal = Journal(state)
    call(journal)
    assert journal.importer.flush(10)
    for path in [state, *state.rglob("*")]:
        allowed = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == allowed, path
    journal.close()


def test_close_leaves_the_ledger_alone_on_the_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    ids = [call(journal) for _ in range(10)]
    journal.close()
    journal.close()
    assert list((tmp_path / "journal").iterdir()) == []
    with Ledger.open(tmp_path) as ledger:
        assert {row.id for row in ledger.calls()} == set(ids)


def test_a_closed_journal_refuses_starts_and_takes_ends(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    start = started()
    journal.start(start)
    journal.close()
    with pytest.raises(LedgerError, match="closed"):
        journal.start(started())
    journal.end(ended(start.id))
    with Ledger.open(tmp_path) as ledger:
        assert ledger.get(start.id).outcome == "finished"


def test_threads_write_whole_lines_across_rotations(tmp_path: Path) -> None:
    journal = Journal(tmp_path, rotate_at=10_000)
    ids: list[str] = []

    def work() -> None:
        ids.extend([call(journal) for _ in range(100)])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    assert journal.importer.status().torn == 0
    with Ledger.open(tmp_path) as ledger:
        rows = ledger.calls(limit=1000)
    assert sorted(row.id for row in rows) == sorted(ids)
    assert {row.outcome for row in rows} == {"finished"}


@pytest.mark.parametrize("sync", ["group", "none"])
def test_rotation_leaks_no_descriptor(tmp_path: Path, sync: str) -> None:
    open_before = set(os.listdir("/dev/fd"))
    journal = Journal(tmp_path, sync=sync, interval=0.01, rotate_at=1000)  # type: ignore[arg-type]
    for _ in range(50):
        call(journal)
    journal.close()
    assert set(os.listdir("/dev/fd")) == open_before


def test_deleted_files_are_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(tmp_path, interval=0.01)
    journal.importer.close()
    call(journal)
    (old,) = (tmp_path / "journal").glob("*.journal")
    shutil.rmtree(tmp_path / "journal")
    deadline = time.monotonic() + 10
    while not list((tmp_path / "journal").glob("*.journal")):
        assert time.monotonic() < deadline
        call(journal)
    kept = call(journal)
    (new,) = (tmp_path / "journal").glob("*.journal")
    assert new.name.split(".")[0] != old.name.split(".")[0]
    assert kept in new.read_text()
    assert "was deleted" in caplog.text
    journal.close()


def test_what_is_no_json_is_written_as_its_repr(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    id_ = call(journal, tags={"where": tmp_path, "set": {1}})
    journal.close()
    with Ledger.open(tmp_path) as ledger:
        assert ledger.get(id_).tags == {"where": repr(tmp_path), "set": [1]}


class _Awkward:
    def __repr__(self) -> str:
        raise RuntimeError("no repr today")


@pytest.mark.parametrize("odd", ["\ud800", _Awkward()])
def test_what_cannot_be_written_refuses_the_start_but_never_loses_an_end(
    tmp_path: Path, odd: object
) -> None:
    journal = Journal(tmp_path)
    with pytest.raises(LedgerError, match="is no JSON"):
        journal.start(started(parameters={"odd": odd}))
    start = started()
    journal.start(start)
    journal.end(ended(start.id, response={"odd": odd}, error_message="\ud800!"))
    journal.close()
    with Ledger.open(tmp_path) as ledger:
        row = ledger.get(start.id)
    assert (row.outcome, row.cost_nano_usd, row.error_message) == ("finished", 8100, "?!")
    assert row.response is None


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LedgerError, match=r"file/state/journal: Not a directory.*SEAWALL_DIR"):
        Journal(tmp_path / "file" / "state").start(started())


def test_no_secret_reaches_the_disk(tmp_path: Path) -> None:
    secret = "sk-proj-S3cretS3cretS3cret"
    assert redact(secret) != secret
    journal = Journal(tmp_path)
    start = started(
        messages=[{"role": "user", "content": f"use\n{secret} please"}],
        tags={"key": secret},
        parameters={"user": f"Bearer {secret}"},
    )
    journal.start(start)
    journal.attempt(Attempted(id=start.id, n=2, model="wall/any", at=start.at))
    journal.end(ended(start.id, response=secret, error_message=f"bad key {secret}"))
    on_disk = b"".join(file.read_bytes() for file in (tmp_path / "journal").iterdir())
    assert start.id.encode() in on_disk
    assert secret.encode() not in on_disk
    journal.close()
    assert secret.encode() not in (tmp_path / "ledger.db").read_bytes()


def test_a_script_that_just_ends_leaves_its_calls_in_the_ledger(tmp_path: Path) -> None:
    with worker("exit_", tmp_path) as process:
        id_ = line(process)
        assert process.wait(timeout=20) == 0
    with Ledger.open(tmp_path) as ledger:
        assert ledger.get(id_).outcome == "finished"


class _Interrupted(bytes):
    """Asked for its length after it was written, it is interrupted as Ctrl-C would."""

    def __len__(self) -> int:
        raise KeyboardInterrupt


def test_nothing_follows_a_write_that_was_interrupted(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.importer.close()
    before = call(journal)
    half = b'12345678 {"type":"ended"'
    with pytest.raises(KeyboardInterrupt):
        journal._writer.write(_Interrupted(half))
    after = call(journal)
    first, second = sorted((tmp_path / "journal").glob("*.journal"))
    assert first.read_bytes().endswith(half)
    assert before in first.read_text()
    assert after in second.read_text()
    with Ledger.open(tmp_path) as ledger:
        assert {row.id for row in ledger.calls()} == {before, after}
    journal.close()


def test_ids_sort_by_time() -> None:
    assert new_id(1000.0) < new_id(1000.001) < new_id(2000.0)
