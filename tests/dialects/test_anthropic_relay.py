"""Frames go on to a caller of this dialect as they came, unless one is missing or out of place."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from anthropic_strategies import event_lists
from hypothesis import given
from hypothesis import strategies as st
from openai_chat_strategies import LAW

from seawall.dialects.anthropic import FACE, WIRE
from seawall.folding import fold
from seawall.framing.sse import SSE, write_sse
from seawall.ports import Head
from seawall.types import Event

HEAD = Head(model="m", stream=True, include_usage=True)


def frames_of(events: list[Event]) -> list[bytes]:
    writer = FACE.writer(HEAD)
    return SSE().feed(b"".join([*(writer.event(event) for event in events), writer.end()]))


def relayed(frames: list[bytes]) -> tuple[bytes, list[Event]]:
    """What a caller gets of ``frames``, and what they say to us."""
    reader, writer = WIRE.reader(), FACE.writer(HEAD)
    told: list[Event] = []
    body = b""
    for frame in frames:
        try:
            events = reader.feed(frame)
        except ValueError:
            continue
        told += events
        if events or not reader.done:
            body += writer.relay(frame, events)
    return body + writer.end(), told


def event(kind: str, **fields: Any) -> bytes:
    return msgspec.json.encode({"type": kind, **fields})


def named(*frames: bytes) -> bytes:
    kinds = [msgspec.json.decode(frame)["type"].encode() for frame in frames]
    told = zip(kinds, frames, strict=True)
    return b"".join(b"event: " + kind + b"\n" + write_sse(frame) for kind, frame in told)


def kinds(body: bytes) -> list[tuple[str, int | None]]:
    told = [msgspec.json.decode(frame) for frame in SSE().feed(body)]
    return [(one["type"].removeprefix("content_block_"), one.get("index")) for one in told]


def in_order(body: bytes) -> bool:
    """Whether blocks begin and end one after another, with their pieces between."""
    current, ended = None, -1
    for kind, index in kinds(body):
        if kind == "start":
            if current is not None or index != ended + 1:
                return False
            current = index
        elif kind in ("delta", "stop") and index != current:
            return False
        elif kind == "stop":
            current, ended = None, ended + 1
        elif kind.startswith("message_") and kind != "message_start" and current is not None:
            return False
    return True


@LAW
@given(event_lists())
def test_what_stands_where_it_should_goes_on_as_it_came(events: list[Event]) -> None:
    frames = frames_of(events)
    body, _ = relayed(frames)
    assert body == named(*frames)


@LAW
@given(event_lists(), st.data())
def test_what_is_missing_is_mended(events: list[Event], data: Any) -> None:
    frames = frames_of(events)
    lost = data.draw(st.integers(1, len(frames) - 1))
    body, told = relayed(frames[:lost] + frames[lost + 1 :])
    assert in_order(body)
    reader = WIRE.reader()
    again = [event for frame in SSE().feed(body) for event in reader.feed(frame)]
    assert fold(again).text == fold(told).text
    assert [call.arguments for call in fold(again).tool_calls] == [
        call.arguments for call in fold(told).tool_calls
    ]


START = event("message_start", message={"id": "msg_1", "model": "m", "content": [], "usage": {}})
TEXT = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
PIECE = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "a"})
STOP = event("content_block_stop", index=0)
END = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 1})
DONE = event("message_stop")
WHOLE = [START, TEXT, PIECE, STOP, END, DONE]


@pytest.mark.parametrize(
    "extra",
    [
        event("ping"),
        event("of_tomorrow", payload=[1]),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": ""}),
        b'{ "type" : "content_block_delta",  "index":0, "new":1,'
        b'"delta":{"text":"b","type":"text_delta"}}',
    ],
)
def test_whatever_it_holds_a_frame_keeps_its_bytes(extra: bytes) -> None:
    frames = [*WHOLE[:3], extra, *WHOLE[3:]]
    assert relayed(frames)[0] == named(*frames)


def test_a_frame_of_several_lines_keeps_them() -> None:
    piece = PIECE.replace(b",", b",\n", 1)
    body, _ = relayed([START, TEXT, piece, STOP, END, DONE])
    assert SSE().feed(body)[2] == piece


def test_a_lost_end_of_a_block_is_written() -> None:
    second = [frame.replace(b'"index":0', b'"index":1') for frame in (TEXT, PIECE, STOP)]
    body, _ = relayed([START, TEXT, PIECE, *second, END, DONE])
    assert in_order(body)
    assert kinds(body)[-2:] == [("message_delta", None), ("message_stop", None)]


@pytest.mark.parametrize("usage", [None, {}], ids=["none", "empty"])
def test_an_end_without_usage_is_given_one(usage: Any) -> None:
    """The SDKs add its counts up without a look whether they are there."""
    end = event("message_delta", delta={"stop_reason": "end_turn"}, usage=usage)
    body, _ = relayed([START, TEXT, PIECE, STOP, end, DONE])
    last = msgspec.json.decode(SSE().feed(body)[-2])
    assert last["delta"]["stop_reason"] == "end_turn"
    assert last["usage"]["output_tokens"] == 0


def test_a_stream_without_a_beginning_is_given_one() -> None:
    body, _ = relayed([TEXT, PIECE, STOP, END, DONE])
    assert kinds(body)[0] == ("message_start", None)
    assert in_order(body)
