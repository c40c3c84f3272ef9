"""The laws of the openai_responses codec, over generated requests, responses and streams."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import msgspec
import openai_chat_strategies as chat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_responses_strategies import (
    DIALECT,
    raw_responses,
    requests,
    sse,
    stream_of,
)

from seawall.dialects import openai_chat
from seawall.dialects.openai_responses import FACE, WIRE
from seawall.errors import BadRequestError, Fault, UnsupportedError
from seawall.folding import fold, unfold
from seawall.ports import Head, Quirks
from seawall.types import (
    Choice,
    Event,
    Format,
    Image,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Request,
    Response,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)

HEAD = Head(model="m", stream=True, include_usage=True)
LAW = chat.LAW


def encode(request: Request, **quirks: Any) -> bytes:
    return WIRE.encode(request, Quirks(**quirks)).body


def body_of(*messages: Message, **fields: Any) -> Any:
    return msgspec.json.decode(encode(Request(model="m", messages=messages, **fields)))


def read(body: Any) -> Request:
    return FACE.read("/responses", {}, msgspec.json.encode(body))


def write_stream(events: Iterable[Event]) -> bytes:
    writer = FACE.writer(HEAD)
    return b"".join([*(writer.event(event) for event in events), writer.end()])


def read_stream(pieces: Iterable[bytes]) -> list[Event]:
    framer, reader = WIRE.framer(), WIRE.reader()
    frames = [frame for piece in pieces for frame in framer.feed(piece)]
    events = [event for frame in [*frames, *framer.end()] for event in reader.feed(frame)]
    assert reader.done
    return events


def decode(raw: dict[str, Any]) -> Response:
    return WIRE.decode(msgspec.json.encode(raw))


# Requests


@LAW
@given(requests)
def test_a_request_is_read_as_it_was_written(request: Request) -> None:
    assert FACE.read("", {}, encode(request)) == request


@LAW
@given(requests)
def test_peek_sees_what_read_sees(request: Request) -> None:
    body = encode(request)
    head = FACE.peek("", {}, body)
    assert (head.model, head.stream, head.include_usage) == (request.model, request.stream, True)
    assert head.structured == (request.format is not None and request.format.type != "text")
    assert FACE.metered(body, head) is body


USER = Message("user", (Text("hello"),))
FOREIGN = Opaque("anthropic", {"type": "server_tool_use"})
CALL = ToolCall("call_1", "weather", '{"city":"Rome"}')


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"messages": (Message("user", (Text("a"), FOREIGN)),)}, "anthropic"),
        ({"messages": (Message("assistant", (FOREIGN,)),)}, "anthropic"),
        ({"messages": (Message("tool", (ToolResult("c", (FOREIGN,)),)),)}, "anthropic"),
        ({"messages": (Message("assistant", (Image(url="https://a.test"),)),)}, "Image"),
        ({"messages": (Message("tool", (Text("a"),)),)}, "tool message"),
        ({"messages": (Message("user", (Image(data="AA=="),)),)}, "media_type"),
        ({"tools": (FOREIGN,)}, "anthropic"),
        ({"stop": ("a",)}, "stop"),
        ({"n": 2}, "n;"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"format": Format(type="json_schema")}, "schema"),
        ({"extra": {DIALECT: {"background": True}}}, "background"),
    ],
)
def test_what_cannot_be_said_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(UnsupportedError, match=why):
        encode(Request(**{"model": "m", "messages": (USER,)} | fields))


@pytest.mark.parametrize(
    ("quirks", "fields", "why"),
    [
        ({"formats": ("text",)}, {"format": Format(type="json_object")}, "json_object"),
        ({"unsupported": ("temperature",)}, {"temperature": 0.5}, "temperature"),
        ({"images": False}, {"messages": (Message("user", (Image(url="a"),)),)}, "images"),
    ],
)
def test_what_a_vendor_does_not_take_is_refused(
    quirks: dict[str, Any], fields: dict[str, Any], why: str
) -> None:
    with pytest.raises(UnsupportedError, match=why):
        encode(Request(**{"model": "m", "messages": (USER,)} | fields), **quirks)


@pytest.mark.parametrize(
    ("message", "note"),
    [
        (Message("user", (Text("a"),), "ann"), "name"),
        (Message("assistant", (Reasoning("a"), Text("b"))), "reasoning"),
        (Message("assistant", (Refusal("a"),)), "refusal"),
        (Message("tool", (ToolResult("c", (Text("a"),), is_error=True),)), "error"),
    ],
)
def test_what_is_adapted_is_noted(message: Message, note: str) -> None:
    draft = WIRE.encode(Request(model="m", messages=(message,)), Quirks())
    assert len(draft.notes) == 1
    assert note in draft.notes[0]


def test_a_seed_is_left_out_with_a_note() -> None:
    draft = WIRE.encode(Request(model="m", messages=(USER,), seed=7, n=1), Quirks())
    assert draft.notes == ("seed was left out; this dialect has no place for it",)


def test_a_function_is_strict_only_if_it_says_so() -> None:
    # Left out, it would be strict here, and nowhere else.
    tools = (Tool(name="a"), Tool(name="b", strict=True))
    said = body_of(USER, tools=tools)["tools"]
    assert [tool["strict"] for tool in said] == [False, True]
    again = read({"model": "m", "input": "a", "tools": [{"type": "function", "name": "a"}]})
    assert body_of(USER, tools=again.tools)["tools"][0]["strict"] is None


def test_instructions_are_a_system_message_to_others() -> None:
    request = read({"model": "m", "input": "hi", "instructions": "be brief"})
    assert [message.role for message in request.messages] == ["system", "user"]
    said = msgspec.json.decode(openai_chat.WIRE.encode(request, Quirks()).body)
    assert said["messages"][0] == {"role": "system", "content": "be brief"}


@pytest.mark.parametrize(
    "context",
    [
        {"previous_response_id": "resp_0"},
        {"conversation": {"id": "conv_1"}},
        {"prompt": {"id": "p"}},
    ],
)
def test_a_conversation_that_only_its_provider_knows_goes_nowhere_else(context: Any) -> None:
    request = read({"model": "m", "input": "and then?", "store": True} | context)
    said = msgspec.json.decode(encode(request))
    assert {name: said[name] for name in context} == context
    with pytest.raises(UnsupportedError, match="openai_responses"):
        openai_chat.WIRE.encode(request, Quirks())


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"input": "a"}, "model"),
        ({"model": "m", "input": [{"role": "harbour", "content": "a"}]}, "harbour"),
        ({"model": "m", "input": [{"role": "user", "content": 7}]}, "content"),
        ({"model": "m", "input": "a", "tool_choice": "maybe"}, "maybe"),
        ({"model": "m", "input": "a", "tools": [{"type": "function"}]}, "name"),
        ({"model": "m", "input": "a", "temperature": "hot"}, "temperature"),
        ({"model": "m", "input": [{"type": "function_call", "call_id": "c"}]}, "name"),
    ],
)
def test_a_request_that_is_wrong_names_what(body: Any, why: str) -> None:
    with pytest.raises(BadRequestError, match=why):
        read(body)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model":1}', b"[" * 100_000])
def test_what_is_no_request_cannot_be_routed(body: bytes) -> None:
    with pytest.raises(BadRequestError):
        FACE.peek("", {}, body)


def test_an_answer_in_the_background_is_not_waited_for() -> None:
    with pytest.raises(BadRequestError, match="background"):
        FACE.peek("", {}, b'{"model":"m","input":"a","background":true}')


# A conversation moves

SEALED: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 7,
    "status": "completed",
    "model": "m-1",
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}],
         "encrypted_content": "sealed"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "sealed too"},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather",
         "arguments": '{"city":"Rome"}', "status": "completed"},
        {"type": "function_call", "id": "fc_2", "call_id": "call_2", "name": "weather",
         "arguments": '{"city":"Oslo"}', "status": "completed"},
    ],
    "usage": None,
}  # fmt: skip
RESULTS = (
    Message("tool", (ToolResult("call_1", (Text("hot"),)), ToolResult("call_2", (Text("cold"),)))),
)


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_goes_back_word_for_word(streamed: bool) -> None:
    response = decode(SEALED)
    if streamed:
        response = fold(read_stream([sse(stream_of(SEALED, 3))]))
    said = body_of(USER, response.message, *RESULTS)["input"]
    assert said[1:6] == SEALED["output"]
    assert [item["call_id"] for item in said[6:]] == ["call_1", "call_2"]


def test_an_answer_that_was_changed_goes_back_as_it_is_now() -> None:
    message = decode(SEALED).message
    fewer = msgspec.structs.replace(message, content=message.content[:-1])
    draft = WIRE.encode(Request(model="m", messages=(USER, fewer)), Quirks())
    said = msgspec.json.decode(draft.body)["input"]
    assert [item["type"] for item in said[1:]] == ["function_call"]
    assert "reasoning" in draft.notes[0]


def test_reasoning_that_nobody_stored_goes_back_only_sealed() -> None:
    open_ = {"type": "reasoning", "id": "rs_3", "summary": []}
    answer = decode(SEALED | {"output": [open_, *SEALED["output"]]}).message
    asked = Request(model="m", messages=(USER, answer), extra={DIALECT: {"store": False}})
    draft = WIRE.encode(asked, Quirks())
    ids = [item.get("id") for item in msgspec.json.decode(draft.body)["input"]]
    assert "rs_3" not in ids
    assert {"rs_1", "rs_2"} <= set(ids)
    assert "encrypted_content" in draft.notes[0]


def test_tool_calls_move_to_openai_chat_and_back() -> None:
    request = Request(model="m", messages=(USER, decode(SEALED).message, *RESULTS))
    moved = openai_chat.FACE.read("", {}, openai_chat.WIRE.encode(request, Quirks()).body)
    calls = moved.messages[1].tool_calls
    assert [(call.id, call.name, call.arguments) for call in calls] == [
        ("call_1", "weather", '{"city":"Rome"}'),
        ("call_2", "weather", '{"city":"Oslo"}'),
    ]
    back = FACE.read("", {}, encode(moved))
    assert [(call.id, call.arguments) for call in back.messages[1].tool_calls] == [
        (call.id, call.arguments) for call in calls
    ]
    assert back.messages[2:] == moved.messages[2:]


def test_what_another_provider_thought_is_told_and_never_sent_on() -> None:
    message = Message("assistant", (Reasoning("hm"), Text("a")))
    told = FACE.write(fold([*unfold(Response(id="x")), *_answer(message)]))
    items = msgspec.json.decode(told)["output"]
    assert [item["type"] for item in items] == ["reasoning", "message"]
    body = {"model": "m", "input": [{"role": "user", "content": "a"}, *items]}
    sent = msgspec.json.encode(body)
    spliced = msgspec.json.decode(FACE.metered(sent, FACE.peek("", {}, sent)))
    assert [item.get("type") for item in spliced["input"]] == [None, "message"]
    written = msgspec.json.decode(encode(FACE.read("", {}, sent)))
    assert [item.get("type") for item in written["input"]] == [None, "message"]


def _answer(message: Message) -> list[Event]:
    return unfold(Response(id="x", choices=(Choice(message=message, finish_reason="stop"),)))


def test_a_tool_that_takes_free_text_gets_its_own_kind_of_result() -> None:
    call = ToolCall("c", "sql", "select 1", {DIALECT: {"type": "custom_tool_call"}})
    said = body_of(Message("assistant", (call,)), Message("tool", (ToolResult("c", (Text("1"),)),)))
    assert [item["type"] for item in said["input"]] == [
        "custom_tool_call",
        "custom_tool_call_output",
    ]


# Responses and streams


@LAW
@given(raw_responses())
def test_a_response_is_read_as_it_was_written(raw: dict[str, Any]) -> None:
    response = decode(raw)
    assert WIRE.decode(FACE.write(response)) == response
    said = msgspec.json.decode(FACE.write(response))
    assert {name: said[name] for name in raw} == raw


@LAW
@given(raw_responses(), st.integers(1, 4))
def test_a_stream_says_what_the_whole_response_says(raw: dict[str, Any], size: int) -> None:
    assert fold(read_stream([sse(stream_of(raw, size))])) == decode(raw)


@LAW
@given(raw_responses(), st.integers(1, 4))
def test_a_stream_is_read_as_it_was_written(raw: dict[str, Any], size: int) -> None:
    events = read_stream([sse(stream_of(raw, size))])
    assert fold(read_stream([write_stream(events)])) == fold(events)


@LAW
@given(raw_responses(), st.integers(1, 4))
def test_frames_go_on_as_they_came(raw: dict[str, Any], size: int) -> None:
    stream = sse(stream_of(raw, size))
    reader, writer = WIRE.reader(), FACE.writer(HEAD)
    frames = [(frame, reader.feed(frame)) for frame in WIRE.framer().feed(stream)]
    assert b"".join(writer.relay(*frame) for frame in frames) + writer.end() == stream


@LAW
@given(raw_responses())
def test_a_response_that_only_ends_says_everything(raw: dict[str, Any]) -> None:
    """Servers leave out the pieces, or the list of items where the stream told each."""
    events = stream_of(raw, 2)
    assert fold(read_stream([sse([events[0], events[-1]])])) == decode(raw)
    last = events[-1] | {"response": raw | {"output": None}}
    if raw["output"]:
        assert fold(read_stream([sse([*events[:-1], last])])) == decode(raw)


def _bare(response: Response) -> list[Any]:
    """What an answer says in no dialect's words: its texts, its calls, its usage."""
    message = response.message
    usage = response.usage
    return [
        message.text,
        message.refusal or "",
        message.reasoning or "",
        sorted((call.id, call.name, call.arguments) for call in message.tool_calls),
        None if usage is None else msgspec.structs.replace(usage, extra={}),
        (response.id, response.model, response.created),
    ]


@LAW
@given(chat.event_lists())
def test_a_stream_of_another_dialect_keeps_what_it_says(events: list[Event]) -> None:
    first = [event for event in events if not getattr(event, "choice", 0)]
    assert _bare(fold(read_stream([write_stream(first)]))) == _bare(fold(first))


@LAW
@given(chat.responses())
def test_a_response_of_another_dialect_keeps_what_it_says(response: Response) -> None:
    first = msgspec.structs.replace(response, choices=response.choices[:1])
    got = WIRE.decode(FACE.write(first))
    assert _bare(got) == _bare(first)
    ends = {"length", "content_filter"}
    reason = first.finish_reason if first.finish_reason in ends else None
    assert got.finish_reason == (reason or ("tool_calls" if first.tool_calls else "stop"))


TEXT = {"type": "output_text", "text": "Bari \u2014 \u6d77", "annotations": []}
SAID = {"type": "message", "id": "msg_1", "role": "assistant", "content": [TEXT]}


@pytest.mark.parametrize("logprobs", [{"content": 7}, {"content": [7]}, {"refusal": []}])
def test_log_probabilities_that_are_none_spoil_no_answer(logprobs: Any) -> None:
    choice = Choice(
        message=Message("assistant", (Text("a"),)), finish_reason="stop", logprobs=logprobs
    )
    response = Response(choices=(choice,))
    assert WIRE.decode(FACE.write(response)).text == "a"
    assert fold(read_stream([write_stream(unfold(response))])).text == "a"


STREAM = sse(stream_of(SEALED | {"output": [*SEALED["output"], SAID]}, 2))


def test_a_stream_cut_at_every_byte_gives_the_same_events() -> None:
    whole = read_stream([STREAM])
    assert read_stream([STREAM[at : at + 1] for at in range(len(STREAM))]) == whole
    for at in range(0, len(STREAM), 7):
        assert read_stream([STREAM[:at], STREAM[at:]]) == whole


@LAW
@given(chat.json_values, st.integers(0, 40))
def test_what_is_broken_is_an_error_and_nothing_else(value: Any, at: int) -> None:
    frames = WIRE.framer().feed(STREAM)
    raw = msgspec.json.decode(frames[at % len(frames)])
    for name in raw:
        reader = WIRE.reader()
        with contextlib.suppress(ValueError, Fault):
            reader.feed(msgspec.json.encode(raw | {name: value}))
    for name in SEALED:
        with contextlib.suppress(ValueError, Fault):
            decode(SEALED | {name: value})


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'"a"', b'{"output":7}', b"\xff", b"[" * 100_000,
     b'{"id":"r","status":"queued","output":[]}', b'{"output":[{"type":"function_call"}]}'],
)  # fmt: skip
def test_what_is_no_finished_response_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        WIRE.decode(body)
