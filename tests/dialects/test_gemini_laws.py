"""The laws of the gemini codec, over generated requests, responses and streams."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from gemini_strategies import event_lists, requests, responses
from hypothesis import given
from hypothesis import strategies as st
from openai_chat_strategies import LAW, json_values

from seawall.dialects.gemini import FACE, WIRE
from seawall.errors import BadRequestError, Fault, UnsupportedError
from seawall.folding import fold, unfold
from seawall.ports import Head, Quirks
from seawall.types import (
    Event,
    Message,
    Opaque,
    Request,
    Response,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolResult,
)

HEAD = Head(model="m", stream=True, include_usage=True)


def read_stream(pieces: Iterable[bytes]) -> list[Event]:
    framer, reader = WIRE.framer(), WIRE.reader()
    frames = [frame for piece in pieces for frame in framer.feed(piece)]
    return [event for frame in [*frames, *framer.end()] for event in reader.feed(frame)]


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
    draft = WIRE.encode(request, Quirks())
    head = FACE.peek(draft.path, {}, draft.body)
    assert (head.model, head.stream) == (request.model, request.stream)
    assert head.choices == (request.n or 1)
    assert head.structured == (request.format is not None and request.format.type != "text")
    assert head.include_usage
    assert dict(draft.query) == ({"alt": "sse"} if request.stream else {})


@LAW
@given(responses())
def test_a_response_is_read_as_it_was_written(response: Response) -> None:
    assert WIRE.decode(FACE.write(response)) == response


@LAW
@given(event_lists())
def test_a_stream_folds_to_what_was_written(events: list[Event]) -> None:
    assert fold(read_stream([write_stream(events)])) == fold(events)


@LAW
@given(responses())
def test_a_response_told_as_a_stream_is_the_same_response(response: Response) -> None:
    assert fold(read_stream([write_stream(unfold(response))])) == response


@LAW
@given(event_lists(), st.data())
def test_a_stream_in_any_pieces_gives_the_same_events(events: list[Event], data: Any) -> None:
    body = write_stream(events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=20)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert read_stream(pieces) == read_stream([body])


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_a_stream_cut_at_every_byte_gives_the_same_events(newline: bytes) -> None:
    told: list[Event] = [
        TextDelta("naïve 🌊\n\ndata: {"),
        ToolCallDelta(0, "c1", "wetter", '{"ort":"Köln"}', 0, {"gemini": {"x_é": ["€"]}}),
    ]
    events = [*unfold(fold(told)), *unfold(fold([TextDelta("zwei", 1)]))]
    body = write_stream(events[1:]).replace(b"\n", newline)
    whole = read_stream([body])
    assert fold(whole).text == "naïve 🌊\n\ndata: {"
    for at in range(len(body) + 1):
        assert read_stream([body[:at], body[at:]]) == whole, at
    assert read_stream(bytes([byte]) for byte in body) == whole


@LAW
@given(event_lists())
def test_an_array_of_chunks_is_the_stream_in_one_piece(events: list[Event]) -> None:
    frames = WIRE.framer().feed(write_stream(events))
    assert WIRE.decode(b"[" + b",\r\n".join(frames) + b"]") == fold(events)


@LAW
@given(event_lists())
def test_chunks_go_on_to_a_caller_as_they_came(events: list[Event]) -> None:
    body, writer, reader = write_stream(events), FACE.writer(HEAD), WIRE.reader()
    pairs = [(frame, reader.feed(frame)) for frame in WIRE.framer().feed(body)]
    assert b"".join([writer.relay(frame, told) for frame, told in pairs]) == body


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
CALL = Message("assistant", (ToolCall("c", "f"),))


@pytest.mark.parametrize(
    "request_",
    [
        Request(model="m", messages=(Message("user", (Text("a"), FOREIGN)),)),
        Request(model="m", messages=(HELLO, Message("assistant", (FOREIGN,)))),
        Request(model="m", messages=(HELLO, CALL, Message("tool", (ToolResult("c", (FOREIGN,)),)))),
        Request(model="m", messages=(Message("system", (FOREIGN,)), HELLO)),
        Request(model="m", messages=(HELLO,), tools=(FOREIGN,)),
    ],
    ids=["user", "assistant", "tool result", "system", "tool"],
)
def test_what_only_another_dialect_can_say_is_refused(request_: Request) -> None:
    with pytest.raises(UnsupportedError):
        WIRE.encode(request_, Quirks())


# Whatever comes, nothing but the promised errors

_DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize("body", [_DEEP, b'{"candidates":' + _DEEP + b"}", b"\xff", b"", b"1"])
def test_a_reply_that_is_none_is_unreadable_and_no_more(body: bytes) -> None:
    for attempt in (WIRE.decode, lambda body: WIRE.reader().feed(body or b"{")):
        with pytest.raises(ValueError, match=r"nested|no |neither|malformed|utf-8|truncated"):
            attempt(body)
    assert isinstance(WIRE.fault(500, {}, body), Fault)


_WORDS = re.findall(
    r"\S+",
    """contents role parts text thought thoughtSignature functionCall functionResponse id name args
    response output error inlineData mimeType data fileData fileUri systemInstruction tools
    functionDeclarations parameters parametersJsonSchema toolConfig functionCallingConfig mode
    allowedFunctionNames generationConfig responseMimeType responseSchema thinkingConfig
    thinkingLevel stopSequences candidates content finishReason index logprobsResult
    chosenCandidates topCandidates usageMetadata promptTokenCount thoughtsTokenCount responseId
    modelVersion createTime promptFeedback blockReason code message status details retryDelay
    violations type properties nullable anyOf generation_config system_instruction""",
)
_odd = st.sampled_from(
    ("user", "model", "STOP", "SAFETY", "ANY", "image/png", "OBJECT", "34s", 0, -1, 2**70)
)
_hostile = st.recursive(
    json_values | _odd,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_WORDS), inner, max_size=5)
    ),
    max_leaves=12,
)
_objects = st.dictionaries(st.sampled_from(_WORDS), _hostile, max_size=8)
_bodies = _objects.map(msgspec.json.encode) | st.binary(max_size=40)
_PATH = "/v1beta/models/m:streamGenerateContent"


def _read_anything(body: bytes) -> None:
    for attempt in (FACE.read, FACE.peek):
        with contextlib.suppress(BadRequestError):
            attempt(_PATH, {}, body)


def _answer_anything(body: bytes) -> None:
    with contextlib.suppress(ValueError, Fault):
        response = WIRE.decode(body)
        fold(unfold(response))
        FACE.write(response)
    with contextlib.suppress(ValueError, Fault):
        write_stream(WIRE.reader().feed(body))
    assert isinstance(WIRE.fault(429, {}, body), Fault)


@LAW
@given(_bodies)
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    _read_anything(body)
    _answer_anything(body)


@LAW
@given(_objects, _objects)
def test_any_content_and_tool_is_read_or_refused(fields: dict[str, Any], part: Any) -> None:
    content = {"role": "user"} | fields | {"parts": [part, fields]}
    body = {"contents": [content], "tools": [fields], "generationConfig": fields}
    _read_anything(msgspec.json.encode(body))


@LAW
@given(_objects, _objects)
def test_any_answer_and_error_is_read_or_refused(part: dict[str, Any], rest: Any) -> None:
    candidate = rest | {"content": {"parts": [part, rest]}}
    _answer_anything(msgspec.json.encode({"candidates": [candidate]} | part))
    _answer_anything(msgspec.json.encode({"error": part | {"details": [rest]}}))
