"""The laws of the cohere codec, over generated requests, responses and streams."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from cohere_strategies import event_lists, requests, responses
from hypothesis import given
from hypothesis import strategies as st
from openai_chat_strategies import LAW

from seawall.dialects.cohere import FACE, WIRE
from seawall.errors import UnsupportedError
from seawall.folding import fold, unfold
from seawall.ports import Head, Quirks
from seawall.types import Event, Message, Opaque, Request, Response, Text, ToolResult

HEAD = Head(model="m", stream=True, include_usage=True)


def read_stream(pieces: Iterable[bytes]) -> list[Event]:
    framer, reader = WIRE.framer(), WIRE.reader()
    frames = [frame for piece in pieces for frame in framer.feed(piece)]
    events = [event for frame in [*frames, *framer.end()] for event in reader.feed(frame)]
    assert reader.done
    return events


def write_stream(events: Iterable[Event]) -> bytes:
    writer = FACE.writer(HEAD)
    return b"".join([*(writer.event(event) for event in events), writer.end()])


def read(request: Request, quirks: Quirks | None = None) -> Request:
    draft = WIRE.encode(request, quirks or Quirks())
    return FACE.read(draft.path, {}, draft.body)


@LAW
@given(requests())
def test_a_request_is_read_as_it_was_written(request: Request) -> None:
    assert read(request) == request


@LAW
@given(requests())
def test_nothing_is_adapted_that_this_dialect_can_say(request: Request) -> None:
    assert WIRE.encode(request, Quirks()).notes == ()


@LAW
@given(requests())
def test_peek_sees_what_read_sees(request: Request) -> None:
    head = FACE.peek("", {}, WIRE.encode(request, Quirks()).body)
    assert (head.model, head.stream) == (request.model, request.stream)
    wanted = request.format
    assert head.structured == (wanted is not None and wanted.type != "text")
    assert head.include_usage


@LAW
@given(responses())
def test_a_response_is_read_as_it_was_written(response: Response) -> None:
    assert WIRE.decode(FACE.write(response)) == response


@LAW
@given(event_lists())
def test_a_stream_folds_to_what_was_written(events: list[Event]) -> None:
    assert fold(read_stream([write_stream(events)])) == fold(events)


@LAW
@given(event_lists())
def test_a_stream_of_this_dialect_is_handed_on_whole(events: list[Event]) -> None:
    body = write_stream(events)
    reader, writer = WIRE.reader(), FACE.writer(HEAD)
    pieces = [writer.relay(frame, reader.feed(frame)) for frame in WIRE.framer().feed(body)]
    assert fold(read_stream([*pieces, writer.end()])) == fold(events)


@LAW
@given(responses())
def test_a_response_told_as_a_stream_is_the_same_response(response: Response) -> None:
    assert fold(read_stream([write_stream(unfold(response))])) == response


@LAW
@given(event_lists(), st.data())
def test_a_stream_cut_anywhere_gives_the_same_events(events: list[Event], data: Any) -> None:
    body = write_stream(events)
    cut = data.draw(st.integers(0, len(body)))
    assert read_stream([body[:cut], body[cut:]]) == read_stream([body])


def test_a_stream_in_single_bytes_gives_the_same_events() -> None:
    body = write_stream(unfold(fold(read_stream([write_stream([])]))))
    assert read_stream(bytes([byte]) for byte in body) == read_stream([body])


def _with_foreign(value: Any) -> Any:
    """``value`` with fields of another dialect wherever there is room for unknown ones."""
    if isinstance(value, tuple):
        return tuple(_with_foreign(item) for item in value)
    if not isinstance(value, msgspec.Struct):
        return value
    fields = {field: getattr(value, field) for field in value.__struct_fields__}
    changed = {name: _with_foreign(inner) for name, inner in fields.items() if name != "extra"}
    if "extra" in fields:
        changed["extra"] = {**fields["extra"], "openai_chat": {"leak": 1}}
    return msgspec.structs.replace(value, **changed)


@LAW
@given(requests())
def test_fields_of_another_dialect_stay_behind(request: Request) -> None:
    assert WIRE.encode(_with_foreign(request), Quirks()) == WIRE.encode(request, Quirks())


@LAW
@given(responses())
def test_an_answers_fields_of_another_dialect_stay_behind(response: Response) -> None:
    assert FACE.write(_with_foreign(response)) == FACE.write(response)


FOREIGN = Opaque("openai_chat", {"type": "input_audio"})
HELLO = Message("user", (Text("hello"),))


@pytest.mark.parametrize(
    "request_",
    [
        Request(model="m", messages=(Message("user", (Text("a"), FOREIGN)),)),
        Request(model="m", messages=(HELLO, Message("tool", (ToolResult("c", (FOREIGN,)),)))),
        Request(model="m", messages=(Message("system", (FOREIGN,)), HELLO)),
        Request(model="m", messages=(HELLO,), tools=(FOREIGN,)),
    ],
    ids=["user", "tool result", "system", "tool"],
)
def test_what_only_another_dialect_can_say_is_refused(request_: Request) -> None:
    with pytest.raises(UnsupportedError):
        WIRE.encode(request_, Quirks())
