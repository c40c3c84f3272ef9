"""Which result belongs to which call, where neither needs to say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..json_values import as_text

__all__ = ["Transcript"]


class Transcript:
    """The calls of a conversation while it is read. Each gets an id, and so does each result:
    its own if a call has it, else that of the oldest unanswered call of its function."""

    __slots__ = ("_made", "_names", "_open")

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._open: dict[str, str] = {}
        self._made = 0

    def call(self, raw: Mapping[str, Any]) -> str:
        """The id of a ``functionCall``."""
        name = as_text(raw.get("name"), "functionCall.name") or ""
        id_ = as_text(raw.get("id"), "functionCall.id") or self._make()
        self._names[id_] = self._open[id_] = name
        return id_

    def result(self, raw: Mapping[str, Any]) -> tuple[str, bool]:
        """The id of the call that a ``functionResponse`` answers, and whether that call has
        told the function's name."""
        name = as_text(raw.get("name"), "functionResponse.name") or ""
        given = as_text(raw.get("id"), "functionResponse.id")
        if given not in self._names:
            waiting = (id_ for id_, called in self._open.items() if called == name)
            given = next(waiting, given) or self._make()
        self._open.pop(given, None)
        return given, self._names.get(given) == name

    def _make(self) -> str:
        while (id_ := f"call_{self._made}") in self._names:
            self._made += 1
        self._made += 1
        return id_
