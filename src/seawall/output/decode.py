"""JSON text to a value without losing a digit or a member."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any, cast

__all__ = ["MAX_DEPTH", "canonical", "decode", "encode"]

#: Deeper nesting is refused: Python's own functions over such a value recurse.
MAX_DEPTH = 128

_REPEATED = "a key given twice with the same value kept once"
_NOT_FINITE = "NaN or Infinity kept, which JSON does not have"

_BRACKET = re.compile(r'"(?:[^"\\]++|\\[\s\S])*"?|[\[{]|[\]}]')
_MAX_INT_DIGITS = 4000  # CPython refuses to read more than 4,300 into an int


def decode(text: str) -> tuple[Any, tuple[str, ...]]:
    """The value of JSON ``text``, and what had to be let pass.

    A number that a float would round becomes a ``Decimal``. ``NaN`` and ``Infinity`` are read
    as Python's ``json`` writes them. Raises ``ValueError`` for anything else that is not JSON,
    and for a key given twice with different values.
    """
    if _too_deep(text):
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    notes: dict[str, None] = {}

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            _repeats(pairs)
            notes[_REPEATED] = None
        return found

    def endless(name: str) -> float:
        notes[_NOT_FINITE] = None
        return float(name)

    value = json.loads(
        text,
        object_pairs_hook=members,
        parse_float=_real,
        parse_int=_integer,
        parse_constant=endless,
    )
    return value, tuple(notes)


def _repeats(pairs: list[tuple[str, Any]]) -> None:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen and canonical(seen[key]) != canonical(value):
            raise ValueError(f"the key {key!r} is given twice with different values")
        seen[key] = value


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _MAX_INT_DIGITS else Decimal(digits)


def _real(digits: str) -> float | Decimal:
    short = float(digits)
    # Fifteen digits survive a float and back (IEEE 754 double precision).
    if len(digits) <= 16 and "e" not in digits and "E" not in digits:
        return short
    try:
        exact = Decimal(digits)
    except InvalidOperation as error:
        raise ValueError(f"the number {digits[:40]} is out of any range") from error
    if math.isinf(short) or Decimal(repr(short)) != exact:
        return exact
    return short


def _too_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for found in _BRACKET.finditer(text):
        piece = found.group()
        if piece in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif piece in "]}":
            depth -= 1
    return False


def canonical(value: Any) -> str:
    """Equal for equal values only, whatever the order of names; tells ``1`` from ``1.0``."""
    return json.dumps(value, sort_keys=True, default=repr)


def encode(value: Any) -> str:
    """The JSON text of a decoded value, every digit of a ``Decimal`` written out."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        return f"{{{','.join(f'{json.dumps(key)}:{encode(item)}' for key, item in members)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(encode, cast('list[Any]', value)))}]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)
