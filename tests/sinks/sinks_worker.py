"""What the child processes of this room's tests do; each task is one function."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import Any

from sinks_calls import call, ended, new_id, started

from seawall.errors import LedgerError
from seawall.sinks import Journal
from seawall.sinks.database import connect
from seawall.sinks.imports import import_journals, importing


def say(*words: object) -> None:
    """One write, so that a kill leaves no half line."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def record(directory: Path) -> None:
    """Record calls without end. ``S id`` once a start is on file, ``E id`` once an end is."""
    journal = Journal(directory, rotate_at=20_000, interval=0.01)
    journal.importer._interval = 0.005
    while True:
        id_ = new_id()
        journal.start(started(id_))
        say("S", id_)
        journal.end(ended(id_))
        say("E", id_)


def nursery(directory: Path, task: str) -> None:
    """For each line read, have a forked process do ``task`` until it is killed, and say so."""
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            say(os.getpid())
            globals()[task](directory)
        os.waitpid(child, 0)
        say("dead")


def leave(directory: Path, calls: str) -> None:
    """Record calls and one that does not end, import nothing, and die."""
    journal = _silent(directory, rotate_at=50_000)
    for _ in range(int(calls)):
        call(journal)
    id_ = new_id()
    journal.start(started(id_))
    say(id_)
    input()
    os._exit(0)


def carry(directory: Path) -> None:
    """Import passes without end."""
    say("ready")
    while True:
        with importing(directory) as ours:
            if ours:
                db = connect(directory / "ledger.db")
                import_journals(db, directory)
                db.close()


def fork(directory: Path) -> None:
    """A parent with an open call and a child that records; each says its pid and id."""
    journal = _silent(directory)
    mine, its = new_id(), new_id()
    journal.start(started(mine))
    child = os.fork()
    if child == 0:
        journal.start(started(its))
        say(os.getpid(), mine, its)
        input()
        journal.end(ended(its))
        say("ended")
        input()
        os._exit(0)
    os.waitpid(child, 0)


def limited(directory: Path) -> None:
    """Record calls with files limited to 64 KiB, first with a reserve that is larger."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
    try:
        call(_silent(directory))
    except LedgerError as error:
        say(error)
    journal = _silent(directory, reserve=4096)
    for _ in range(300):
        call(journal)
    say(len(list((directory / "journal").glob("*.journal"))))
    os._exit(0)


def full(directory: Path) -> None:
    """Fill the disk while a call is in flight, end it, and die."""
    journal = _silent(directory, reserve=16384)
    id_ = new_id()
    journal.start(started(id_))
    with open(directory / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError:
            pass
    try:
        while True:
            call(journal)
    except LedgerError:
        journal.end(ended(id_, error_message="x" * 4000))
    assert journal.owing
    say(id_)
    os.kill(os.getpid(), 9)


def exit_(directory: Path) -> None:
    """Record a call and end as scripts do, the importer running."""
    journal = Journal(directory)
    say(call(journal))
    assert journal.importer.flush(10)


def close(directory: Path) -> None:
    """Record a call and close everything as it should be."""
    journal = Journal(directory)
    id_ = call(journal)
    journal.close()
    say(id_)


def _silent(directory: Path, **options: Any) -> Journal:
    """A journal whose records stay there."""
    journal = Journal(directory, **options)
    journal.importer.close()
    return journal


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
