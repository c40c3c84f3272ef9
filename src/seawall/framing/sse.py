"""Server-sent events, as the WHATWG HTML standard frames them (section 9.2.6).

A frame is the event's data: its ``data`` lines joined by a line feed. ``event``, ``id`` and
``retry`` fields and comments are passed over; the chat dialects repeat the event's name inside
the data. Lines end in LF, CRLF or CR, and a piece may end anywhere, inside a code point too.
"""

from __future__ import annotations

import re

from ..errors import MalformedReplyError

__all__ = ["SSE", "write_sse"]

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
MAX_EVENT = 16 * 1024 * 1024


class SSE:
    """Feed pieces of a body, get the data of each complete event.

    An event larger than ``limit`` bytes raises ``MalformedReplyError``. ``end()`` returns
    nothing: the standard discards an event whose blank line never came.
    """

    __slots__ = ("_after_cr", "_data", "_limit", "_partial", "_size", "_started")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._partial: list[bytes] = []
        self._data: list[bytes] = []
        self._size = 0
        self._limit = limit
        self._started = False
        self._after_cr = False

    def feed(self, data: bytes, /) -> list[bytes]:
        if not self._started:
            data = b"".join(self._partial) + data
            if len(data) < 3 and _BOM.startswith(data):
                self._partial = [data]
                return []
            self._partial = []
            self._started = True
            data = data.removeprefix(_BOM)
        # The common case, and the fast one: whole events in LF lines with one data line each.
        if (
            data.endswith(b"\n\n")
            and len(data) <= self._limit
            and not self._partial
            and not self._data
            and b"\r" not in data
        ):
            events = _whole(data)
            if events is not None:
                self._after_cr = False
                return events
        return self._slow(data)

    def _slow(self, data: bytes) -> list[bytes]:
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
        if not data:
            return []
        self._after_cr = data.endswith(b"\r")
        lines = _LINE_END.split(data)
        tail = lines.pop()
        if lines and self._partial:
            lines[0] = b"".join(self._partial) + lines[0]
            self._size -= sum(map(len, self._partial))
            self._partial = []
        events: list[bytes] = []
        for line in lines:
            if line:
                self._line(line)
            elif self._data:
                events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                self._data = []
                self._size = 0
        if tail:
            self._partial.append(tail)
            self._grow(len(tail))
        return events

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > self._limit:
            raise MalformedReplyError(f"an event of the stream is larger than {self._limit} bytes")

    def _line(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name != b"data":
            return
        value = value.removeprefix(b" ")
        # One more for the line feed that joins it: empty lines must not pile up for nothing.
        self._grow(len(value) + 1)
        self._data.append(value)

    def end(self) -> list[bytes]:
        return []


def _whole(data: bytes) -> list[bytes] | None:
    """The events of ``data`` if each is one line of data, perhaps with its name before it."""
    if data.startswith(b"data: "):
        events = data[6:-2].split(b"\n\ndata: ")
        return events if data.count(b"\n") == 2 * len(events) else None
    events: list[bytes] = []
    for event in data[:-2].split(b"\n\n"):
        if event.startswith(b"event: "):
            event = event[event.find(b"\n") + 1 :]
        if not event.startswith(b"data: ") or b"\n" in event:
            return None
        events.append(event[6:])
    return events


def write_sse(data: bytes) -> bytes:
    """One event with ``data``, which holds no line break (JSON never does)."""
    return b"data: " + data + b"\n\n"
