"""HTTP headers, and the values in them that nobody may see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, overload

__all__ = ["Headers", "Secret", "reveal"]

T = TypeVar("T")


class Secret:
    """A value that prints as ``***`` everywhere and cannot be pickled or copied to disk.

    ``reveal()`` is called in one place: where a transport writes the bytes of a request.
    """

    __slots__ = ("_value", "source")

    def __init__(self, value: str, source: str = "") -> None:
        self._value = value
        self.source = source

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> Any:
        raise TypeError("a Secret cannot be pickled; pass the name of its variable instead")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: Any) -> Secret:
        return self


def reveal(value: str | Secret) -> str:
    """The text of a header value."""
    return value.reveal() if type(value) is Secret else value  # type: ignore[return-value]


class Headers(Mapping[str, str]):
    """HTTP headers: names are matched without case, order and repeats are kept in ``pairs``."""

    __slots__ = ("_index", "pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs: tuple[tuple[str, str], ...] = tuple(pairs)
        self._index: dict[str, str] | None = None

    def _map(self) -> dict[str, str]:
        index = self._index
        if index is None:
            index = self._index = {}
            for name, value in self.pairs:
                index.setdefault(name.lower(), value)
        return index

    def __getitem__(self, name: str) -> str:
        return self._map()[name.lower()]

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, /, default: str | T) -> str | T: ...
    def get(self, name: str, /, default: Any = None) -> Any:
        # The one inherited asks by an exception, and most headers asked for are not there.
        return self._map().get(name.lower(), default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._map())

    def __len__(self) -> int:
        return len(self._map())

    def __repr__(self) -> str:
        return f"Headers({list(self._map())})"
