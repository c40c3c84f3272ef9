"""What could not be carried over: told once each, with the reason and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from ...secret_patterns import redact

__all__ = ["Notice", "Notices", "shown"]

# A name of somebody else's must neither break out of a comment nor steer the terminal.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def shown(text: str) -> str:
    """``text`` on one line, without what looks like a key, and not endless."""
    line = redact(_CONTROLS.sub(" ", text))
    return line if len(line) <= 200 else f"{line[:200]}..."


class Notice(Struct, frozen=True):
    """``what`` is a dotted path in the file that was read, never a value."""

    what: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return shown(self.what) + f": {self.why}. {self.remedy}".rstrip()


class Notices:
    """Notices in the order they came, none twice."""

    def __init__(self) -> None:
        self._found: dict[Notice, None] = {}

    def add(self, what: str, why: str, remedy: str = "") -> None:
        self._found[Notice(what, why, remedy)] = None

    def __iter__(self) -> Iterator[Notice]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)
