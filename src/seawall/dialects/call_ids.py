"""Ids for the tool calls of an answer, whatever the server sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from ..types import Part, ToolCall

__all__ = ["CallIds", "with_ids"]

P = TypeVar("P", bound=Part)


class CallIds:
    """Results are joined to calls by their ids, so each call of one choice keeps the id it came
    with, or gets one that no other has: neither in this answer nor, as it holds the answer's own
    id, in another. Every provider takes it (64 letters, digits, ``_`` and ``-`` at most)."""

    __slots__ = ("_choice", "taken")

    def __init__(self, choice: int = 0) -> None:
        self._choice = choice
        self.taken: list[str] = []

    def take(self, given: str | None, answer: str) -> str:
        """The id of the next call in the answer of that id."""
        id_ = given
        if not id_ or id_ in self.taken:
            kept = re.sub(r"[^A-Za-z0-9_-]", "", answer)[-40:]
            begun = f"call_{kept}" if kept else "call"
            id_ = f"{begun}_{self._choice}_{len(self.taken)}"
        self.taken.append(id_)
        return id_


def with_ids(parts: Iterable[P], answer: str, choice: int = 0) -> tuple[P, ...]:
    """The parts of a whole answer, each call with an id of its own."""
    ids = CallIds(choice)
    return tuple(_with_id(part, ids, answer) for part in parts)


def _with_id(part: P, ids: CallIds, answer: str) -> P:
    if not isinstance(part, ToolCall):
        return part
    id_ = ids.take(part.id, answer)
    return part if id_ == part.id else replace(part, id=id_)
