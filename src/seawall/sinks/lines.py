"""A journal's lines: the CRC-32 of a record in eight hex digits, a space, its JSON, a newline.

JSON as it is written here holds no newline, so a line that was cut ends at the next record's
start or at the end of the file, and its checksum tells.
"""

from __future__ import annotations

from binascii import crc32
from typing import NamedTuple

__all__ = ["Lines", "frame", "split"]

_HEAD = 9


class Lines(NamedTuple):
    """``bodies``: the intact records, as views of the piece. ``taken``: bytes that need not be
    read again. ``torn``: whole lines that were not what was written."""

    bodies: list[memoryview]
    taken: int
    torn: int


def frame(body: bytes) -> bytes:
    """The line of one record."""
    return b"%08x %b\n" % (crc32(body), body)


def split(data: bytes, most: int) -> Lines:
    """The first ``most`` lines of ``data``, which begins at the start of a line. A last line
    without its newline is left for later."""
    view = memoryview(data)
    bodies: list[memoryview] = []
    start = torn = 0
    while len(bodies) < most:
        end = data.find(b"\n", start)
        if end < 0:
            break
        body = view[start + _HEAD : end]
        if data[start : start + _HEAD] == b"%08x " % crc32(body):
            bodies.append(body)
        else:
            torn += 1
        start = end + 1
    return Lines(bodies, start, torn)
