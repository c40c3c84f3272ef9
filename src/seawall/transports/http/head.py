"""The head of a reply, taken apart no further than somebody asks."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ...ports import Headers

__all__ = ["HeadHeaders"]


class HeadHeaders(Headers):
    """The headers in ``head``, the lines of a head that llhttp found valid, each with its end.

    Most callers want two or three headers out of twenty: one is found where it stands, and the
    pairs are made for whoever wants them all.
    """

    __slots__ = ("_head", "_lowered")

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._lowered = head.lower()
        self._index = None

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def get(self, name: str, /, default: Any = None) -> Any:
        wanted = _start_of(name)
        start = self._lowered.find(wanted)
        if start < 0:
            return default
        start += len(wanted)
        return self._head[start : self._head.find(b"\r\n", start)].decode("latin-1").strip(" \t")

    def __getattr__(self, name: str) -> Any:
        if name != "pairs":
            raise AttributeError(name)
        lines = self._head.decode("latin-1").split("\r\n")[1:-1]
        parts = [line.partition(":") for line in lines]
        self.pairs = tuple([(name, value.strip(" \t")) for name, _, value in parts])
        return self.pairs


@lru_cache(maxsize=256)
def _start_of(name: str) -> bytes:
    return f"\r\n{name}:".lower().encode()
