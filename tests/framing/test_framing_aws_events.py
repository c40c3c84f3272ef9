"""AWS event streams: read as the specification writes them, cut anywhere, damaged anywhere."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Iterable
from itertools import pairwise
from zlib import crc32

import pytest
from aws_events_strategies import MESSAGES, written
from hypothesis import given
from hypothesis import strategies as st

from seawall.errors import MalformedReplyError
from seawall.framing.aws_events import AwsEvents, Message, write_message

# The vectors of the specification (smithy.io, event-stream encoding): an empty message, and one
# with a header of a 32-bit integer.
EMPTY = bytes.fromhex("000000100000000005c248eb7d98c8ff")
INTEGER = bytes.fromhex(
    "0000002d00000010 41c424b8 0a6576656e742d74797065 04 0000a00c"
    "7b27666f6f273a27626172277d 36f480a0"
)


def messages(*pieces: bytes, limit: int = 10_000) -> list[Message]:
    events = AwsEvents(limit)
    found = [message for piece in pieces for message in events.feed(piece)]
    return [*found, *events.end()]


def test_the_vectors_of_the_specification() -> None:
    assert messages(EMPTY) == [Message({}, b"")]
    assert messages(INTEGER) == [Message({"event-type": 40972}, b"{'foo':'bar'}")]
    assert write_message({}, b"") == EMPTY


def test_a_stream_is_the_same_wherever_it_is_cut() -> None:
    stream = EMPTY + INTEGER + write_message({":message-type": "event"}, b"{}") + INTEGER
    whole = messages(stream)
    assert len(whole) == 4
    for at in range(len(stream) + 1):
        assert messages(stream[:at], stream[at:]) == whole, at
    assert messages(*(stream[at : at + 1] for at in range(len(stream)))) == whole


@given(MESSAGES, st.lists(st.integers(0, 400), max_size=5))
def test_every_type_of_header_is_read(sent: list, cuts: list[int]) -> None:
    stream = b"".join(written(headers, payload) for headers, payload in sent)
    edges = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    found = messages(*(stream[a:b] for a, b in pairwise(edges)))
    plain = [({name: value[2] for name, value in headers.items()}, data) for headers, data in sent]
    assert [tuple(message) for message in found] == plain


@given(st.dictionaries(st.text(min_size=1, max_size=60), st.text(max_size=200)), st.binary())
def test_what_is_written_is_read(headers: dict[str, str], payload: bytes) -> None:
    assert messages(write_message(headers, payload)) == [Message(headers, payload)]


def test_damage_at_any_byte_is_found_and_what_came_before_is_not_lost() -> None:
    for at in range(len(INTEGER)):
        damaged = bytearray(EMPTY + INTEGER + EMPTY)
        damaged[len(EMPTY) + at] ^= 0x10
        for pieces in ((bytes(damaged),), (bytes([byte]) for byte in damaged)):
            events = AwsEvents()
            found: list[Message] = []
            with pytest.raises(MalformedReplyError, match="event stream is corrupt"):
                drain(events, (*pieces, b""), found)
            assert found == [Message({}, b"")], at
            with pytest.raises(MalformedReplyError):
                events.end()


def drain(events: AwsEvents, pieces: Iterable[bytes], into: list[Message]) -> None:
    for piece in pieces:
        into += events.feed(piece)


def framed(headers: bytes, payload: bytes = b"") -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return message + struct.pack(">I", crc32(message))


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        (b"\x09short", "cut off"),
        (b"\x01a", "index out of range"),
        (b"\x01a\x07\x00\x09b", "cut off"),
        (b"\x01a\x05\x00", "unpack_from"),
        (b"\x01a\x0a", "type 10"),
        (b"\x01a\x07\x00\x01\xff", "utf-8"),
        (b"\x01a\x00\x01a\x01", "twice"),
    ],
)
def test_headers_that_are_none(headers: bytes, problem: str) -> None:
    with pytest.raises(MalformedReplyError, match=problem):
        AwsEvents().feed(framed(headers))


@pytest.mark.parametrize(
    ("total", "headers", "problem"),
    [
        (1 << 31, 0, "larger than 1000 bytes"),
        (1017, 0, "larger than 1000 bytes"),
        (20, 5, "5 bytes of headers in a message of 20"),
        (15, 0, "0 bytes of headers in a message of 15"),
        (1 << 30, 1 << 29, "bytes of headers in a message"),
    ],
)
def test_sizes_are_bounded_before_anything_is_kept(total: int, headers: int, problem: str) -> None:
    prelude = struct.pack(">II", total, headers)
    with pytest.raises(MalformedReplyError, match=problem):
        AwsEvents(1000).feed(prelude + struct.pack(">I", crc32(prelude)))


def test_the_largest_message_allowed_is_given() -> None:
    assert messages(framed(b"", b"x" * 1000), limit=1000)[0].payload == b"x" * 1000


def test_a_message_that_never_ends_is_none_and_costs_no_more_than_itself() -> None:
    stream = write_message({}, b"x" * 1_000_000)
    tracemalloc.start()
    events = AwsEvents()
    for at in range(0, len(stream) - 1, 1000):
        assert events.feed(stream[at : min(at + 1000, len(stream) - 1)]) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert events.end() == []
    assert peak < 3_000_000


@pytest.mark.parametrize("headers", [{"": "a"}, {"a" * 256: "b"}, {"a": "b" * 40_000}])
def test_headers_that_cannot_be_written(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="too long"):
        write_message(headers, b"")
