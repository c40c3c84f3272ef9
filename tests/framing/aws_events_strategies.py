"""Messages of AWS event streams with headers of every type, and how they are written: by the
specification alone, so that our codec and botocore's can both be held to it."""

from __future__ import annotations

import struct
from typing import Any
from zlib import crc32

from hypothesis import strategies as st

__all__ = ["MESSAGES", "written"]


def _number(kind: int, form: str, bits: int) -> Any:
    edge = 1 << (bits - 1)
    return st.tuples(st.just(kind), st.just(form), st.integers(-edge, edge - 1))


_NAMES = st.text(min_size=1, max_size=20)
_VALUES = st.one_of(
    st.booleans().map(lambda true: (0 if true else 1, "", true)),
    _number(2, ">b", 8),
    _number(3, ">h", 16),
    _number(4, ">i", 32),
    _number(5, ">q", 64),
    _number(8, ">q", 64),
    st.binary(max_size=40).map(lambda value: (6, "sized", value)),
    st.text(max_size=40).map(lambda value: (7, "sized", value)),
    st.binary(min_size=16, max_size=16).map(lambda value: (9, "plain", value)),
)
MESSAGES = st.lists(
    st.tuples(st.dictionaries(_NAMES, _VALUES, max_size=5), st.binary(max_size=60)), max_size=4
)


def written(headers: dict[str, tuple[int, str, Any]], payload: bytes) -> bytes:
    """The message; each header is its type, how it is written, and its value."""
    lines = b"".join(_header(name, *value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(lines) + len(payload), len(lines))
    head = prelude + struct.pack(">I", crc32(prelude)) + lines + payload
    return head + struct.pack(">I", crc32(head))


def _header(name: str, kind: int, form: str, value: Any) -> bytes:
    key = name.encode()
    data = value.encode() if isinstance(value, str) else value
    if form == "sized":
        data = struct.pack(">H", len(data)) + data
    elif form.startswith(">"):
        data = struct.pack(form, data)
    elif not form:
        data = b""
    return bytes([len(key)]) + key + bytes([kind]) + data
