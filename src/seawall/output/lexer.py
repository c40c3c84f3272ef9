"""The smallest pieces of JSON as models write it: space, separators, words and numbers.

A piece is rewritten as JSON only if it has one reading. Patterns are possessive, so that no text
makes them backtrack far; groups are not, as Python before 3.11.5 errs there.
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = [
    "ADDED_BRACKET",
    "ADDED_COMMA",
    "IDENTIFIER",
    "Note",
    "Unclear",
    "colon_end",
    "comma_end",
    "constant",
    "is_fence",
    "number",
    "skip",
    "word",
]

ADDED_BRACKET = "a missing bracket added"
ADDED_COMMA = "missing commas added"

Note = Callable[[str], None]
"""Told, in plain words, of each departure from JSON."""


class Unclear(ValueError):
    """A piece has more than one reading, or none. ``reach``: how far it may go."""

    def __init__(self, why: str, reach: int) -> None:
        self.reach = reach
        super().__init__(why)


_BLANK = re.compile(r"[\s\ufeff\u200b\u2060]*+")
_SPACE = re.compile(
    r"(?:[\s\ufeff\u200b\u2060]++|//[^\n\r]*+|#[^\n\r]*+|/\*(?:[^*]++|\*(?!/))*(?:\*/|\Z))*"
)
_WORD = re.compile(r"[^\s,;:=<>|/#\\(){}\[\]\"'`“”„‟‘’，：]++")
_FENCE = ("```", "~~~")
IDENTIFIER = re.compile(r"[A-Za-z_$][\w$-]*+\Z")

#: What models write for a comma and a colon.
_COMMAS = ",，;；"
_COLONS = ":：="
_PYTHON = "Python literals made JSON"
_CONSTANTS = {
    "true": ("true", ""),
    "false": ("false", ""),
    "null": ("null", ""),
    "True": ("true", _PYTHON),
    "False": ("false", _PYTHON),
    "None": ("null", _PYTHON),
    **{
        name: (name.lower(), "literals made lower case")
        for name in ("TRUE", "FALSE", "NULL", "Null")
    },
    **dict.fromkeys(("NaN", "nan"), ("NaN", "")),
    **dict.fromkeys(("Infinity", "inf"), ("Infinity", "")),
    **dict.fromkeys(("-Infinity", "-inf"), ("-Infinity", "")),
}

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?\Z")
_LOOSE = re.compile(
    r"([+-]?)(0|[1-9][0-9]*+(?:_[0-9]++)*)?(?:\.([0-9]*+))?((?:[eE][+-]?[0-9]++)?)\Z"
)
_HEX = re.compile(r"([+-]?)0[xX]([0-9a-fA-F]{1,64})\Z")


def skip(text: str, pos: int, note: Note) -> int:
    """The position of the next piece: past white space and comments."""
    blank = _BLANK.match(text, pos)
    assert blank is not None
    end = blank.end()
    if end > pos and blank.group().strip(" \t\r\n"):
        note("unusual white space removed")
    if text[end : end + 1] in ("/", "#"):
        space = _SPACE.match(text, end)
        assert space is not None
        if space.end() > end:
            note("comments removed")
        end = space.end()
    return end


def comma_end(text: str, pos: int, note: Note) -> int | None:
    """The position behind a comma or what stands for one; ``None`` if there is none."""
    char = text[pos : pos + 1]
    if not char or char not in _COMMAS:
        return None
    if char != ",":
        note("other separators made commas")
    return pos + 1


def colon_end(text: str, pos: int, note: Note) -> int | None:
    """The position behind a colon or what stands for one; ``None`` if there is none."""
    char = text[pos : pos + 1]
    if not char or char not in _COLONS:
        return None
    if char != ":":
        note("other separators made colons")
    return pos + (2 if text.startswith("=>", pos) else 1)


def is_fence(text: str, pos: int) -> bool:
    return text.startswith(_FENCE, pos)


def word(text: str, pos: int) -> str:
    """The run of letters, digits and signs at ``pos``; empty if there is none."""
    found = _WORD.match(text, pos)
    return found.group() if found else ""


def constant(name: str, note: Note) -> str | None:
    """``true``, ``false``, ``null``, ``NaN`` or an infinity, as ``json`` spells it."""
    spelling, change = _CONSTANTS.get(name, (None, ""))
    if change:
        note(change)
    return spelling


def number(name: str, note: Note) -> str | None:
    """``name`` as a JSON number with every digit kept; ``None`` if it is no number.

    ``+5``, ``.5``, ``5.``, ``1_000`` and ``0xFF`` have one reading (JSON5, section 6, and
    Python); leading zeros, ``1,000``, units and fractions do not.
    """
    if _NUMBER.match(name):
        return name
    if found := _HEX.match(name):
        note("hexadecimal numbers written out")
        return found[1].strip("+") + str(int(found[2], 16))
    found = _LOOSE.match(name)
    if found is None or not (found[2] or found[3]):
        return None
    note("numbers written as JSON wants them")
    point = f".{found[3] or '0'}" if found[3] is not None else ""
    return f"{found[1].strip('+')}{(found[2] or '0').replace('_', '')}{point}{found[4]}"
