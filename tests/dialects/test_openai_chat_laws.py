"""The laws of the openai_chat codec, over generated requests, responses and streams."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Sequence
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_chat_strategies import (
    DIALECT,
    LAW,
    REQUEST_FIELDS,
    event_lists,
    json_values,
    requests,
    responses,
    texts,
)

from seawall.dialects import openai_chat
from seawall.dialects.openai_chat import FACE, WIRE
from seawall.dialects.openai_chat.streams import StreamReader
from seawall.errors import BadRequestError, Fault, UnsupportedError
from seawall.folding import fold, unfold
from seawall.ports import Head, Quirks
from seawall.types import (
    Event,
    Image,
    Message,
    Opaque,
    Reasoning,
    Request,
    Response,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    UnknownDelta,
    Usage,
)

QUIRKS = (
    Quirks(),
    Quirks(max_tokens_field="max_completion_tokens", reasoning_field="reasoning"),
    Quirks(stream_usage=False),
)
HEAD = Head(model="m", stream=True, include_usage=True)


def encode(request: Request, quirks: Quirks = QUIRKS[0]) -> bytes:
    return WIRE.encode(request, quirks).body


def read(body: bytes) -> Request:
    return FACE.read("/chat/completions", {}, body)


def write_stream(events: Iterable[Event]) -> bytes:
    writer = FACE.writer(HEAD)
    return b"".join([*(writer.event(event) for event in events), writer.end()])


def read_stream(pieces: Iterable[bytes]) -> list[Event]:
    framer, reader = WIRE.framer(), WIRE.reader()
    frames = [frame for piece in pieces for frame in framer.feed(piece)]
    events = [event for frame in [*frames, *framer.end()] for event in reader.feed(frame)]
    assert reader.done
    return events


# Requests


@LAW
@given(requests, st.sampled_from(QUIRKS))
def test_a_request_is_read_as_it_was_written(request: Request, quirks: Quirks) -> None:
    assert read(encode(request, quirks)) == request


@LAW
@given(requests)
def test_peek_sees_what_read_sees(request: Request) -> None:
    head = FACE.peek("", {}, encode(request))
    assert (head.model, head.stream) == (request.model, request.stream)
    assert head.include_usage == request.stream


def _with_foreign(value: Any) -> Any:
    """``value`` with fields of another dialect wherever there is room for unknown ones."""
    if isinstance(value, tuple):
        return tuple(_with_foreign(item) for item in value)
    if not isinstance(value, msgspec.Struct):
        return value
    fields = {field: getattr(value, field) for field in value.__struct_fields__}
    changed = {name: _with_foreign(inner) for name, inner in fields.items() if name != "extra"}
    if "extra" in fields:
        changed["extra"] = {**fields["extra"], "anthropic": {"leak": 1}}
    return msgspec.structs.replace(value, **changed)


@LAW
@given(requests)
def test_fields_of_another_dialect_stay_behind(request: Request) -> None:
    assert encode(_with_foreign(request)) == encode(request)


@LAW
@given(responses())
def test_an_answers_fields_of_another_dialect_stay_behind(response: Response) -> None:
    assert FACE.write(_with_foreign(response)) == FACE.write(response)


FOREIGN = Opaque("anthropic", {"type": "server_tool_use"})
_USER = Message("user", (Text("hello"),))


@pytest.mark.parametrize(
    "request_",
    [
        Request(model="m", messages=(Message("user", (Text("a"), FOREIGN)),)),
        Request(model="m", messages=(Message("assistant", (FOREIGN,)),)),
        Request(model="m", messages=(Message("tool", (ToolResult("c", (FOREIGN,)),)),)),
        Request(model="m", messages=(_USER,), tools=(FOREIGN,)),
    ],
    ids=["user", "assistant", "tool result", "tool"],
)
def test_what_only_another_dialect_can_say_is_refused(request_: Request) -> None:
    with pytest.raises(UnsupportedError, match="anthropic"):
        encode(request_)


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (Message("user", (Image(data="AA=="),)), "media_type"),
        (Message("user", (Image(),)), "url"),
        (Message("user", (ToolCall("c", "f"),)), "ToolCall"),
        (Message("tool", (Text("a"),)), "Text"),
        (Message("user", (Text("\ud800"),)), "Unicode"),
    ],
)
def test_what_cannot_be_written_is_named(message: Message, says: str) -> None:
    with pytest.raises(UnsupportedError, match=says):
        encode(Request(model="m", messages=(message,)))


def test_nothing_is_left_out_without_a_note() -> None:
    thought = Message("assistant", (Reasoning("hm", signature="sig"), Text("a")))
    failed = Message("tool", (ToolResult("c", (Text("no"),), is_error=True),))
    request = Request(model="m", messages=(thought, failed))
    notes = WIRE.encode(request, Quirks()).notes
    assert [note.split()[0:4] for note in notes] == [
        ["a", "reasoning", "block's", "signature"],
        ["a", "tool's", "error", "was"],
    ]
    draft = WIRE.encode(request, Quirks(reasoning_field=""))
    assert b"hm" not in draft.body
    assert "reasoning" in draft.notes[0]


def test_several_results_of_one_turn_become_one_message_each() -> None:
    turn = Message("tool", (ToolResult("a", (Text("1"),)), ToolResult("b", (Text("2"),))))
    got = read(encode(Request(model="m", messages=(turn,))))
    assert [message.content for message in got.messages] == [(part,) for part in turn.content]


@pytest.mark.parametrize(
    ("role", "written"), [("system", "developer"), ("developer", "developer"), ("user", "user")]
)
def test_instructions_take_the_one_role_a_vendor_knows(role: Any, written: str) -> None:
    request = Request(model="m", messages=(Message(role, (Text("a"),)),))
    assert read(encode(request, Quirks(system_role="developer"))).messages[0].role == written


def test_both_names_of_the_output_cap_are_refused_as_openai_refuses_them() -> None:
    with pytest.raises(BadRequestError, match="max_completion_tokens 20"):
        read(b'{"model":"m","messages":[],"max_tokens":10,"max_completion_tokens":20}')


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "truncated"),
        (b"[]", "no JSON object"),
        (b'{"messages":[]}', "model"),
        (b'{"model":"m","messages":{}}', "messages"),
        (b'{"model":"m","messages":[{"role":"king"}]}', "king"),
        (b'{"model":"m","messages":[{"role":"tool","content":"a"}]}', "tool_call_id"),
        (b'{"model":"m","messages":[{"role":"user","content":[1]}]}', r"content\[0\]"),
        (b'{"model":"m","messages":[{"role":"user","content":[{"type":"image_url"}]}]}', "image"),
        (b'{"model":"m","messages":[],"tools":[{"type":"function"}]}', r"tools\[\].function"),
        (b'{"model":"m","messages":[],"tool_choice":"perhaps"}', "perhaps"),
        (b'{"model":"m","messages":[],"temperature":"warm"}', "temperature"),
        (b'{"model":"m","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested"),
        (b'{"model":"m","messages":[],"user":"\xff"}', "0xff"),
    ],
)
def test_a_wrong_request_says_what_is_wrong(body: bytes, says: str) -> None:
    with pytest.raises(BadRequestError, match=says) as caught:
        read(body)
    assert caught.value.status == 400


# Responses


@LAW
@given(responses())
def test_a_response_is_read_as_it_was_written(response: Response) -> None:
    assert WIRE.decode(FACE.write(response)) == response


@LAW
@given(responses())
def test_a_response_survives_the_stream_it_could_have_been(response: Response) -> None:
    assert fold(unfold(response)) == response


@LAW
@given(responses())
def test_a_response_survives_being_streamed_to_a_caller(response: Response) -> None:
    assert fold(read_stream([write_stream(unfold(response))])) == response


def test_an_answer_of_another_dialect_is_written_as_far_as_this_one_goes() -> None:
    parts = (Text("a"), FOREIGN, Text("b"))
    response = WIRE.decode(FACE.write(fold([Start("i", "m"), TextDelta("x")])))
    choice = msgspec.structs.replace(
        response.choices[0], message=Message("assistant", parts), finish_reason="stop"
    )
    got = WIRE.decode(FACE.write(msgspec.structs.replace(response, choices=(choice,))))
    assert got.message.content == (Text("ab"),)


def test_every_tool_call_of_an_answer_has_an_id_of_its_own() -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": "{}"}}
    twice = [call | {"id": "a"}, call | {"id": "a"}, call | {"id": ""}, call]
    body = {"choices": [{"message": {"role": "assistant", "tool_calls": twice}}]}
    ids = [call.id for call in WIRE.decode(msgspec.json.encode(body)).tool_calls]
    assert len(set(ids)) == 4
    assert all(ids)


# Streams


@LAW
@given(event_lists())
def test_a_stream_is_read_as_it_was_written(events: list[Event]) -> None:
    assert fold(read_stream([write_stream(events)])) == fold(events)


@LAW
@given(event_lists(), st.data())
def test_a_stream_in_any_pieces_gives_the_same_events(events: list[Event], data: Any) -> None:
    body = write_stream(events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=20)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert read_stream(pieces) == read_stream([body])


def _rich_stream() -> bytes:
    extra = {DIALECT: {"system_fingerprint": "fp", "x_é": ["€"]}}
    events: list[Event] = [
        Start("id", "m", 7, extra),
        TextDelta("naïve 🌊"),
        TextDelta("\n\ndata: [DONE]\r\n"),
        ToolCallDelta(0, "call_1", "wetter", '{"ort": "Kö', 0, extra),
        ToolCallDelta(0, None, None, 'ln"}'),
        UnknownDelta(DIALECT, {"x_audio": {"data": "AAAA"}}),
        *unfold(fold([TextDelta("zwei", 1)])),
    ]
    return b": hello\r\n\r\n" + write_stream(events)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_a_stream_cut_at_every_byte_gives_the_same_events(newline: bytes) -> None:
    body = _rich_stream().replace(b"\r\n", b"\n").replace(b"\n", newline)
    whole = read_stream([body])
    assert "naïve 🌊" in fold(whole).text
    for at in range(len(body) + 1):
        assert read_stream([body[:at], body[at:]]) == whole, at
    assert read_stream([body[at : at + 1] for at in range(len(body))]) == whole


class _GeneralReader(StreamReader):
    """Never takes the short cut for plain chunks."""

    def feed(self, frame: bytes, /) -> Sequence[Event]:
        return self._general(frame)


_values = st.none() | json_values
_plain_deltas = st.fixed_dictionaries(
    {"content": texts},
    optional={
        "role": st.none() | st.just("assistant") | _values,
        "refusal": st.none() | texts,
        "reasoning_content": st.none() | texts,
        "tool_calls": st.none() | st.just([]),
        "x_other": _values,
    },
) | st.dictionaries(st.sampled_from(("content", "role", "tool_calls")), _values)
_plain_choices = st.fixed_dictionaries(
    {"delta": _plain_deltas},
    optional={
        "index": st.integers(0, 2) | _values,
        "logprobs": st.none() | json_values,
        "finish_reason": st.none() | st.sampled_from(("", "stop", "error")),
        "token_ids": st.none() | st.just([1]),
    },
)
_tiers = st.none() | st.sampled_from(("default", "flex"))
_simple_chunks = st.builds(
    lambda text, tier, print_: {
        "id": "c",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}],
        "service_tier": tier,
        "system_fingerprint": print_,
    },
    texts,
    _tiers,
    st.none() | st.just("fp_1"),
)
_plain_chunks = _simple_chunks | st.fixed_dictionaries(
    {"choices": st.lists(_plain_choices, max_size=2)},
    optional={
        "id": texts | _values,
        "created": st.integers(0, 9) | _values,
        "model": texts,
        "system_fingerprint": st.none() | st.sampled_from(("fp_1", "fp_2")),
        "service_tier": _tiers,
        "usage": st.none() | st.just({"prompt_tokens": 1}),
        "error": st.none() | texts,
        "obfuscation": st.none() | texts,
    },
)


def _outcome(reader: StreamReader, frame: bytes) -> Any:
    try:
        return list(reader.feed(frame))
    except Fault as fault:
        return type(fault), str(fault)
    except ValueError:
        return ValueError


@LAW
@given(st.lists(_plain_chunks, max_size=5))
def test_the_short_cut_for_plain_chunks_changes_nothing(chunks: list[dict[str, Any]]) -> None:
    short, general = StreamReader(), _GeneralReader()
    for frame in map(msgspec.json.encode, chunks):
        assert _outcome(short, frame) == _outcome(general, frame)


def test_the_short_cut_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = WIRE.reader()
    chunk = b'{"id":"i","choices":[{"index":0,"delta":{"content":"a"}}],"system_fingerprint":"f"}'
    reader.feed(chunk)
    monkeypatch.setattr(StreamReader, "_general", None)
    assert reader.feed(chunk) == (TextDelta("a"),)


_plain_answers = st.fixed_dictionaries(
    {
        "choices": st.lists(
            st.fixed_dictionaries(
                {"message": _plain_deltas},
                optional={
                    "index": st.integers(0, 2) | _values,
                    "finish_reason": st.none() | st.sampled_from(("", "stop", "error")),
                    "error": st.none() | st.just({"message": "gone", "code": 502}),
                },
            ),
            max_size=2,
        )
    },
    optional={
        "id": texts,
        "object": st.sampled_from(("chat.completion", "error")),
        "created": st.integers(-1, 9) | _values,
        "usage": st.none() | st.just({"prompt_tokens": 1}) | st.just({"prompt_tokens": -1}),
        "error": st.none() | texts,
        "system_fingerprint": st.none() | texts,
    },
)


def _decoded(body: bytes) -> Any:
    try:
        return WIRE.decode(body)
    except Fault as fault:
        return type(fault), str(fault)
    except ValueError:
        return ValueError


@LAW
@given(_plain_answers)
def test_the_short_cut_for_plain_answers_changes_nothing(answer: dict[str, Any]) -> None:
    body = msgspec.json.encode(answer)
    short = _decoded(body)
    with patch.object(openai_chat, "read_plain", return_value=None):
        assert short == _decoded(body)


# Whatever comes, nothing but the promised errors


_DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    "body",
    [
        _DEEP,
        b'{"choices":[{"message":{"content":"a"}}],"usage":' + _DEEP + b"}",
        b'{"choices":[{"delta":{"content":"a"}}],"usage":' + _DEEP + b"}",
        b'{"choices":[{"index":0,"delta":{"content":"a","x":' + _DEEP + b"}}]}",
    ],
)
def test_a_reply_nested_without_end_is_unreadable_and_no_more(body: bytes) -> None:
    reader = WIRE.reader()
    reader.feed(b'{"id":"i","choices":[{"delta":{"content":"a"}}]}')
    for attempt in (WIRE.decode, reader.feed):
        with pytest.raises(ValueError, match="nested"):
            attempt(body)
    assert isinstance(WIRE.fault(500, {}, body), Fault)


_WORDS = re.findall(
    r"\S+",
    """id object created model choices usage error index message delta role content name type text
    finish_reason logprobs refusal tool_calls function arguments reasoning reasoning_content
    custom input prompt_tokens completion_tokens total_tokens prompt_tokens_details code param
    image_url url detail thinking x_groq messages tools tool_choice response_format json_schema
    schema stream stream_options stop tool_call_id metadata raw""",
)
_odd = st.sampled_from(("function", "text", "thinking", "user", "tool", "error", "m", 0, -1, 2**70))
_hostile = st.recursive(
    json_values | _odd,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_WORDS), inner, max_size=5)
    ),
    max_leaves=12,
)
_hostile_objects = st.dictionaries(st.sampled_from(_WORDS), _hostile, max_size=8)
_bodies = _hostile_objects.map(msgspec.json.encode) | st.binary(max_size=40)


def _read_anything(body: bytes) -> None:
    for attempt in (FACE.read, FACE.peek):
        with contextlib.suppress(BadRequestError):
            attempt("", {}, body)


def _decode_anything(body: bytes) -> None:
    try:
        response = WIRE.decode(body)
    except (ValueError, Fault):
        return
    fold(unfold(response))
    FACE.write(response)


@LAW
@given(_bodies)
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    _read_anything(body)
    _decode_anything(body)


@LAW
@given(_hostile_objects)
def test_any_message_and_tool_is_read_or_refused(fields: dict[str, Any]) -> None:
    _read_anything(msgspec.json.encode({"model": "m", "messages": [fields], "tools": [fields]}))


@LAW
@given(_hostile_objects, _hostile_objects)
def test_any_answer_is_read_or_refused(message: dict[str, Any], choice: dict[str, Any]) -> None:
    _decode_anything(msgspec.json.encode({"choices": [choice | {"message": message}]}))


@LAW
@given(st.lists(_hostile_objects, min_size=1, max_size=4), st.booleans())
def test_any_chunk_is_read_or_refused(deltas: list[dict[str, Any]], wrapped: bool) -> None:
    reader, events = WIRE.reader(), list[Event]()
    for fields in deltas:
        body = {"choices": [fields | {"delta": fields}]} if wrapped else fields
        try:
            events.extend(reader.feed(msgspec.json.encode(body)))
        except (ValueError, Fault):
            continue
    fold(events)
    write_stream(events)


def test_an_index_from_nowhere_takes_no_memory() -> None:
    call = {"index": 10**9, "id": "a", "function": {"name": "f", "arguments": "{}"}}
    body = {"choices": [{"index": 10**9, "delta": {"tool_calls": [call]}}]}
    (_, event) = WIRE.reader().feed(msgspec.json.encode(body))
    assert event == ToolCallDelta(10**9, "a", "f", "{}", 10**9)


def test_no_field_of_a_request_goes_untested() -> None:
    assert set(REQUEST_FIELDS) == set(Request.__struct_fields__)


def test_usage_of_xai_counts_reasoning_as_output() -> None:
    usage = {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135}
    body = {
        "choices": [{"message": {"content": "a"}}],
        "usage": usage | {"completion_tokens_details": {"reasoning_tokens": 94}},
    }
    assert WIRE.decode(msgspec.json.encode(body)).usage == Usage(
        prompt_tokens=32, completion_tokens=103, total_tokens=135, reasoning_tokens=94
    )
