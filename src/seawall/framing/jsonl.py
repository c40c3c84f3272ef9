"""JSON Lines: one JSON text a line (jsonlines.org), in pieces of any size."""

from __future__ import annotations

__all__ = ["MAX_LINE", "Lines"]

MAX_LINE = 64 * 1024 * 1024


class Lines:
    """Feed pieces of a body, get its lines without their ends; empty ones are passed over.

    A line larger than ``limit`` bytes is passed over, too, and counted in ``oversized``: it holds
    up no other. ``end()`` gives what stands after the last line feed, if anything does.
    """

    __slots__ = ("_limit", "_partial", "_size", "oversized")

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._partial: list[bytes] = []
        self._size = 0
        self._limit = limit
        self.oversized = 0

    def feed(self, data: bytes, /) -> list[bytes]:
        first, *others = data.split(b"\n")
        self._keep(first)
        if not others:
            return []
        *whole, rest = others
        found = [self._taken(), *(line for line in whole if self._fits(line))]
        self._keep(rest)
        return [line for line in found if line.strip()]

    def end(self) -> list[bytes]:
        line = self._taken()
        return [line] if line.strip() else []

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            self._partial.clear()
        else:
            self._partial.append(piece)

    def _taken(self) -> bytes:
        size, partial = self._size, self._partial
        self._size, self._partial = 0, []
        if size > self._limit:
            self.oversized += 1
            return b""
        return partial[0] if len(partial) == 1 else b"".join(partial)

    def _fits(self, line: bytes) -> bool:
        if len(line) > self._limit:
            self.oversized += 1
            return False
        return True
