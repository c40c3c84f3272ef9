"""What the anthropic dialect reads: whole answers and streams after the reference."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from anthropic_exchanges import TEXT, THOUGHT, THOUGHT_STREAM, TOOLS, error, sse, stream

from seawall.dialects.anthropic import FACE, WIRE
from seawall.errors import Fault, OverloadedError
from seawall.folding import fold
from seawall.ports import Head, Quirks
from seawall.types import (
    Event,
    Finish,
    Message,
    Metered,
    Opaque,
    Reasoning,
    Request,
    Response,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    UnknownDelta,
)
from seawall.vendors import built_in

USER = Message("user", (Text("What is it?"),))
THINKING = {"anthropic": {"type": "thinking"}}


def decode(raw: dict[str, Any]) -> Response:
    return WIRE.decode(msgspec.json.encode(raw))


def events_of(body: bytes) -> list[Event]:
    framer, reader = WIRE.framer(), WIRE.reader()
    events = [event for frame in framer.feed(body) for event in reader.feed(frame)]
    assert reader.done
    return events


def sent(*messages: Message, **fields: Any) -> dict[str, Any]:
    request = Request(model="m", messages=messages, max_tokens=10, **fields)
    return msgspec.json.decode(WIRE.encode(request, Quirks()).body)


def test_text_and_its_counts() -> None:
    response = decode(TEXT)
    assert response.text == "Hello!"
    assert response.finish_reason == "stop"
    assert (response.id, response.model) == ("msg_01XFDUDYJgAACzvnptvVoYEL", "claude-opus-5-5")
    usage = response.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (2112, 6, 2118)
    assert (usage.cached_tokens, usage.cache_write_tokens) == (2000, 100)
    assert usage.reasoning_tokens == 4
    assert usage.extra["anthropic"]["service_tier"] == "standard"


def test_tool_calls() -> None:
    response = decode(TOOLS)
    assert response.tool_calls == (
        ToolCall("toolu_1", "weather", '{"harbour":"Bari"}'),
        ToolCall("toolu_2", "tide", "{}"),
    )
    assert response.finish_reason == "tool_calls"


def test_thinking_goes_back_exactly_as_it_came() -> None:
    turn = sent(USER, decode(THOUGHT).message, USER)["messages"][1]
    assert turn == {"role": "assistant", "content": THOUGHT["content"]}


def test_blocks_in_another_order_keep_it() -> None:
    content = [THOUGHT["content"][0], {"type": "text", "text": "a"}, THOUGHT["content"][1]]
    content.append({"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}})
    turn = sent(USER, decode(TEXT | {"content": content}).message)["messages"][1]
    assert turn["content"] == content


def test_a_stream_says_what_the_whole_answer_says() -> None:
    response = fold(events_of(THOUGHT_STREAM))
    assert response.message.content == (
        Reasoning("Let me see.", "EqQBCgIYAhIM1gbcDa9GJwZA", THINKING),
        Reasoning("", None, {"anthropic": THOUGHT["content"][1]}),
        Text("I'll look."),
        ToolCall("toolu_1", "weather", '{"harbour": "Bari"}'),
        ToolCall("toolu_2", "tide", "{}"),
    )
    assert response.finish_reason == "tool_calls"
    assert response.id == TEXT["id"]
    usage = response.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens) == (30, 5, 15)


def test_streamed_thinking_goes_back_with_its_signature() -> None:
    turn = sent(USER, fold(events_of(THOUGHT_STREAM)).message, USER)["messages"][1]
    assert turn["content"][:2] == THOUGHT["content"][:2]


def test_the_end_comes_before_the_usage_and_both_once() -> None:
    events = events_of(THOUGHT_STREAM)
    assert [type(event) for event in events[-2:]] == [Finish, Metered]
    assert sum(isinstance(event, (Finish, Metered)) for event in events) == 2


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
        ("some_day", "some_day"),
    ],
)
def test_every_end_has_its_name_and_keeps_its_own(stop: str, finish: str) -> None:
    whole = decode(TEXT | {"stop_reason": stop})
    assert whole.finish_reason == finish
    assert fold(events_of(stream(stop=stop, usage=TEXT["usage"]))).finish_reason == finish
    if stop != "some_day":
        assert msgspec.json.decode(FACE.write(whole))["stop_reason"] == stop


def test_a_refusal_tells_its_category() -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "No."}
    response = decode(TEXT | {"stop_reason": "refusal", "stop_details": details, "content": []})
    assert response.finish_reason == "content_filter"
    assert response.choices[0].extra["anthropic"]["stop_details"] == details


def test_a_servers_own_tools_and_citations_survive_a_stream() -> None:
    search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"a": 1}]}
    cited = {"type": "web_search_result_location", "url": "https://a.test", "cited_text": "b"}
    events = events_of(
        stream(
            [search, {"type": "input_json_delta", "partial_json": '{"query": "tides"}'}],
            [found],
            [
                {"type": "text", "text": ""},
                {"type": "citations_delta", "citation": cited},
                {"type": "text_delta", "text": "High."},
            ],
        )
    )
    message = fold(events).message
    whole = search | {"input": {"query": "tides"}}
    assert message.content[1:] == (Opaque("anthropic", whole), Opaque("anthropic", found))
    content = sent(USER, message, USER)["messages"][1]["content"]
    assert content[0] == {"type": "text", "text": "High.", "citations": [cited]}
    assert content[1:] == [whole, found]


def test_what_a_later_version_adds_is_passed_over_or_kept() -> None:
    events = events_of(
        sse({"type": "message_begins", "x": 1})
        + stream(
            [
                {"type": "compaction", "content": "a"},
                {"type": "compaction_delta", "content": "b"},
            ],
            context_management={"applied_edits": []},
        )
    )
    kept = [event for event in events if isinstance(event, UnknownDelta)]
    assert [(event.scope, event.fields) for event in kept] == [
        ("delta", {"content": [{"type": "compaction", "content": "ab"}]}),
        ("response", {"context_management": {"applied_edits": []}}),
    ]


@pytest.mark.parametrize(
    "frame",
    [
        b"[1]",
        b"{}",
        b"nonsense",
        b'{"type":"content_block_delta","index":3,"delta":{"type":"text_delta","text":"a"}}',
        b'{"type":"content_block_stop","index":0}',
        b'{"type":"content_block_stop","index":[0]}',
        b'{"type":"content_block_start","index":{},"content_block":{"type":"text"}}',
        b'{"type":"message_start"}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":3}}',
        b'{"type":"message_delta","delta":[]' + b"\xff}",
    ],
)
def test_what_is_no_event_is_no_part_of_the_stream(frame: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says something else
        WIRE.reader().feed(frame)


@pytest.mark.parametrize(
    "raw", [{}, {"type": "message"}, TEXT | {"content": [3]}, {"choices": []}, TEXT | {"type": 1}]
)
def test_what_is_no_message_is_no_answer(raw: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says something else
        decode(raw)


def test_usage_nobody_can_read_costs_no_answer() -> None:
    assert decode(TEXT | {"usage": {"input_tokens": "many"}}).usage is None
    events = events_of(stream(usage={"output_tokens": -1}))
    assert fold(events).finish_reason == "stop"
    assert not any(isinstance(event, Metered) for event in events)


def test_an_error_in_a_stream_and_in_a_success() -> None:
    body = error("overloaded_error", "Overloaded")
    with pytest.raises(OverloadedError, match="Overloaded"):
        WIRE.reader().feed(body)
    with pytest.raises(Fault) as caught:
        WIRE.decode(body)
    assert (caught.value.status, caught.value.request_id) == (529, "req_011CSHoEeqs5C35K2UUqR7Fy")


def test_results_with_images_and_errors_are_read() -> None:
    content = [
        {"type": "text", "text": "a"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
    ]
    result = {"type": "tool_result", "tool_use_id": "t", "content": content, "is_error": True}
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [result]}]}
    turn = FACE.read("", {}, msgspec.json.encode(body)).messages[0]
    part = turn.content[0]
    assert turn.role == "tool"
    assert isinstance(part, ToolResult)
    assert (part.call_id, part.is_error, len(part.content)) == ("t", True, 2)


def written(*events: Event) -> list[dict[str, Any]]:
    writer = FACE.writer(Head(model="m", stream=True))
    body = b"".join([*(writer.event(event) for event in events), writer.end()])
    return [msgspec.json.decode(frame) for frame in WIRE.framer().feed(body)]


def test_blocks_follow_one_another_however_their_pieces_come() -> None:
    told = written(
        ToolCallDelta(0, "a", "f", '{"x"'),
        TextDelta("meanwhile"),
        ToolCallDelta(1, "b", "g", "{"),
        ToolCallDelta(0, arguments=":1}"),
        ToolCallDelta(1, arguments="}"),
        ToolCallDelta(2, "c", "h"),
        Finish("tool_calls"),
    )
    shown = [
        event["content_block"].get("id", "text") if "content_block" in event else event["type"][8:]
        for event in told
        if event["type"].startswith("content_block")
    ]
    piece, stop = "block_delta", "block_stop"
    assert shown == [
        "a",
        piece,
        piece,
        stop,
        "text",
        piece,
        stop,
        "b",
        piece,
        piece,
        stop,
        "c",
        stop,
    ]
    assert [event["index"] for event in told if "content_block" in event] == [0, 1, 2, 3]


def test_arguments_that_never_end_hold_up_nothing_for_good() -> None:
    told = written(
        ToolCallDelta(0, "a", "f", "{"), ToolCallDelta(1, "b", "g", "{}"), Finish("length")
    )
    assert [event["index"] for event in told if event["type"] == "content_block_stop"] == [0, 1]


def test_what_is_cached_for_an_hour_is_told_apart() -> None:
    kept = {"ephemeral_5m_input_tokens": 70, "ephemeral_1h_input_tokens": 30}
    usage = decode(TEXT | {"usage": TEXT["usage"] | {"cache_creation": kept}}).usage
    row = built_in("anthropic")
    assert usage is not None
    assert row is not None
    assert (usage.cache_write_tokens, usage.cache_write_1h_tokens) == (100, 30)
    prices = row.models["claude-opus-5-5"].price
    assert prices is not None
    assert (
        prices.price().cost(usage) == 12 * 4_000 + 70 * 5_000 + 30 * 8_000 + 2000 * 200 + 6 * 20_000
    )
