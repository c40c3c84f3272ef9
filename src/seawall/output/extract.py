"""JSON out of a model's reply, with everything that had to be repaired named.

What the text says is never changed: every name, string, number and literal of the value stands
in the text, in order and with all its digits, and what is left out is reported. Where a text
can be read in two ways it is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ..errors import ExtractError
from .around import UNFENCED, left_out, loose_bracket
from .choose import Choice, Fits, Prefer, choose
from .decode import decode
from .scan import STRAY, Candidate, answer, find
from .schema import checker

__all__ = ["Extracted", "extract_json"]

_BLOCK = re.compile(r"\s*+(`{3,}+|~{3,}+)[ \t]*+\w*+[ \t]*+\n([^`~]*+)\1\s*+\Z")


class Extracted(Struct, frozen=True, kw_only=True):
    """``value`` and how it was had.

    A number that a float would round is a ``Decimal`` in ``value``. ``json`` is the same value
    as JSON text with every digit as the model wrote it (and NaN, where it wrote that).
    ``repairs`` names each repair in plain words; none for a reply that was JSON and nothing
    else. ``raw`` is the piece of the reply that was read, and ``span`` where it stands.
    ``truncated``: the reply ended early and only what was complete was taken.
    ``alternatives``: other values the reply held.
    """

    value: Any
    json: str
    raw: str
    span: tuple[int, int]
    repairs: tuple[str, ...] = ()
    truncated: bool = False
    alternatives: tuple[Any, ...] = ()


def extract_json(
    text: str,
    *,
    schema: Mapping[str, Any] | Fits | None = None,
    prefer: Prefer = "all",
    allow_truncated: bool | None = None,
) -> Extracted:
    """The JSON value in ``text``.

    ``schema``: a JSON Schema, or a function that says whether a value fits; it decides between
    several values and is not otherwise enforced. ``prefer``: what to take when several
    different ones remain; ``all`` gives a list of them (and refuses if a schema is given that
    the list does not fit), ``only`` refuses. ``allow_truncated``: take what is complete of a
    reply that ends early, with what was unfinished left out and reported. ``None`` does so
    where nothing but the end can be missing: in ``{"a": {"b": 1, "c": 2}`` it may be a bracket
    before ``"c"``.

    Raises ``ExtractError``, a ``ValueError``.
    """
    fits = schema if schema is None or callable(schema) else checker(schema).is_valid
    exact = _exact(text, fits)
    if exact is not None:
        return exact
    start = answer(text)
    if start is None:
        raise ExtractError(
            "the model's reasoning never ends, so there is no answer",
            reason="truncated",
            position=len(text),
            remedy="Raise max_tokens.",
        )
    found = find(text, start)
    if not found:
        return _scalar(text, start)
    choice = choose(text, found, fits, prefer, allow_truncated)
    _check_around(text, start, choice, found)
    return _extracted(text, start, choice)


def _exact(text: str, fits: Fits | None) -> Extracted | None:
    """A reply that is JSON and nothing else."""
    body = text.strip("\ufeff \t\r\n")
    at = text.find(body)
    try:
        value, repairs = decode(body)
    except json.JSONDecodeError:
        return None
    except ValueError as error:
        raise _unreadable(str(error), at) from error
    spelled = body
    if isinstance(value, str):
        value, spelled, repairs = _inner(value, spelled, fits)
    if text.startswith("\ufeff"):
        repairs = ("a byte order mark removed", *repairs)
    span = (at, at + len(body))
    return Extracted(value=value, json=spelled, raw=body, span=span, repairs=repairs)


def _inner(value: str, spelled: str, fits: Fits | None) -> tuple[Any, str, tuple[str, ...]]:
    """A string that holds an object or array of JSON stands for it, unless the string itself
    was asked for."""
    body = value.strip()
    if body[:1] in ("{", "[") and not (fits is not None and fits(value)):
        try:
            inner, repairs = decode(body)
        except ValueError:
            return value, spelled, ()
        return inner, body, ("JSON within a JSON string unwrapped", *repairs)
    return value, spelled, ()


def _scalar(text: str, start: int) -> Extracted:
    """A bare number, string or literal in a code fence."""
    block = _BLOCK.match(text, start)
    if block is not None:
        inner = _exact(block[2], None)
        if inner is not None:
            at = block.start(2)
            span = (inner.span[0] + at, inner.span[1] + at)
            return replace(inner, span=span, repairs=(UNFENCED, *inner.repairs))
    raise ExtractError(
        "the text holds no JSON object or array",
        reason="absent",
        position=start,
        remedy="Ask the model again for JSON alone.",
    )


def _unreadable(problem: str, position: int) -> ExtractError:
    remedy = "Ask the model again, showing it this error."
    return ExtractError(problem, reason="unreadable", position=position, remedy=remedy)


def _check_around(text: str, start: int, choice: Choice, found: Sequence[Candidate]) -> None:
    pieces = [
        (one.reading.start, one.reading.end) for one in found if one.usable or one in choice.taken
    ]
    first = choice.taken[0]
    sound = STRAY not in first.repairs
    loose = loose_bracket(text, start, choice.span, pieces, fenced=first.fenced, paired=sound)
    if loose is not None:
        problem = "a bracket outside the JSON has no partner, so the JSON may be only a part"
        raise _unreadable(problem, loose)


def _extracted(text: str, start: int, choice: Choice) -> Extracted:
    taken, span = choice.taken, choice.span
    pieces = [(candidate.reading.start, candidate.reading.end) for candidate in taken]
    repairs = [*left_out(text, start, pieces), *choice.repairs]
    for candidate in taken:
        repairs.extend(candidate.repairs)
        if candidate.problem:
            repairs.append(
                "the end is missing: what was open closed, what was unfinished left out, and more "
                f"may have followed ({candidate.problem})"
            )
    spelled = [candidate.reading.json for candidate in taken]
    return Extracted(
        value=choice.value,
        json=spelled[0] if len(spelled) == 1 else f"[{','.join(spelled)}]",
        raw=text[slice(*span)],
        span=span,
        repairs=tuple(dict.fromkeys(repairs)),
        truncated=any(candidate.problem for candidate in taken),
        alternatives=choice.alternatives,
    )
