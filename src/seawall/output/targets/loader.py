"""What every kind of target provides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

__all__ = ["Invalid", "Loader"]


class Invalid(Exception):
    """The JSON is not what was asked for; ``errors`` say why, one a line."""

    def __init__(self, errors: tuple[str, ...]) -> None:
        self.errors = errors
        super().__init__("; ".join(errors))


class Loader(Protocol):
    """Turns exact JSON text into a value of one type. ``base``: where that text stands in the
    answer, for the words of the errors. Raises ``Invalid``."""

    @property
    def schema(self) -> Mapping[str, Any]: ...
    def load(self, text: str, base: Sequence[str | int] = (), /) -> Any: ...
