"""Server-sent events: framed as the standard says, in whatever pieces they come."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.errors import MalformedReplyError
from seawall.framing.sse import SSE, write_sse


def frames(*pieces: bytes, limit: int = 1000) -> list[bytes]:
    sse = SSE(limit)
    found = [frame for piece in pieces for frame in sse.feed(piece)]
    return [*found, *sse.end()]


# WHATWG HTML, 9.2.6 "Interpreting an event stream"; the first four are its own examples.
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [b"YHOO\n+2\n10"]),
        (b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third\n\n",
         [b"first event", b"second event", b" third"]),
        (b"data\n\ndata\ndata\n\ndata:", [b"", b"\n"]),
        (b"data:test\n\ndata: test\n\n", [b"test", b"test"]),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", [b"a", b"b", b"c"]),
        (b"data: a\r\ndata: b\rdata: c\n\r\n", [b"a\nb\nc"]),
        (b"event: ping\nretry: 10\n\ndata: a\n\n", [b"a"]),
        (b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: a\n\n", [b"a"]),
        (b"data: a\n: in between\ndata: b\n\n", [b"a\nb"]),
        (b"\xef\xbb\xbfdata: a\n\ndata: \xef\xbb\xbf\n\n", [b"a", b"\xef\xbb\xbf"]),
        (b"\n\n\ndata: a\n\n\n\n", [b"a"]),
        (b"data : a\n\ndatas: b\n\nDATA: c\n\n", []),
        (b"data: a: b\n\n", [b"a: b"]),
        (b"data: a\n\ndata: never ended\n", [b"a"]),
        (b"data: a\n\ndata: never ended", [b"a"]),
        (b"", []),
    ],
)  # fmt: skip
def test_a_body_is_framed_as_the_standard_says(body: bytes, expected: list[bytes]) -> None:
    assert frames(body) == expected
    for at in range(len(body) + 1):
        assert frames(body[:at], body[at:]) == expected, at
    assert frames(*(body[at : at + 1] for at in range(len(body)))) == expected


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_a_code_point_may_be_cut_anywhere(newline: bytes) -> None:
    data = "Zürich 🌊 €".encode()
    body = b"data: " + data + newline * 2
    for first in range(len(body)):
        for second in range(first, len(body)):
            assert frames(body[:first], body[first:second], body[second:]) == [data]


_line_ends = st.sampled_from((b"\n", b"\r\n", b"\r"))
_lines = st.sampled_from(
    (b"data: a", b"data:", b"data", b"data: ", b": note", b"event: x", b"id", b"", b"", b"x: y")
)


def _by_the_book(body: bytes) -> list[bytes]:
    """The standard's algorithm, a line at a time."""
    found: list[bytes] = []
    data: list[bytes] = []
    text = body.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    *lines, _unended = text.split(b"\n")
    for line in lines:
        if not line and data:
            found.append(b"\n".join(data))
            data = []
        elif line == b"data" or line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
    return found


@settings(deadline=None)
@given(st.lists(st.tuples(_lines, _line_ends), max_size=12), st.booleans(), st.data())
def test_any_mix_of_lines_in_any_pieces(
    parts: list[tuple[bytes, bytes]], marked: bool, data: st.DataObject
) -> None:
    body = b"\xef\xbb\xbf" * marked + b"".join(line + end for line, end in parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert frames(body) == frames(*pieces) == _by_the_book(body)


@given(st.lists(st.binary(max_size=20).filter(lambda data: not {10, 13} & set(data)), max_size=9))
def test_what_is_written_is_read(events: list[bytes]) -> None:
    assert frames(b"".join(map(write_sse, events))) == events


_TOO_LARGE = [
    pytest.param([b"data: " + b"a" * 2000 + b"\n\n"], id="in one piece"),
    pytest.param([b"data: a\n\ndata: " + b"a" * 2000 + b"\n\n"], id="after a small one"),
    pytest.param([b"data: ", *[b"a" * 100] * 20], id="never ended"),
    pytest.param([b"data: " + b"a" * 100 + b"\n"] * 20, id="many lines"),
    pytest.param([b"data\n"] * 2000, id="many empty lines"),
    pytest.param([b": ", *[b"a" * 100] * 20], id="a comment"),
]


@pytest.mark.parametrize("pieces", _TOO_LARGE)
def test_an_event_over_the_limit_is_an_error(pieces: list[bytes]) -> None:
    with pytest.raises(MalformedReplyError, match="larger than 1000 bytes"):
        frames(*pieces)


def test_the_limit_is_for_one_event_and_not_for_the_stream() -> None:
    event = b": a note\ndata: " + b"a" * 900 + b"\n\n"
    assert len(frames(*[event] * 50)) == 50
    assert len(frames(*_in_pieces(event * 50, 7))) == 50
    assert len(frames(write_sse(b"a" * 900) * 50)) == 50


def _in_pieces(body: bytes, size: int) -> Iterable[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def _seconds(size: int, lines: int) -> float:
    """CPU seconds for one event of ``size`` bytes in 1 KB pieces."""
    body = (b"data: " + b"a" * (size // lines - 7) + b"\n") * lines + b"\n"
    sse, found = SSE(), 0
    started = time.process_time()
    for piece in _in_pieces(body, 1024):
        found += len(sse.feed(piece))
    assert found == 1
    return time.process_time() - started


@pytest.mark.parametrize("line", [64, None])
def test_a_large_event_in_small_pieces_stays_linear(line: int | None) -> None:
    mega = 2**20
    small = min(_seconds(mega, mega // line if line else 1) for _ in range(3))
    large = _seconds(16 * mega, 16 * mega // line if line else 1)
    # Sixteen times the bytes; a quadratic framer would need 256 times the time, and minutes.
    assert large < 64 * small + 0.5
