"""Finds every piece of a reply that may be the JSON that was asked for."""

from __future__ import annotations

import json
import re
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ..errors import ExtractError
from .decode import decode
from .lexer import ADDED_BRACKET, ADDED_COMMA
from .reader import Reading, read
from .repair import mend

__all__ = ["STRAY", "Candidate", "answer", "find"]

_TAGS = "think|thinking|thought|reasoning|reflection|analysis|scratchpad"
_REASONING = re.compile(rf"[\s\ufeff]*+<({_TAGS})>", re.IGNORECASE)
_REASONED = re.compile(rf"</(?:{_TAGS})>", re.IGNORECASE)
_MARK = re.compile(r"(`{3,}+|~{3,}+)([ \t]*+[A-Za-z][\w+-]*+)?|[{\[]")
_FENCED = re.compile(r"[\s\ufeff]*+(?:`{3,}+|~{3,}+)[ \t]*+[A-Za-z]*+")
_HEADLESS = re.compile(r"""\s*+("[^"\n]*+"\s*+:|\{)""")
_TAIL = re.compile(r"\s*+(?:(?:`{3,}+|~{3,}+)\s*+)?\Z")
_ARRAY_TAIL = re.compile(r"\}\s*+,?+\s*+\][\s`~]*+\Z")
_NAMED = re.compile(r"""\{\s*+["'A-Za-z_$]""")
#: What follows a piece whose closing bracket came too early, and what stands before one whose
#: opening bracket is missing: such a piece is a part and must not be taken for the whole.
_GOES_ON = re.compile(
    r"""\s*+,\s*+(?:"[^"\n]*+"|'[^'\n]*+'|-?[\d.]++|true|false|null)\s*+[:,\]}]"""
)
_JOINED = re.compile(r"(?:,\s*+)?\Z")
_STRAY = re.compile(r"\s*+([}\]])")
_CLOSED_WITHIN = re.compile(r"\}\s*+,\s*+[\"'“‘`A-Za-z_$]")
_BEGAN = re.compile(r"""["'”][ \t]*+:\s*\Z""")

STRAY = "a stray bracket removed"
_MAX_STRICT = 16  # each miss costs the length of the text: the library counts its lines
_MAX_FRUITLESS = 100
_MAX_MENDS = 2
_MAX_PIECES = 10_000


class Candidate(Struct, frozen=True, kw_only=True):
    """A piece of the text that is JSON, was to be, or looks so.

    ``usable``: ``value`` is what it says. Otherwise ``problem`` says why not, and ``partial``
    whether ``value`` is what could be had of a truncated piece.
    """

    reading: Reading
    fenced: bool = False
    value: Any = None
    repairs: tuple[str, ...] = ()
    problem: str = ""

    @property
    def usable(self) -> bool:
        return not self.problem

    @property
    def partial(self) -> bool:
        return self.reading.state == "truncated" and bool(self.reading.json)


def answer(text: str) -> int | None:
    """Where the answer begins, behind the model's reasoning; ``None`` if that never ends."""
    pos = 0
    while opened := _REASONING.match(text, pos):
        closed = re.compile(f"</{opened[1]}>", re.IGNORECASE).search(text, opened.end())
        if closed is None:
            return None
        pos = closed.end()
    # Some templates open the tag in the prompt, so that only its end is in the reply.
    first = text[pos:].lstrip("\ufeff \t\r\n")[:1]
    if pos == 0 and first not in '{["`~':
        orphan = _REASONED.search(text)
        pos = orphan.end() if orphan else 0
    return pos


def find(text: str, start: int) -> list[Candidate]:
    """Every candidate behind ``start``, in order."""
    headless = _headless(text, start)
    return [headless] if headless else _Scan(text).run(start)


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Candidate] = []
        self.fence = ""
        self.fruitless = 0
        self.mends = 0
        self.strict = 0

    def run(self, pos: int) -> list[Candidate]:
        while mark := _MARK.search(self.text, pos):
            if mark[1]:
                self._toggle(mark[1], bool(mark[2]))
                pos = mark.end()
            else:
                pos = self._piece(mark.start())
                if len(self.found) > _MAX_PIECES:
                    raise _too_many(pos)
        if not any(candidate.reading.solid for candidate in self.found):
            self.found = [self._last_chance(candidate) for candidate in self.found]
        return self.found

    def _toggle(self, run: str, named: bool) -> None:
        if named or not self.fence:
            self.fence = self.fence or run
        elif run[0] == self.fence[0] and len(run) >= len(self.fence):
            self.fence = ""

    def _piece(self, start: int) -> int:
        """Take the piece that opens at ``start``; where to look on."""
        reading = self._read(start)
        if reading.state == "broken" and (reading.solid or self._escaped(reading)):
            reading = self._mend(reading)
        if reading.state == "complete":
            reading = self._whole(reading)
        elif self._meets_bracket(reading):
            reading = replace(reading, solid=True)
        if self._joined(start):
            before = self.found[-1]
            self.found[-1] = replace(before, reading=replace(before.reading, solid=True))
            reading = replace(reading, solid=True)
        self.found.append(_candidate(reading, bool(self.fence)))
        if reading.state == "complete":
            return reading.end
        if reading.solid:
            return max(reading.end, reading.reach, start + 1)
        self.fruitless += 1
        if reading.state == "truncated" and not reading.json and self.fruitless < _MAX_FRUITLESS:
            return start + 1
        return max(reading.end, start + 1)

    def _joined(self, start: int) -> bool:
        """Whether a piece follows another so closely that neither can be a reference in prose."""
        if not self.found or not self.found[-1].usable:
            return False
        return _JOINED.match(self.text, self.found[-1].reading.end, start) is not None

    def _meets_bracket(self, reading: Reading) -> bool:
        """Whether a piece broke at another one, which is then a part of it. Doubled braces, as
        templates need them, are none."""
        met = self.text[reading.end - 1 : reading.end + 1]
        return met[1:] in ("[", "{") and met != "{{"

    def _read(self, start: int) -> Reading:
        if self.strict < _MAX_STRICT:
            self.strict += 1
            end = _strict_end(self.text, start)
            if end is not None:
                piece = self.text[start:end]
                solid = '"' in piece or piece.count("[") + piece.count("{") > 1
                return Reading(start=start, end=end, state="complete", json=piece, solid=solid)
        return read(self.text, start)

    def _whole(self, reading: Reading) -> Reading:
        """A complete piece, unless it is a part of something broken."""
        text = self.text
        if _BEGAN.search(text[max(0, reading.start - 40) : reading.start]):
            problem = "a name stands before this value, but no bracket opens before the name"
        elif _GOES_ON.match(text, reading.end):
            problem = "this value ends, but what follows it seems to belong to it"
        elif stray := _STRAY.match(text, reading.end):
            if self._superfluous(reading, stray):
                doubled = reading.start > 0 and text[reading.start - 1] == "{"
                repairs = (*reading.repairs, STRAY)
                start = reading.start - doubled
                return replace(reading, start=start, end=stray.end(), repairs=repairs)
            problem = "brackets close here that were never opened"
        else:
            return reading
        return replace(reading, state="broken", json="", problem=problem, solid=True)

    def _superfluous(self, reading: Reading, stray: re.Match[str]) -> bool:
        """Whether the bracket behind an object is one too many and no other can be."""
        text = self.text
        return (
            text[reading.end - 1] == stray[1] == "}"
            and not _STRAY.match(text, stray.end())
            and not _CLOSED_WITHIN.search(text, reading.start, reading.end)
            and not {ADDED_BRACKET, ADDED_COMMA} & set(reading.repairs)
        )

    def _escaped(self, reading: Reading) -> bool:
        return self.text[reading.end : reading.end + 1] == "\\"

    def _mend(self, reading: Reading) -> Reading:
        if self.mends >= _MAX_MENDS:
            return reading
        self.mends += 1
        return mend(self.text, reading)

    def _last_chance(self, candidate: Candidate) -> Candidate:
        """Where nothing better was found, even ``{size: big}`` may be meant as JSON."""
        reading = candidate.reading
        if reading.state != "broken" or not _NAMED.match(self.text, reading.start):
            return candidate
        return _candidate(self._mend(reading), candidate.fenced)


def _too_many(pos: int) -> ExtractError:
    return ExtractError(
        f"the text holds more than {_MAX_PIECES} pieces that may be JSON",
        reason="ambiguous",
        position=pos,
        remedy="Ask for one value.",
    )


def _candidate(reading: Reading, fenced: bool) -> Candidate:
    if not reading.json:
        return Candidate(reading=reading, fenced=fenced, problem=reading.problem)
    try:
        value, notes = decode(reading.json)
    except ValueError as error:
        broken = replace(reading, state="broken", json="", problem=str(error))
        return Candidate(reading=broken, fenced=fenced, problem=str(error))
    return Candidate(
        reading=reading,
        fenced=fenced,
        value=value,
        repairs=tuple(dict.fromkeys((*reading.repairs, *notes))),
        problem=reading.problem,
    )


def _refuse(name: str) -> None:
    raise ValueError(name)


_STRICT = json.JSONDecoder(parse_constant=_refuse)


def _strict_end(text: str, start: int) -> int | None:
    try:
        return _STRICT.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return None


def _headless(text: str, start: int) -> Candidate | None:
    """A whole reply that lacks only its first bracket, as one whose beginning was given to the
    model in the prompt does."""
    fence = _FENCED.match(text, start)
    begin = _HEADLESS.match(text, fence.end() if fence else start)
    if begin is None:
        return None
    at = begin.start(1)
    array = begin[1] == "{"
    if array and not _ARRAY_TAIL.search(text, at):
        return None
    reading = read(("[" if array else "{") + text[at:], 0)
    end = reading.end - 1 + at
    if reading.state != "complete" or not _TAIL.match(text, end):
        return None
    repairs = (*reading.repairs, "the missing first bracket added")
    candidate = _candidate(replace(reading, start=at, end=end, repairs=repairs), fence is not None)
    if array and candidate.usable and len(candidate.value) < 2:
        return None
    return candidate
