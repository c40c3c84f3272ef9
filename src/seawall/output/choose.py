"""What of several pieces of JSON is the answer: never by guessing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal, NoReturn

from msgspec import Struct

from ..errors import ExtractError
from .decode import canonical
from .scan import Candidate

__all__ = ["Choice", "Fits", "Prefer", "choose"]

Fits = Callable[[Any], bool]
Prefer = Literal["all", "only", "first", "last"]

_GAP = re.compile(r"[\s,]*+\Z")
_QUOTED = re.compile(r"""["'“”][^"'“”\n]*+["'“”]""")
_WORD = re.compile(r"\b(?!(?:true|false|null|nan|none|infinity)\b)[^\W\d_]++", re.IGNORECASE)
_NUMBERING = re.compile(r"\n[ \t]*+\d++[.)]")
_MARKS = " \t\r\n`~-*•=_|;→>"


class Choice(Struct, frozen=True, kw_only=True):
    """The pieces that make up the answer; more than one is a list given without brackets."""

    taken: tuple[Candidate, ...]
    repairs: tuple[str, ...] = ()
    alternatives: tuple[Any, ...] = ()

    @property
    def span(self) -> tuple[int, int]:
        return self.taken[0].reading.start, self.taken[-1].reading.end

    @property
    def value(self) -> Any:
        if len(self.taken) == 1:
            return self.taken[0].value
        return [candidate.value for candidate in self.taken]


def choose(
    text: str,
    found: Sequence[Candidate],
    fits: Fits | None,
    prefer: Prefer,
    truncated: bool | None,
) -> Choice:
    """The answer among ``found``. ``truncated``: whether an unfinished piece may be one; ``None``
    if only where nothing but its end can be missing.

    In this order: what alone fits the schema; what stands in a code fence; what has names or
    strings, rather than bare numbers, which prose uses for references. Raises ``ExtractError``.
    """
    solid = [one for one in found if one.reading.solid or (one.fenced and one.usable)]
    pool = [candidate for candidate in solid if candidate.fenced] or solid
    pool = pool or list(found)
    if fits is not None and all(_ready(candidate, truncated) for candidate in solid):
        ready = [candidate for candidate in found if _ready(candidate, truncated)]
        row = _row(text, ready)
        fitting = [candidate for candidate in ready if fits(candidate.value)]
        if row is not None and not fitting and fits(row.value):
            return row
        pool = fitting or pool
    weak = [] if solid else [candidate for candidate in pool if _ready(candidate, truncated)]
    pool = weak or pool
    for candidate in pool:
        if not _ready(candidate, truncated):
            _refuse(candidate)
    if prefer == "all" and not solid:
        prefer = "only"
    return _among(text, pool, prefer, fits, _others(found, pool, truncated))


def _ready(candidate: Candidate, truncated: bool | None) -> bool:
    if candidate.usable or not candidate.partial:
        return candidate.usable
    return not candidate.reading.doubt if truncated is None else truncated


def _others(
    found: Sequence[Candidate], pool: Sequence[Candidate], truncated: bool | None
) -> tuple[Candidate, ...]:
    taken = {id(candidate) for candidate in pool}
    return tuple(
        candidate
        for candidate in found
        if candidate.reading.solid and _ready(candidate, truncated) and id(candidate) not in taken
    )


def _among(
    text: str,
    pool: Sequence[Candidate],
    prefer: Prefer,
    fits: Fits | None,
    others: Sequence[Candidate],
) -> Choice:
    distinct = _distinct(pool)
    left_out = tuple(candidate.value for candidate in others)
    repairs = ("other JSON in the text left out",) if left_out else ()
    if len(distinct) == 1:
        if len(pool) > 1:
            repairs = ("the same JSON given several times taken once", *repairs)
        return Choice(taken=(pool[-1],), repairs=repairs, alternatives=left_out)
    row = _row(text, pool)
    if row is not None and prefer in ("all", "only"):
        return row
    if prefer == "all" and _whole(text, distinct, fits):
        several = f"the {len(distinct)} different JSON values of the text given as a list"
        return Choice(taken=distinct, repairs=(several, *repairs), alternatives=left_out)
    if prefer in ("all", "only"):
        raise ExtractError(
            f"the text holds {len(distinct)} different JSON values and nothing says which is meant",
            reason="ambiguous",
            position=distinct[-1].reading.start,
            remedy="Ask for one value, or pass a schema that only one fits.",
            alternatives=tuple(candidate.value for candidate in distinct),
        )
    taken = pool[0] if prefer == "first" else pool[-1]
    left_out += tuple(candidate.value for candidate in distinct if candidate is not taken)
    repairs = (f"the {prefer} of {len(distinct)} different JSON values taken",)
    return Choice(taken=(taken,), repairs=repairs, alternatives=left_out)


def _distinct(pool: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """One of each value, where it stands last, in the order of the text."""
    last = {canonical(candidate.value): candidate for candidate in pool}
    return tuple(sorted(last.values(), key=lambda candidate: candidate.reading.start))


def _whole(text: str, several: Sequence[Candidate], fits: Fits | None) -> bool:
    """Whether a list of ``several`` is all that the text gives, and what was asked for."""
    if any(_is_scrap(gap) for gap in _gaps(text, several)):
        return False
    return fits is None or fits([candidate.value for candidate in several])


def _is_scrap(gap: str) -> bool:
    if "..." in gap or "…" in gap:
        return True
    if not _NUMBERING.sub("", gap).strip(_MARKS):
        return False
    return not _WORD.search(_QUOTED.sub("", gap))


def _gaps(text: str, several: Sequence[Candidate]) -> Iterator[str]:
    for left, right in pairwise(several):
        yield text[left.reading.end : right.reading.start]


def _row(text: str, pool: Sequence[Candidate]) -> Choice | None:
    """Values one behind the other with nothing but commas or space between: a list."""
    if len(pool) < 2 or not all(isinstance(candidate.value, dict) for candidate in pool):
        return None
    if not all(_GAP.match(gap) for gap in _gaps(text, pool)):
        return None
    return Choice(taken=tuple(pool), repairs=("JSON values in a row read as a list",))


def _refuse(candidate: Candidate) -> NoReturn:
    reading = candidate.reading
    if reading.state == "truncated":
        raise ExtractError(
            f"{candidate.problem}, or {reading.doubt}" if reading.doubt else candidate.problem,
            reason="truncated",
            position=candidate.reading.end,
            remedy="Raise max_tokens, or pass allow_truncated=True to take what is complete.",
        )
    raise ExtractError(
        candidate.problem,
        reason="unreadable" if candidate.reading.solid else "absent",
        position=candidate.reading.end,
        remedy="Ask the model again for JSON alone.",
    )
