"""Strings as models write them: with other quotes, raw line breaks, and quotes inside.

A string is read only if it has one reading; otherwise ``Unclear`` says why not.

A quote inside a string that nothing escapes is content if the text round it leaves no choice:
no such quote looks like the string's end, judged by what follows, and they pair as quotation
marks do, one before a word and one behind it. An apostrophe between letters needs no partner,
nor does the mark behind a number in a named value, as in 5".
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from .lexer import Note, Unclear, is_fence, skip

__all__ = ["CLOSERS", "Place", "read_string"]

Place = Literal["key", "member", "item"]
"""What a string is: a name, a named value, or an item of an array."""

#: The characters that end a string, by the one that opens it. A typographic opener ends at any
#: typographic quote, as languages differ in their pairs.
CLOSERS = {
    '"': '"',
    "'": "'",
    "`": "`",
    "“": "“”„",
    "”": "“”„",
    "„": "“”„",
    "‘": "‘’",
    "’": "‘’",
}
_BODY = {
    opener: re.compile(rf"(?:[^{closers}\\]++|\\[\s\S])*(?=[{closers}])")
    for opener, closers in CLOSERS.items()
}

_SEPARATED = frozenset(",，;；:：=}]\"'“”„‘’`{[/#")
_QUOTED = r"""(?:"[^"\n]*+"|'[^'\n]*+')\s*+:"""
_NAMED = rf"(?:{_QUOTED}|[A-Za-z_$][\w$-]*+\s*+:)"
#: What stands behind a string's end, by what the string is.
_ENDS = {
    "member": re.compile(rf"\s*+(?:\Z|[}}\]]|,\s*+(?:\Z|[}}\]]|{_NAMED})|{_QUOTED})"),
    "item": re.compile(
        r"""\s*+(?:\Z|[}\]"'{\[]|,\s*+(?:\Z|[}\]"'{\[\d-]|(?:true|false|null)\b))"""
    ),
}
_MEASURE = re.compile(r"(?<!\w)[0-9]+(?:[./][0-9]+)?\Z")
_NEXT_LINE = re.compile(r"[ \t]*+(?:(?://|#)[^\n]*+)?\n\s*+[A-Za-z_$][\w$-]*+\s*+[:=]")
_NEXT_NAME = re.compile(_QUOTED)
_QUOTES = {"'": "single quotes made double", "`": "backticks made double quotes"}


def read_string(text: str, pos: int, place: Place, note: Note) -> tuple[str, int] | None:
    """The string that opens at ``pos`` as JSON, and the position behind it; ``None`` if nothing
    closes it. Raises ``Unclear``."""
    opener = text[pos]
    end = _next_quote(opener, text, pos)
    if end is None:
        return None
    if place != "key" and not _separated(text, end + 1):
        end = _end_behind_quotes(opener, text, pos, end, place)
        note("quotes inside strings escaped")
    try:
        return _as_json(opener, text[pos + 1 : end], note), end + 1
    except ValueError as why:
        raise Unclear(str(why), end) from why


def _next_quote(opener: str, text: str, pos: int) -> int | None:
    found = _BODY[opener].match(text, pos + 1)
    return found.end() if found else None


def _separated(text: str, pos: int) -> bool:
    if _NEXT_LINE.match(text, pos):
        return True
    pos = skip(text, pos, lambda what: None)
    return pos >= len(text) or text[pos] in _SEPARATED or is_fence(text, pos)


def _end_behind_quotes(opener: str, text: str, start: int, first: int, place: Place) -> int:
    inner = [first]
    while True:
        quote = _next_quote(opener, text, inner[-1])
        if quote is None:
            raise Unclear("the quotes in a string leave its end open", len(text))
        if _ENDS[place].match(text, quote + 1):
            break
        inner.append(quote)
    for before, pos in pairwise(inner):
        if not re.search(r"\w", text[before:pos]):
            raise Unclear("these may be two strings, or one with quotes in it", quote)
    for before, pos in pairwise((start, *inner)):
        if _NEXT_NAME.match(text, pos) and text[before:pos].rstrip()[-1:] in (",", "{"):
            raise Unclear("a quote here may end the string or belong to it", quote)
    alone = [pos for pos in inner if not _harmless(text, pos, place)]
    if not (_pairs(text, inner) or _pairs(text, alone)):
        raise Unclear("a quote inside a string has no partner, so its end is not clear", quote)
    return quote


def _pairs(text: str, quotes: Sequence[int]) -> bool:
    return len(quotes) % 2 == 0 and all(
        not text[left + 1].isspace()
        and not _letter(text[left - 1])
        and not text[right - 1].isspace()
        and not _letter(text[right + 1])
        for left, right in zip(quotes[::2], quotes[1::2], strict=True)
    )


def _letter(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _harmless(text: str, pos: int, place: Place) -> bool:
    if text[pos] in "'’‘":
        return text[pos - 1].isalpha() and text[pos + 1 : pos + 2].isalpha()
    return place == "member" and _MEASURE.search(text[max(0, pos - 20) : pos]) is not None


_SPECIAL = re.compile(
    r'\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|U[0-9a-fA-F]{8}|[\s\S]|\Z)|["\x00-\x1f]'
)
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*+\Z')


def _as_json(opener: str, body: str, note: Note) -> str:
    """The JSON string that ``body``, written after ``opener``, stands for.

    A backslash that escapes nothing is kept in a double-quoted string when it stands before a
    letter or digit, as in ``\\d`` or ``C:\\Users``, and no other escape says that backslashes
    mean something else there. Raises ``ValueError``.
    """
    if opener != '"':
        note(_QUOTES.get(opener, "typographic quotes made plain"))
    if _PLAIN.match(body):
        return f'"{body}"'
    kinds: set[str] = set()
    rewritten = _SPECIAL.sub(lambda found: _escape(found.group(), kinds, note), body)
    if "bare" in kinds and (opener != '"' or not kinds <= {"bare", "dot"}):
        raise ValueError("some backslashes escape and others do not; write each as \\\\")
    if "dot" in kinds and "bare" not in kinds:
        raise ValueError("a backslash stands before a sign it does not escape; write it as \\\\")
    if "bare" in kinds:
        note("backslashes that escape nothing kept as they are")
    return f'"{rewritten}"'


def _escape(piece: str, kinds: set[str], note: Note) -> str:
    if piece == '"':
        return '\\"'
    if piece[0] != "\\":
        note("control characters in strings escaped")
        return json.dumps(piece)[1:-1]
    kind = piece[1:2]
    if kind == '"':
        return piece
    if kind and kind in "'`":
        note("needless backslashes before quotes removed")
        return kind
    if kind and (kind in "\\/bfnrt" or (kind == "u" and len(piece) == 6)):
        kinds.add("escape")
        return piece
    if kind in ("x", "U") and len(piece) > 2 and int(piece[2:], 16) < 0x110000:
        kinds.add("escape")
        note("\\x and \\U escapes made \\u")
        return json.dumps(chr(int(piece[2:], 16)))[1:-1]
    kinds.add("bare" if kind.isascii() and kind.isalnum() else "dot")
    return json.dumps(piece)[1:-1]
