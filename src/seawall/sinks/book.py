"""How records become rows. Every write is an upsert by call id, so that importing the same
record twice, or an end before its start, comes to the same.

A start fills its columns and leaves those of the end alone, and the other way round; the few
they share (``outcome``, ``model``, ``attempts``) belong to the end once it is there. An end that
comes after its call was declared interrupted therefore wins.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from msgspec.json import encode

from ..core.decision import Attempt, Decision
from ..records import Attempted, Ended, Record, Started
from ..types import Price, Usage
from .names import pid_of

__all__ = ["interrupt", "numbers", "write"]

_STARTED = (
    "id",
    "at",
    "feature",
    "requested",
    "operation",
    "stream",
    "prompt_name",
    "prompt_version",
    "system_hash",
    "tags",
    "content",
    "pid",
)
# Only of use while a call is open.
_PENDING = ("owner", "prompt_tokens_estimate", "cost_estimate_nano_usd")
_SHARED = ("outcome", "model", "attempts")
_ENDED = (
    "settled",
    "ended_at",
    "finish_reason",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_nano_usd",
    "cost_state",
    "latency",
    "first_token",
    "damaged",
    "canned",
    "request_id",
    "error_kind",
    "error_message",
)


def _upsert(
    table: str, columns: Collection[str], fill: Collection[str] = (), replace: Collection[str] = ()
) -> str:
    """Insert, or change what is there. A column in ``fill`` only takes a value where there was
    none; one in ``replace`` keeps its value where there is no new one."""
    old, new = f"{table}.", "excluded."
    changes = ", ".join(
        f"{name} = coalesce({old}{name}, {new}{name})"
        if name in fill
        else f"{name} = coalesce({new}{name}, {old}{name})"
        if name in replace
        else f"{name} = {new}{name}"
        for name in columns
        if name != "id"
    )
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608 - names of this module
        f"VALUES ({', '.join('?' * len(columns))}) ON CONFLICT (id) DO UPDATE SET {changes}"
    )


_CALL_STARTED = _upsert("calls", (*_STARTED, *_PENDING, *_SHARED), fill=_SHARED)
_CALL_ENDED = _upsert("calls", ("id", "at", *_SHARED, *_ENDED), fill=("at",), replace=("model",))
_CALL_WHOLE = _upsert("calls", (*_STARTED, *_SHARED, *_ENDED))
_SAID_STARTED = _upsert(
    "contents", ("id", "parameters", "messages", "decision"), fill=("decision",)
)
_SAID_ENDED = _upsert("contents", ("id", "response", "decision"))
_SAID_WHOLE = _upsert("contents", ("id", "parameters", "messages", "response", "decision"))

_OPEN = "SELECT at, prompt_tokens_estimate FROM calls WHERE id = ? AND outcome = 'open'"
_RETRIED = "UPDATE calls SET model = ?, attempts = ?, cost_estimate_nano_usd = ? WHERE id = ?"
_SAID_RETRIED = "UPDATE contents SET decision = json_set(decision, ?, json(?)) WHERE id = ?"


def numbers(db: sqlite3.Connection, now_ns: int) -> Iterator[int]:
    """Values for ``settled``: the time in nanoseconds, but always above every earlier one."""
    last: int = db.execute("SELECT max(settled) FROM calls").fetchone()[0] or 0
    number = max(last + 1, now_ns)
    while True:
        yield number
        number += 1


def write(
    db: sqlite3.Connection, owner: str, records: Iterable[Record], settled: Iterator[int]
) -> None:
    """Write ``records`` of one owner, in the caller's transaction."""
    starts: dict[str, Started] = {}
    ends: dict[str, Ended] = {}
    retried: list[Attempted] = []
    for record in records:
        if type(record) is Started:
            starts[record.id] = record
        elif type(record) is Ended:
            ends[record.id] = record
        elif type(record) is Attempted:
            retried.append(record)
    whole = [(start, ends.pop(id_)) for id_, start in starts.items() if id_ in ends]
    for start, _ in whole:
        del starts[start.id]
    _write_whole(db, pid_of(owner), whole, settled)
    _write_starts(db, owner, starts.values())
    for attempt in retried:
        _write_attempt(db, attempt)
    _write_ends(db, ends.values(), settled)


def interrupt(db: sqlite3.Connection, owner: str, settled: Iterator[int]) -> int:
    """Declare the open calls of a dead ``owner`` interrupted; returns how many. The provider may
    have billed them: what was sent is counted, at the price of the last route asked."""
    found = db.execute("SELECT id FROM calls WHERE owner = ? AND outcome = 'open'", (owner,))
    ids = [id_ for (id_,) in found]
    db.executemany(
        """UPDATE calls SET outcome = 'interrupted', settled = ?,
            prompt_tokens = prompt_tokens_estimate, total_tokens = prompt_tokens_estimate,
            completion_tokens = 0, cost_nano_usd = cost_estimate_nano_usd,
            cost_state = iif(cost_estimate_nano_usd IS NULL, 'unknown', 'estimated'),
            error_message = 'the process ended before the call did'
        WHERE id = ?""",
        [(next(settled), id_) for id_ in ids],
    )
    return len(ids)


def _write_whole(
    db: sqlite3.Connection,
    pid: int,
    calls: Collection[tuple[Started, Ended]],
    settled: Iterator[int],
) -> None:
    db.executemany(
        _CALL_WHOLE,
        (
            (
                *_started(start, pid),
                end.outcome,
                end.model or start.route or None,
                end.attempts,
                *_ended(end, next(settled)),
            )
            for start, end in calls
        ),
    )
    db.executemany(
        _SAID_WHOLE,
        (
            (
                start.id,
                _text(start.parameters),
                _text(start.messages),
                _text(end.response),
                _text(end.decision),
            )
            for start, end in calls
        ),
    )


def _write_starts(db: sqlite3.Connection, owner: str, starts: Collection[Started]) -> None:
    db.executemany(
        _CALL_STARTED,
        (
            (
                *_started(start, pid_of(owner)),
                owner,
                start.prompt_tokens_estimate,
                _cost(start.price, start.prompt_tokens_estimate),
                "open",
                start.route or None,
                int(bool(start.route)),
            )
            for start in starts
        ),
    )
    db.executemany(
        _SAID_STARTED,
        (
            (start.id, _text(start.parameters), _text(start.messages), _so_far(start))
            for start in starts
        ),
    )


def _write_attempt(db: sqlite3.Connection, attempt: Attempted) -> None:
    """Only of a call that has not ended: its end brings the whole decision record."""
    found = db.execute(_OPEN, (attempt.id,)).fetchone()
    if found is None:
        return
    at, tokens = found
    cost = _cost(attempt.price, tokens)
    db.execute(_RETRIED, (attempt.model, attempt.n, cost, attempt.id))
    made = encode(Attempt(attempt.n, attempt.model, max(0.0, round(attempt.at - at, 6))))
    db.execute(_SAID_RETRIED, (f"$.attempts[{attempt.n - 1}]", made.decode(), attempt.id))


def _write_ends(db: sqlite3.Connection, ends: Collection[Ended], settled: Iterator[int]) -> None:
    db.executemany(
        _CALL_ENDED,
        [
            (
                end.id,
                end.at - end.latency,
                end.outcome,
                end.model or None,
                end.attempts,
                *_ended(end, next(settled)),
            )
            for end in ends
        ],
    )
    db.executemany(_SAID_ENDED, [(e.id, _text(e.response), _text(e.decision)) for e in ends])


def _started(start: Started, pid: int) -> tuple[Any, ...]:
    return (
        start.id,
        start.at,
        start.feature,
        start.requested,
        start.operation,
        start.stream,
        start.prompt_name,
        start.prompt_version,
        start.system_hash,
        _text(start.tags),
        start.content,
        pid,
    )


def _ended(end: Ended, settled: int) -> tuple[Any, ...]:
    return (
        settled,
        end.at,
        end.finish_reason,
        end.prompt_tokens,
        end.completion_tokens,
        end.total_tokens,
        end.cached_tokens,
        end.cache_write_tokens,
        end.reasoning_tokens,
        end.cost_nano_usd,
        end.cost_state,
        end.latency,
        end.first_token,
        end.damaged,
        end.canned,
        end.request_id,
        end.error_kind,
        end.error_message,
    )


def _so_far(start: Started) -> str:
    """The decision record of a call under way."""
    attempts = [Attempt(1, start.route, 0.0)] if start.route else []
    return encode(Decision(candidates=list(start.candidates), attempts=attempts)).decode()


def _cost(price: Price | None, tokens: int) -> int | None:
    return None if price is None else price.cost(Usage(prompt_tokens=tokens))


def _text(json: Any) -> str | None:
    return None if json is None else str(json, "utf-8", "replace")
