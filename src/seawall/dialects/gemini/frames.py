"""Server-sent events, and the bare JSON that the service writes among them when it fails.

"When API returns an error message, it comes line by line", says the google-genai package of its
own reader: an object, or an array with one in it, with no ``data:`` before it.
"""

from __future__ import annotations

from ...framing.sse import MAX_EVENT, SSE

__all__ = ["Frames"]

_OPENING = (b"{", b"[")


class Frames(SSE):
    """The data of each event; at the end, what came that was no event but JSON."""

    __slots__ = ("_bare",)

    def __init__(self, limit: int = MAX_EVENT) -> None:
        super().__init__(limit)
        self._bare: list[bytes] = []

    def _line(self, line: bytes) -> None:
        if not self._bare and line[:1] not in _OPENING:
            super()._line(line)
            return
        self._grow(len(line) + 1)
        self._bare.append(line)

    def end(self) -> list[bytes]:
        tail = b"".join(self._partial)
        if not self._bare and tail[:1] not in _OPENING:
            return []
        return [b"\n".join([*self._bare, tail])]
