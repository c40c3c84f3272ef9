"""Is a proposed value what a damaged text says? The judge of the repair library.

The value is spelled along the text: each name, string, number and literal must stand there, in
order and whole, and nothing else may be left over. What may differ is punctuation, and each
difference is noted. Numbers and strings are taken from the text, not from the proposal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from .lexer import (
    ADDED_BRACKET,
    ADDED_COMMA,
    IDENTIFIER,
    Unclear,
    colon_end,
    comma_end,
    constant,
    number,
    skip,
    word,
)
from .strings import CLOSERS, Place, read_string

__all__ = ["Unfaithful", "spell"]

#: Words that people write for something else than their letters.
_RESERVED = frozenset(
    {
        *("yes", "no", "on", "off", "undefined", "nil", "none", "void"),
        *("nan", "inf", "infinity", "na", "tbd"),
    }
)


class Unfaithful(ValueError):
    """The proposal is not what the text says at ``position``."""

    def __init__(self, why: str, position: int) -> None:
        self.position = position
        super().__init__(why)


class _Speller:
    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.pos = start
        self.out: list[str] = []
        self.notes: dict[str, None] = {}
        self.added: int | None = None

    def note(self, what: str) -> None:
        self.notes[what] = None

    def fail(self, why: str) -> Unfaithful:
        return Unfaithful(why, self.pos)

    def peek(self) -> str:
        self.pos = skip(self.text, self.pos, self.note)
        return self.text[self.pos : self.pos + 1]

    def value(self, value: Any, place: Place) -> None:
        if isinstance(value, dict):
            self._object(cast("Mapping[str, Any]", value))
        elif isinstance(value, list):
            self._array(cast("Sequence[Any]", value))
        elif self.peek() in CLOSERS:
            self._string(value, place)
        else:
            self._bare(value)

    def _object(self, members: Mapping[str, Any]) -> None:
        self._open("{")
        for index, (key, value) in enumerate(members.items()):
            if index:
                self._separator(named=True)
            self.out.append("," if index else "")
            self._key(key)
            self._colon()
            self.value(value, "member")
        self._close("}", [*members.values()])

    def _array(self, items: Sequence[Any]) -> None:
        self._open("[")
        for index, value in enumerate(items):
            if index:
                self._separator(named=False)
            self.out.append("," if index else "")
            self.value(value, "item")
        self._close("]", items)

    def _open(self, bracket: str) -> None:
        if self.peek() != bracket:
            raise self.fail(f"{bracket} expected")
        self.pos += 1
        self.out.append(bracket)

    def _close(self, bracket: str, inner: Sequence[Any]) -> None:
        """Behind the values of a container. Its bracket may only be missing where it can stand
        nowhere else, as it can in ``[[1, 2``, and where none before is superfluous, as it may be
        in ``["one"``."""
        self.out.append(bracket)
        found = self.peek()
        if found == "," and self.text[skip(self.text, self.pos + 1, self.note) :][:1] == bracket:
            self.note("trailing commas removed")
            self.pos += 1
            found = self.peek()
        if found == bracket:
            self.pos += 1
        elif found and found in ",}]" and _closes_here(bracket, inner):
            self.note(ADDED_BRACKET)
            self.added = self.pos
        else:
            raise self.fail(f"{bracket} is missing")

    def _separator(self, named: bool) -> None:
        before = self.pos
        found = self.peek()
        comma = comma_end(self.text, self.pos, self.note)
        if comma is not None:
            self.pos = comma
            return
        near = self.text[before - 1] in "}]" or found in ("{", "[")
        if not (named or near or "\n" in self.text[before : self.pos]):
            raise self.fail("two values stand side by side; they may be one or two")
        self.note(ADDED_COMMA)

    def _colon(self) -> None:
        self.peek()
        end = colon_end(self.text, self.pos, self.note)
        if end is None:
            self.note("missing colons added")
        self.pos = end or self.pos
        self.out.append(":")

    def _key(self, key: str) -> None:
        if self.peek() in CLOSERS:
            self._string(key, "key")
            return
        name = word(self.text, self.pos)
        if name != key or not IDENTIFIER.match(name):
            raise self.fail(f"a key expected, and {key!r} is not what stands there")
        self.note("quotes put round keys")
        self.pos += len(name)
        if self.text[self.pos : self.pos + 1] == '"':
            self.pos += 1
        self.out.append(f'"{key}"')

    def _bare(self, value: Any) -> None:
        name = word(self.text, self.pos)
        piece = constant(name, self.note) or number(name, self.note)
        if piece is None:
            if name != value or not IDENTIFIER.match(name) or name.lower() in _RESERVED:
                raise self.fail(f"{self.text[self.pos : self.pos + 20]!r} has no one reading")
            self.note("quotes put round bare words")
            piece = f'"{name}"'
        elif value not in (name, json.loads(piece)):
            raise self.fail(f"{name!r} was read as {value!r}")
        self.pos += len(name)
        self.out.append(piece)

    def _string(self, value: Any, place: Place) -> None:
        try:
            found = read_string(self.text, self.pos, place, self.note)
        except Unclear as why:
            raise self.fail(str(why)) from why
        if found is None or json.loads(found[0]) != value:
            raise self.fail("the end of a string is not clear")
        self.out.append(found[0])
        self.pos = found[1]

    def finish(self) -> int:
        """The end of the value. Where a right bracket is missing, a wrong one may follow, with
        nothing but other brackets between them."""
        end = self.pos
        found = self.peek()
        if found in ("}", "]") and self.added is not None:
            if self.text[self.added : self.pos].strip("}] \t\r\n"):
                raise self.fail(f"this {found} and the bracket that is missing are far apart")
            self.note("a wrong bracket removed")
            self.pos += 1
            end = self.pos
            found = self.peek()
        if found:
            raise self.fail(f"{self.text[self.pos : self.pos + 20]!r} would be lost")
        return end


def _closes_here(bracket: str, inner: Sequence[Any]) -> bool:
    array = bracket == "]"
    return len(inner) > array and not isinstance(inner[-1], list if array else dict)


def spell(text: str, start: int, value: Any) -> tuple[str, tuple[str, ...], int]:
    """``value`` as JSON in the text's own spelling, what was changed, and where it ended.

    ``text`` ends where the value must. Raises ``Unfaithful``.
    """
    speller = _Speller(text, start)
    speller.value(value, "item")
    end = speller.finish()
    return "".join(speller.out), tuple(speller.notes), end
