"""AWS event streams: binary messages with typed headers, each guarded by two checksums.

A message is its length and that of its headers, a CRC-32 of these eight bytes, headers, payload,
and a CRC-32 of all before it; numbers are big-endian ("Amazon Transcribe developer guide, Event
stream encoding", and eventstream-encoding of the Smithy specification). The type is
``application/vnd.amazon.eventstream``.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple
from zlib import crc32

from ..errors import MalformedReplyError

__all__ = ["AwsEvents", "Message", "write_message"]

#: The largest headers and payload there may be (botocore, eventstream.py).
MAX_HEADERS = 128 * 1024
MAX_PAYLOAD = 24 * 1024 * 1024

Value = bool | int | bytes | str

_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_LENGTH = struct.Struct(">H")
_STRING = 7
#: What surrounds headers and payload.
_AROUND = _PRELUDE.size + _CRC.size
#: Byte, short, integer, long and timestamp (milliseconds since the epoch), by their type.
_NUMBERS = {
    2: struct.Struct(">b"),
    3: struct.Struct(">h"),
    4: struct.Struct(">i"),
    5: struct.Struct(">q"),
    8: struct.Struct(">q"),
}


class Message(NamedTuple):
    """Integers and timestamps are ``int``, UUIDs their 16 bytes."""

    headers: Mapping[str, Value]
    payload: bytes

    def text(self, name: str) -> str:
        """The header ``name`` if it is a string, else an empty one."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""


class AwsEvents:
    """Feed pieces of a body, get each complete message.

    A checksum that is wrong, a header that is none, and a message larger than ``limit`` bytes of
    payload raise ``MalformedReplyError``: after the messages before it were given, and whenever
    asked again, since nothing says where the next one would begin. ``end()`` gives nothing: a
    message that was not complete is none.
    """

    __slots__ = ("_buffer", "_fault", "_limit", "_size")

    def __init__(self, limit: int = MAX_PAYLOAD) -> None:
        self._buffer = bytearray()
        self._size = 0
        self._limit = limit
        self._fault: MalformedReplyError | None = None

    def feed(self, data: bytes, /) -> list[Message]:
        if self._fault is not None:
            raise self._fault
        self._buffer += data
        messages: list[Message] = []
        try:
            while self._complete():
                messages.append(self._take())
        except MalformedReplyError as fault:
            self._fault = fault
            self._buffer.clear()
            if not messages:
                raise
        return messages

    def end(self) -> list[Message]:
        if self._fault is not None:
            raise self._fault
        return []

    def _complete(self) -> bool:
        """Whether a whole message is there; its prelude is looked at as soon as it is."""
        if not self._size and len(self._buffer) >= _PRELUDE.size:
            size, headers, checksum = _PRELUDE.unpack_from(self._buffer)
            if crc32(self._buffer[: _PRELUDE.size - _CRC.size]) != checksum:
                raise _corrupt("the checksum of a message's prelude is wrong")
            if headers > MAX_HEADERS or headers + _AROUND > size:
                raise _corrupt(f"{headers} bytes of headers in a message of {size}")
            if size - headers - _AROUND > self._limit:
                raise _corrupt(f"a message is larger than {self._limit} bytes")
            self._size = size
        return 0 < self._size <= len(self._buffer)

    def _take(self) -> Message:
        message = bytes(self._buffer[: self._size])
        del self._buffer[: self._size]
        self._size = 0
        (checksum,) = _CRC.unpack_from(message, len(message) - _CRC.size)
        if crc32(message[: -_CRC.size]) != checksum:
            raise _corrupt("the checksum of a message is wrong")
        _, size, _ = _PRELUDE.unpack_from(message)
        begin = _PRELUDE.size + size
        try:
            headers = _headers(message[_PRELUDE.size : begin])
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise _corrupt(f"a message's headers are none: {error}") from None
        return Message(headers, message[begin : -_CRC.size])


def _corrupt(problem: str) -> MalformedReplyError:
    return MalformedReplyError(f"the event stream is corrupt: {problem}")


def _headers(data: bytes) -> dict[str, Value]:
    found: dict[str, Value] = {}
    at = 0
    while at < len(data):
        name, at = _sized(data, at + 1, data[at])
        if (text := name.decode()) in found:
            raise IndexError(f"{text!r} stands there twice")
        found[text], at = _value(data, at + 1, data[at])
    return found


def _sized(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    if at + size > len(data):
        raise IndexError("a header is cut off")
    return data[at : at + size], at + size


def _value(data: bytes, at: int, kind: int) -> tuple[Value, int]:
    """The value of type ``kind`` at ``at``, and where the next header begins."""
    if kind in (0, 1):
        return kind == 0, at
    number = _NUMBERS.get(kind)
    if number is not None:
        return number.unpack_from(data, at)[0], at + number.size
    if kind in (6, _STRING):
        (size,) = _LENGTH.unpack_from(data, at)
        value, at = _sized(data, at + _LENGTH.size, size)
        return (value.decode() if kind == _STRING else value), at
    if kind == 9:
        return _sized(data, at, 16)
    raise IndexError(f"type {kind} is not known")


def write_message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message. Raises ``ValueError`` for headers that are too long."""
    written = b"".join(
        _write_header(name.encode(), text.encode()) for name, text in headers.items()
    )
    if len(written) > MAX_HEADERS:
        raise ValueError(f"{len(written)} bytes of headers are too many")
    prelude = struct.pack(">II", len(written) + len(payload) + _AROUND, len(written))
    message = prelude + _CRC.pack(crc32(prelude)) + written + payload
    return message + _CRC.pack(crc32(message))


def _write_header(name: bytes, text: bytes) -> bytes:
    if not 0 < len(name) < 256 or len(text) > 0x7FFF:
        raise ValueError(f"the header {name[:256]!r} is too long")
    return bytes([len(name)]) + name + bytes([_STRING]) + _LENGTH.pack(len(text)) + text
