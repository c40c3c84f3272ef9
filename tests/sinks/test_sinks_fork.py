from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from sinks_calls import call, line, worker

from seawall.sinks import Journal, Ledger


def test_a_child_has_files_and_a_life_of_its_own(tmp_path: Path) -> None:
    with worker("fork", tmp_path) as parent:
        child, mine, its = line(parent).split()
        try:
            assert len(list((tmp_path / "journal").glob("*.journal"))) == 2
            assert len(list((tmp_path / "journal").glob("*.reserve"))) == 2
            with Ledger.open(tmp_path) as ledger:
                assert ledger.get(mine).outcome == ledger.get(its).outcome == "open"
                # The child holds no copy of its parent's lock: the parent alone is dead now.
                parent.kill()
                parent.wait()
                assert ledger.get(mine).outcome == "interrupted"
                assert ledger.get(its).outcome == "open"
        finally:
            os.kill(int(child), signal.SIGKILL)


# What the warning of Python 3.12 warns of is what is tested here.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_an_importer_goes_on_in_parent_and_child(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    before = call(journal)
    assert journal.importer.flush(10)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        id_ = call(journal)
        os.write(writer, f"{id_} {journal.importer.flush(10)}".encode())
        os._exit(0)
    id_, flushed = os.read(reader, 100).decode().split()
    os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)
    assert flushed == "True"
    after = call(journal)
    assert journal.importer.flush(10)
    with Ledger.open(tmp_path) as ledger:
        assert {row.id for row in ledger.calls()} == {before, id_, after}
    journal.close()
