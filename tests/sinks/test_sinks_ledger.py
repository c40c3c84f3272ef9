from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sinks_calls import MODEL, call, ended, line, new_id, started, worker

from seawall.core.decision import Attempt, Decision
from seawall.errors import CallNotFoundError, LedgerError
from seawall.sinks import Journal, Ledger, Where
from seawall.sinks.rows import Row

DAY = 86400.0
NOON = 1_795_003_200.0 - 43200.0  # 2026-11-18 00:00 UTC and 12 hours before


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path)
    journal.importer.close()
    yield journal
    journal.close()


@pytest.fixture
def ledger(journal: Journal, tmp_path: Path) -> Iterator[Ledger]:
    """Six calls, a day apart, the last one cut."""
    for day in range(6):
        at = NOON + day * DAY
        feature, model = [("support", MODEL), ("search", "wall/any")][day % 2]
        start = started(at=at, feature=feature, route=model)
        journal.start(start)
        outcome = "finished" if day < 5 else "cut"
        cost = None if feature == "search" else 8100
        journal.end(
            ended(
                start.id,
                at=at + 1,
                model=model,
                outcome=outcome,
                cost_nano_usd=cost,
                cost_state="unknown" if cost is None else "exact",
            )
        )
    with Ledger.open(tmp_path) as ledger:
        yield ledger


def _days(rows: list[Row]) -> list[int]:
    return [round((row.at - NOON) / DAY) for row in rows]


@pytest.mark.parametrize(
    ("where", "days"),
    [
        (Where(), [0, 1, 2, 3, 4, 5]),
        (Where(since=NOON + 2 * DAY), [2, 3, 4, 5]),
        (Where(since=NOON + 2 * DAY + 0.001), [3, 4, 5]),
        (Where(until=NOON + 2 * DAY), [0, 1]),
        (Where(feature="search"), [1, 3, 5]),
        (Where(model=MODEL), [0, 2, 4]),
        (Where(model="openai/*"), [0, 2, 4]),
        (Where(model="smart"), [0, 1, 2, 3, 4, 5]),
        (Where(outcome="cut"), [5]),
        (Where(outcome="cut", feature="support"), []),
        (Where(feature="'; DROP TABLE calls; --"), []),
    ],
)
def test_calls_are_found_by_what_they_are(ledger: Ledger, where: Where, days: list[int]) -> None:
    assert _days(ledger.calls(where)) == days
    assert sum(total.calls for total in ledger.totals(where)) == len(days)


def test_the_latest_calls_and_the_next_page(ledger: Ledger) -> None:
    assert _days(ledger.calls(limit=2)) == [4, 5]
    first = ledger.calls()[0]
    page = ledger.calls(limit=2, after_id=first.id)
    assert _days(page) == [1, 2]
    assert _days(ledger.calls(limit=9, after_id=page[-1].id)) == [3, 4, 5]


def test_totals_by_group(ledger: Ledger) -> None:
    by_feature = {total.group: total for total in ledger.totals(by="feature")}
    assert by_feature["support"].calls == 3
    assert by_feature["support"].total_tokens == 3 * 45
    assert (by_feature["support"].cost_nano_usd, by_feature["support"].unpriced) == (24300, 0)
    assert (by_feature["search"].cost_nano_usd, by_feature["search"].unpriced) == (0, 3)
    assert [total.group for total in ledger.totals(by="model")] == [MODEL, "wall/any"]
    assert {t.group: t.calls for t in ledger.totals(by="outcome")} == {"cut": 1, "finished": 5}
    days = [total.group for total in ledger.totals(by="day")]
    assert days == [f"2026-11-{day}" for day in range(18, 24)]


def test_a_call_is_found_by_its_id_or_the_beginning_of_it(ledger: Ledger) -> None:
    row = ledger.calls()[3]
    assert ledger.get(row.id).at == row.at
    assert ledger.get(f" {row.id[:13].upper()} ").id == row.id
    with pytest.raises(CallNotFoundError, match="no call 'fffff' is in the ledger"):
        ledger.get("fffff")
    with pytest.raises(CallNotFoundError, match=r"'0' begins several ids .* give more of it"):
        ledger.get("0")


def test_a_whole_call_comes_back_as_it_was(journal: Journal, tmp_path: Path) -> None:
    attempt = Attempt(1, "a/b", 0.0, took=0.2, outcome="finished")
    decision = Decision(candidates=["a/b"], attempts=[attempt], notes=["x"])
    messages = [{"role": "user", "content": "Grüße\u2028🌊\n"}]
    id_ = call(
        journal,
        messages=messages,
        tags={"user": "u1", "n": 3},
        parameters={"temperature": 0.2},
        prompt_name="triage",
        prompt_version="3",
        system_hash="ab" * 32,
        stream=True,
    )
    journal.end(ended(id_, decision=decision, response={"text": "é"}, cached_tokens=7, damaged=2))
    with Ledger.open(tmp_path) as ledger:
        row = ledger.get(id_)
        assert ledger.calls(contents=True) == [row]
        (short,) = ledger.calls()
    assert (row.messages, row.response, row.decision) == (messages, {"text": "é"}, decision)
    assert (row.tags, row.parameters) == ({"user": "u1", "n": 3}, {"temperature": 0.2})
    assert (row.prompt_name, row.prompt_version, row.stream) == ("triage", "3", True)
    assert (row.cached_tokens, row.damaged, row.pid) == (7, 2, os.getpid())
    assert (short.messages, short.decision, short.tags) == (None, None, row.tags)
    assert msgspec.json.decode(msgspec.json.encode(row), type=Row) == row


def test_follow_gives_each_call_when_it_ends(journal: Journal, tmp_path: Path) -> None:
    before = [call(journal, feature="a") for _ in range(3)]
    slow = started(feature="a")
    journal.start(slow)
    with Ledger.open(tmp_path) as ledger:
        rows = ledger.follow(Where(feature="a"), last=2, every=0.01)
        assert [next(rows).id for _ in range(2)] == before[1:]
        call(journal, feature="b")
        quick = call(journal, feature="a")
        assert next(rows).id == quick
        journal.end(ended(slow.id))
        assert next(rows).id == slow.id


def test_where_nothing_was_recorded_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"no ledger in .*nowhere.*--dir or SEAWALL_DIR"):
        Ledger.open(tmp_path / "nowhere")
    with pytest.raises(LedgerError, match="no ledger"):
        Ledger.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_spoilt_ledger_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"this is no database" * 1000)
    with pytest.raises(LedgerError, match=r"ledger\.db cannot be read: file is not a database"):
        Ledger.open(tmp_path)


def test_a_ledger_can_be_read_while_it_is_written(journal: Journal, tmp_path: Path) -> None:
    call(journal)
    with Ledger.open(tmp_path) as one, Ledger.open(tmp_path) as two:
        later = call(journal, at=time.time() + 1)
        assert one.get(later).id == two.get(later).id == later


def test_an_id_alone_gives_its_range() -> None:
    assert new_id(NOON)[:12] == f"{int(NOON * 1000):012x}"


def test_processes_come_and_go_while_one_reads(journal: Journal, tmp_path: Path) -> None:
    """The last to close a database folds its log into it and deletes that, unless others hold
    their locks; whoever loses his lock reads garbage."""
    call(journal, feature="first")
    with Ledger.open(tmp_path) as ledger:
        rows = ledger.follow(Where(feature="support"), last=1, every=0.01)
        for _ in range(3):
            with worker("close", tmp_path) as process:
                id_ = line(process)
                assert process.wait(timeout=20) == 0
            assert (tmp_path / "ledger.db-wal").exists()
            assert next(rows).id == id_
            assert ledger.get(id_).outcome == "finished"
