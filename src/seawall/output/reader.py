"""Reads damaged JSON that has exactly one reading, in one pass and without recursion.

It forgives what JSON5 and Python's own notation allow (comments, trailing commas, other quotes,
bare keys, ``None``) and raw control characters, and keeps every name, digit and letter. What it
cannot read in one way it does not read.
"""

from __future__ import annotations

import json
from typing import Literal

from msgspec import Struct

from .decode import MAX_DEPTH
from .lexer import (
    ADDED_BRACKET,
    ADDED_COMMA,
    IDENTIFIER,
    Unclear,
    colon_end,
    comma_end,
    constant,
    is_fence,
    number,
    skip,
    word,
)
from .strings import CLOSERS, Place, read_string

__all__ = ["Reading", "read"]


class Reading(Struct, frozen=True, kw_only=True):
    """What was found between ``start`` and ``end``.

    ``json`` is empty if nothing can be had. ``state``: ``truncated`` if the text ended first,
    ``broken`` if something at ``end`` has no place there; ``problem`` says what. ``solid``: at
    least one named member, string or inner object was read, so this is hardly prose. ``reach``:
    what stands before it may belong to this piece. ``doubt``: why a truncated piece may lack
    something else than its end.
    """

    start: int
    end: int
    state: Literal["complete", "truncated", "broken"]
    json: str = ""
    repairs: tuple[str, ...] = ()
    problem: str = ""
    solid: bool = False
    reach: int = 0
    doubt: str = ""


class _Cut(Exception):
    """The text ended."""


class _Broken(Exception):
    """Something stands where it has no place."""


class _Frame:
    """An open container. ``mark``: where its own text begins in the output. ``unsure``: the last
    bracket in it may be its own."""

    __slots__ = ("array", "count", "key", "mark", "unsure")

    def __init__(self, array: bool, mark: int) -> None:
        self.array = array
        self.mark = mark
        self.count = 0
        self.key = ""
        self.unsure = False

    def has_closed(self, inner: _Frame, outermost: bool) -> None:
        """``{"a": {"b": 1, "c": 2}`` lacks a bracket before ``"c"`` or at its end; ``[1, [2]`` and
        ``[{"a": 1}`` lack one at their end or have one too many."""
        shared = self.array == inner.array and (self.array or inner.count > 1)
        wrapped = self.array and self.count == 1 and outermost
        self.unsure = inner.unsure or shared or wrapped


_Expect = Literal["value", "item", "key", "colon", "next"]
_EXTRA_COMMA = "superfluous commas removed"
#: Where one of these was needed, a missing end need not be all that is wrong with the brackets.
_STRUCTURAL = frozenset((ADDED_BRACKET, ADDED_COMMA, _EXTRA_COMMA))


class _Reader:
    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.start = start
        self.pos = self.before = start
        self.out: list[str] = []
        self.stack: list[_Frame] = []
        self.notes: dict[str, None] = {}
        self.expect: _Expect = "value"
        self.comma = False
        self.solid = False
        self.quoted = False
        self.odd = False
        self.inside = ""
        self.reach = 0

    def note(self, what: str) -> None:
        self.notes[what] = None

    def run(self) -> Reading:
        try:
            while True:
                self._step()
                if not self.stack:
                    return self._reading("complete")
        except _Cut:
            return self._truncated()
        except _Broken as why:
            return self._reading("broken", f"{why}{self._where()}")
        except Unclear as why:
            self.solid = True
            self.reach = why.reach
            return self._reading("broken", f"{why}{self._where()}")

    def _step(self) -> None:
        self.before = self.pos
        self.pos = skip(self.text, self.pos, self.note)
        if self.pos >= len(self.text) or is_fence(self.text, self.pos):
            raise _Cut
        char = self.text[self.pos]
        if self.expect == "next":
            self._next(char)
        elif self.expect == "key":
            self._key(char)
        elif self.expect == "colon":
            self._colon()
        elif char == "]" and self.expect == "item":
            self._close()
        else:
            self._value(char)

    def _value(self, char: str) -> None:
        if char in "{[":
            self._open(char == "[")
            return
        if char in CLOSERS:
            piece = self._string("item" if self.expect == "item" else "member")
            self.solid = True
        else:
            piece = self._bare()
        self._begin()
        self.out.append(piece)
        self._done()

    def _open(self, array: bool) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise _Broken(f"nesting deeper than {MAX_DEPTH} levels")
        mark = len(self.out)
        if self.stack:
            self._begin()
        self.out.append("[" if array else "{")
        self.stack.append(_Frame(array, mark))
        self.expect = "item" if array else "key"
        self.comma = False
        self.pos += 1

    def _close(self) -> None:
        if self.comma:
            self.note("trailing commas removed")
        inner = self.stack.pop()
        self.out.append("]" if inner.array else "}")
        self.pos += 1
        if self.stack:
            self.solid = True
            self._done()
            outer = self.stack[-1]
            outer.has_closed(inner, outermost=len(self.stack) == 1)
            self.odd = self.odd or (outer.array and outer.count == 1 and not inner.count)

    def _begin(self) -> None:
        frame = self.stack[-1]
        if frame.count:
            self.out.append(",")
        if not frame.array:
            self.out.append(f"{frame.key}:")

    def _done(self) -> None:
        frame = self.stack[-1]
        frame.count += 1
        frame.unsure = False
        if not frame.array:
            self.solid = True
        self.comma = False
        self.expect = "next"

    def _next(self, char: str) -> None:
        array = self.stack[-1].array
        comma = comma_end(self.text, self.pos, self.note)
        if comma is not None:
            self.comma = True
            self.stack[-1].unsure = False
            self.expect = "item" if array else "key"
            self.pos = comma
        elif char == ("]" if array else "}"):
            self._close()
        elif self._comma_missing(char, array):
            self.note(ADDED_COMMA)
            self.expect = "item" if array else "key"
        elif not (array and char == ":" and self._end_array()):
            raise _Broken(f"a comma or {']' if array else '}'} expected, not {self._seen()}")

    def _comma_missing(self, char: str, array: bool) -> bool:
        """In an object only a name can follow, and its colon will tell. Items that stand side by
        side may be one, unless a line or a bracket parts them."""
        if not array:
            return char in CLOSERS or char.isalpha() or char in "_$"
        parted = "\n" in self.text[self.before : self.pos]
        near = self.text[self.before - 1] in "}]" or char in "{["
        return (parted or near) and char not in "}:"

    def _end_array(self) -> bool:
        """A colon behind an array's item: the item is the next name, and the bracket before it
        is missing. Not where it may stand further in (``[[1, 2``), or where the one that opens may
        be superfluous (``["one"``); for the rest, the brackets behind tell."""
        if self.stack[-1].count < 3 or self.stack[-2:][0].array:
            return False
        if not self.out[-1].startswith('"') or self.out[-3] == "]":
            return False
        self.note(ADDED_BRACKET)
        self.stack.pop()
        self.stack[-1].key = self.out.pop()
        self.stack[-1].count += 1
        self.out[-1] = "]"
        self.expect = "colon"
        return True

    def _key(self, char: str) -> None:
        frame = self.stack[-1]
        if char == "}":
            self._close()
        elif char == ",":
            self.note(_EXTRA_COMMA)
            self.pos += 1
        elif char in CLOSERS:
            frame.key = self._string("key")
            self.quoted = True
            self.expect = "colon"
        else:
            name = word(self.text, self.pos)
            if not (IDENTIFIER.match(name) or (name.isascii() and name.isdigit())):
                raise _Broken(f"a quoted key expected, not {self._seen()}")
            self.note("quotes put round keys")
            frame.key = f'"{name}"'
            self.pos += len(name)
            self.expect = "colon"

    def _colon(self) -> None:
        end = colon_end(self.text, self.pos, self.note)
        if end is None:
            raise _Broken(f"a colon expected, not {self._seen()}")
        self.pos = end
        self.expect = "value"
        self.solid = self.solid or self.quoted

    def _string(self, place: Place) -> str:
        found = read_string(self.text, self.pos, place, self.note)
        if found is None:
            self.inside = "a key of" if place == "key" else "the string at"
            raise _Cut
        piece, self.pos = found
        return piece

    def _bare(self) -> str:
        name = word(self.text, self.pos)
        piece = constant(name, self.note)
        if piece is None:
            if self.pos + len(name) == len(self.text):
                # Its digits may go on: 19 can be the beginning of 199.
                self.inside = "the value at"
                raise _Cut
            piece = number(name, self.note)
        if piece is None:
            raise _Broken(f"a value expected, not {self._seen()}")
        self.pos += len(name)
        return piece

    def _seen(self) -> str:
        return repr(self.text[self.pos : self.pos + 20])

    def _where(self) -> str:
        path = self._path()
        return f" (at {path})" if path else ""

    def _path(self) -> str:
        parts: list[str] = []
        for depth, frame in enumerate(self.stack):
            last = depth == len(self.stack) - 1
            if frame.array:
                # An inner container counts only once it is closed, so this is its own index.
                parts.append("" if last and self.expect == "next" else f"[{frame.count}]")
            elif frame.key and not (last and self.expect in ("key", "next")):
                parts.append(f".{json.loads(frame.key)}")
        return "".join(parts).lstrip(".")

    def _truncated(self) -> Reading:
        opened = len(self.stack)
        place = self._path() or "the outermost value"
        inside = f"inside {self.inside} {place}" if self.inside else f"in {place}"
        if self.inside:
            self.pos = len(self.text)
        left = "1 bracket is" if opened == 1 else f"{opened} brackets are"
        problem = f"the text ends {inside}; {left} left open"
        doubt = self._doubt()
        while len(self.stack) > 1 and not self.stack[-1].count:
            del self.out[self.stack.pop().mark :]
        if len(self.stack) == 1 and not self.stack[0].count:
            return self._reading("truncated", problem)
        self.out.extend("]" if frame.array else "}" for frame in reversed(self.stack))
        return self._reading("truncated", problem, "".join(self.out), doubt)

    def _doubt(self) -> str:
        """What a text that seems cut may lack instead of its end."""
        # An empty array whose second bracket is wrong looks like [{}.
        if self.stack[-1].unsure or self.odd or _STRUCTURAL & self.notes.keys():
            return "a bracket may be missing or superfluous further in"
        if self.inside:
            closed = self.text.rstrip("`~ \t\r\n")[-1] in "]}"
            return "a quote may be missing instead" if closed else ""
        hidden = {"]", "}"} & set(self.text[self.before : self.pos])
        return "a comment may hide the end" if hidden else ""

    def _reading(
        self,
        state: Literal["complete", "truncated", "broken"],
        problem: str = "",
        text: str = "",
        doubt: str = "",
    ) -> Reading:
        return Reading(
            start=self.start,
            end=self.pos,
            state=state,
            json="".join(self.out) if state == "complete" else text,
            repairs=tuple(self.notes),
            problem=problem,
            solid=self.solid,
            reach=max(self.reach, self.pos),
            doubt=doubt,
        )


def read(text: str, start: int) -> Reading:
    """Read the object or array that opens at ``text[start]``."""
    return _Reader(text, start).run()
