"""A table of somebody else's settings, of which nothing is lost: what nobody takes is told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from .notices import Notices

__all__ = ["LARGEST", "Section", "Why"]

Why = tuple[str, str]
"""Why something is not carried over, and what to do."""

#: No count or span of seconds that is meant is larger.
LARGEST = 1_000_000_000

_UNKNOWN: Why = ("Seawall has no setting for it", "Look whether you still need it")
T = TypeVar("T")


class Section:
    """``values`` at ``path`` of the file. Each ``take`` removes a setting; one of the wrong kind
    is told and counts as absent, one that is null is absent."""

    def __init__(self, path: str, values: Any, notices: Notices) -> None:
        self.path = path
        self.notices = notices
        self._left: dict[str, Any] = {}
        self.fill(values)

    def fill(self, values: Any) -> None:
        """Add the settings of ``values`` that are not there yet."""
        if isinstance(values, Mapping):
            for key, value in cast("Mapping[Any, Any]", values).items():
                if value is not None:
                    self._left.setdefault(str(key), value)
        elif values is not None:
            self.tell("", "it is no table", "Mend it, and import again")

    def at(self, key: str) -> str:
        return ".".join(part for part in (self.path, key) if part)

    def tell(self, key: str, why: str, remedy: str = "") -> None:
        """Say why the setting ``key`` is not carried over."""
        self.notices.add(self.at(key), why, f"{remedy}." if remedy else "")

    def take(self, key: str) -> Any:
        """Whatever stands there, or ``None``."""
        return self._left.pop(key, None)

    def text(self, key: str) -> str | None:
        """Text; a number, as an unquoted name may be one, is text, too."""
        value = self.take(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
        return self._kind(key, value, str, "text")

    def number(self, key: str, least: float = 0) -> float | None:
        """A finite number that is at least ``least``."""
        value = self.take(key)
        if isinstance(value, str):
            value = _number(value)
        if value is None or isinstance(value, bool) or not isinstance(value, (int, float)):
            return self._kind(key, value, float, "a number")
        if not (math.isfinite(value) and least <= value <= LARGEST):
            self.tell(key, f"it must be between {least:g} and {LARGEST:g}", "Set it anew here")
            return None
        return value

    def flag(self, key: str) -> bool | None:
        return self._kind(key, self.take(key), bool, "true or false")

    def table(self, key: str) -> Section:
        """The table there; an empty one if there is none."""
        return Section(self.at(key), self.take(key), self.notices)

    def list(self, key: str) -> list[Any]:
        """The list there; a single value is a list of one."""
        value = self.take(key)
        if value is None:
            return []
        return cast("list[Any]", value) if isinstance(value, list) else [value]

    def names(self) -> tuple[str, ...]:
        """The names of what was not taken yet."""
        return tuple(self._left)

    def close(self, reasons: Mapping[str, Why]) -> None:
        """Tell of everything that was not taken, with its reason where one is known."""
        for key in self.names():
            if self.take(key) is not False:
                self.tell(key, *reasons.get(key, _UNKNOWN))

    def _kind(self, key: str, value: Any, kind: type[T], name: str) -> T | None:
        if value is None or isinstance(value, kind):
            return value
        self.tell(key, f"it is not {name} that could be read here", "Set it anew here")
        return None


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text
