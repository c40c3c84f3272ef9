"""Processes are killed with SIGKILL at random moments; what they said was on file must be found."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sinks_calls import go_on, line, nursery, worker

from seawall.sinks import Ledger, Where
from seawall.sinks.lines import frame

KILLS = 50


def _kill_recorders(directory: Path, seed: int) -> set[str]:
    """What half of the processes said was on file: ``S id`` for starts, ``E id`` for ends."""
    chance = random.Random(seed)
    with nursery("record", directory) as life:
        lives = [life(chance.uniform(0.001, 0.08)) for _ in range(KILLS // 2)]
    return {text for said in lives for text in said}


def test_fifty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """All of them in one directory, two at a time, importers of their own running."""
    with ThreadPoolExecutor(2) as pool:
        said = set().union(*pool.map(lambda seed: _kill_recorders(tmp_path, seed), (1, 2)))
    starts = {text[2:] for text in said if text[0] == "S"}
    ends = {text[2:] for text in said if text[0] == "E"}
    assert len(ends) > KILLS
    with Ledger.open(tmp_path) as ledger:
        rows = {row.id: row for row in ledger.calls(limit=1_000_000)}
        assert ledger.totals()[0].calls == len(rows)
    assert starts <= rows.keys()
    assert {rows[id_].outcome for id_ in ends} == {"finished"}
    # Beside what was said there is at most the one call each process died in.
    assert len(rows) - len(starts) <= KILLS
    unended = [row for row in rows.values() if row.outcome != "finished"]
    assert len(unended) <= KILLS
    for row in unended:
        assert (row.outcome, row.cost_state, row.cost_nano_usd) == (
            "interrupted",
            "estimated",
            6000,
        )
    assert list((tmp_path / "journal").iterdir()) == []


def test_killed_importers_import_everything_once(tmp_path: Path) -> None:
    orphans = [_died(tmp_path, calls=1500) for _ in range(2)]
    chance = random.Random(5)
    with nursery("carry", tmp_path) as life:
        for _ in range(20):
            life(chance.uniform(0.001, 0.03))
    with Ledger.open(tmp_path) as ledger:
        (total,) = ledger.totals(Where(outcome="finished"))
        assert (total.calls, total.cost_nano_usd) == (3000, 3000 * 8100)
        assert [ledger.get(id_).outcome for id_ in orphans] == ["interrupted"] * 2
    assert list((tmp_path / "journal").iterdir()) == []


def _died(directory: Path, calls: int) -> str:
    """The open call of a process that left so many calls in its journal."""
    with worker("leave", directory, calls) as process:
        id_ = line(process)
        go_on(process)
        process.wait(timeout=20)
    return id_


def test_a_last_line_torn_at_any_byte_costs_only_itself(tmp_path: Path) -> None:
    """A power cut may leave any part of a line; hundreds of owners died so."""
    journals = tmp_path / "journal"
    journals.mkdir()
    bodies = [
        b'{"type":"started","id":"%028x","at":%d,"requested":"m"}',
        b'{"type":"ended","id":"%028x","at":%d,"outcome":"finished"}',
    ]
    cuts = len(frame(bodies[1] % (0, 1_795_000_000)))
    for cut in range(cuts + 1):
        start, end = (frame(body % (cut, 1_795_000_000)) for body in bodies)
        owner = f"{cut:012x}-77-abcdef"
        (journals / f"{owner}.000001.v1.journal").write_bytes(start + end[:cut])
    with Ledger.open(tmp_path) as ledger:
        found = [(row.id, row.outcome) for row in ledger.calls(limit=1000)]
    outcomes = ["interrupted"] * cuts + ["finished"]
    assert found == [(f"{cut:028x}", outcome) for cut, outcome in enumerate(outcomes)]
