"""The rows of the ledger as its readers get them, and which rows they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct, convert
from msgspec.json import decode
from msgspec.structs import fields

from ..core.decision import Decision

__all__ = ["COLUMNS", "CONTENTS", "Group", "Row", "Total", "Where", "condition", "row"]

Group = Literal["feature", "model", "outcome", "day"]


class Row(Struct, kw_only=True):
    """One call. The names are also the keys of its JSON and stay as they are.

    ``at`` and ``ended_at`` are seconds since the epoch, ``latency`` and ``first_token`` seconds
    since ``at``. ``outcome``: ``finished``, ``cut``, ``cancelled``, ``fault``,
    ``fallback_reply``, ``interrupted`` (its process died) or ``open`` (still under way); of an
    open call what its end brings is ``None``. ``model`` is the ``vendor/model`` that answered,
    or that was asked last, and ``requested`` what the caller asked for. ``operation``: ``chat``,
    ``embeddings``, ``rerank``, ``models`` or ``batch`` (one request of it). ``content`` says
    whether ``messages`` and ``response`` were kept ``full``, ``hashed`` or not at all (``none``).
    """

    id: str
    at: float
    ended_at: float | None
    outcome: str
    feature: str
    requested: str
    operation: str
    model: str | None
    vendor: str | None
    stream: bool
    prompt_name: str | None
    prompt_version: str | None
    system_hash: str | None
    tags: Any
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    total_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_nano_usd: int | None
    cost_state: str | None
    latency: float | None
    first_token: float | None
    attempts: int
    damaged: int
    canned: bool
    request_id: str | None
    error_kind: str | None
    error_message: str | None
    content: str
    pid: int | None
    parameters: Any = None
    messages: Any = None
    response: Any = None
    decision: Decision | None = None


_LONG = ("parameters", "messages", "response", "decision")
_SHORT = tuple(field.name for field in fields(Row) if field.name not in _LONG)
COLUMNS = ", ".join(_SHORT)
CONTENTS = ", ".join(_LONG)


class Total(Struct, kw_only=True):
    """Sums over the calls of one group. ``cost_nano_usd`` leaves out the ``unpriced`` calls,
    whose cost is unknown; ``estimated`` calls are in it by estimate."""

    group: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_nano_usd: int
    estimated: int
    unpriced: int


class Where(Struct, frozen=True, kw_only=True):
    """Which calls. ``since`` (included) and ``until`` (not) are seconds since the epoch. ``model``
    may be a pattern (``openai/*``) and is compared with what answered and what was requested."""

    since: float | None = None
    until: float | None = None
    feature: str | None = None
    model: str | None = None
    outcome: str | None = None


def condition(where: Where) -> tuple[list[str], list[Any]]:
    """The conditions of SQL, to be joined by AND, and their values."""
    found: list[tuple[str, Sequence[Any]]] = []
    if where.since is not None:
        found.append(("id >= ? AND at >= ?", (_first_id(where.since), where.since)))
    if where.until is not None:
        found.append(("at < ?", (where.until,)))
    if where.feature is not None:
        found.append(("feature = ?", (where.feature,)))
    if where.model is not None:
        found.append(("(model GLOB ? OR requested GLOB ?)", (where.model, where.model)))
    if where.outcome is not None:
        found.append(("outcome = ?", (where.outcome,)))
    return [sql for sql, _ in found], [value for _, values in found for value in values]


def _first_id(at: float) -> str:
    """Ids begin with the milliseconds of their call, so a range of time is a range of ids."""
    return f"{max(0, int(at * 1000)):012x}"


def row(values: Sequence[Any]) -> Row:
    """A row of ``COLUMNS``, and of ``CONTENTS`` if there are more values."""
    made = dict(zip((*_SHORT, *_LONG), values, strict=False))
    for name in ("tags", *_LONG):
        text = made.get(name)
        if text is not None:
            made[name] = decode(text)
    return convert(made, Row, strict=False)
