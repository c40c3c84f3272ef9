"""Cohere's documented answers and streams become ours, and ours become its words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from cohere_exchanges import (
    CALL,
    CITATION,
    PLAN,
    START,
    TEXT,
    TEXT_STREAM,
    THOUGHT,
    THOUGHT_STREAM,
    TOOLS,
    TOOLS_STREAM,
    end,
    stream,
)

from seawall.dialects.cohere import FACE, WIRE
from seawall.errors import BadRequestError, ProviderError, UnsupportedError
from seawall.folding import fold, unfold
from seawall.ports import Head, Quirks
from seawall.types import (
    Choice,
    Event,
    Finish,
    Image,
    Message,
    Opaque,
    Reasoning,
    ReasoningDelta,
    Refusal,
    Request,
    Response,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)

PAID = Usage(
    prompt_tokens=5,
    completion_tokens=418,
    total_tokens=423,
    extra={"cohere": {"tokens": {"input_tokens": 71, "output_tokens": 418}}},
)


def decode(raw: dict[str, Any]) -> Response:
    return WIRE.decode(msgspec.json.encode(raw))


def read_stream(body: bytes) -> list[Event]:
    reader = WIRE.reader()
    events = [event for frame in WIRE.framer().feed(body) for event in reader.feed(frame)]
    assert reader.done
    return events


def test_a_text_and_what_is_paid_for_it() -> None:
    response = decode(TEXT)
    assert (response.text, response.finish_reason) == ("LLMs are large.", "stop")
    assert response.usage == PAID


def test_a_thought_is_no_answer() -> None:
    response = decode(THOUGHT)
    assert response.text == "Three."
    assert response.message.reasoning == "Three brothers, two sisters and Alice."


def test_a_plan_is_kept_with_its_calls() -> None:
    response = decode(TOOLS)
    (call,) = response.tool_calls
    assert (call.id, call.name, call.arguments) == (
        CALL["id"],
        "search_docs",
        '{"query":"tool use"}',
    )
    assert response.finish_reason == "tool_calls"
    assert response.message.extra == {"cohere": {"tool_plan": PLAN}}


@pytest.mark.parametrize(
    ("body", "whole"),
    [(THOUGHT_STREAM, THOUGHT), (TOOLS_STREAM, TOOLS)],
    ids=["thought", "tools"],
)
def test_a_stream_is_the_whole_answer(body: bytes, whole: dict[str, Any]) -> None:
    assert fold(read_stream(body)) == decode(whole)
    assert fold(read_stream(body + b"data: [DONE]\n\n")) == decode(whole)


def test_citations_come_with_the_text() -> None:
    response = fold(read_stream(TEXT_STREAM))
    assert response.text == "LLMs are large."
    assert response.message.extra == {"cohere": {"citations": [CITATION]}}
    cited = TEXT | {"message": TEXT["message"] | {"citations": [CITATION]}}
    assert decode(cited) == response


def test_a_stop_sequence_is_an_end_whose_word_is_kept() -> None:
    response = decode(TEXT | {"finish_reason": "STOP_SEQUENCE"})
    assert response.finish_reason == "stop"
    assert response.choices[0].extra == {"cohere": {"finish_reason": "STOP_SEQUENCE"}}
    assert msgspec.json.decode(FACE.write(response))["finish_reason"] == "STOP_SEQUENCE"


@pytest.mark.parametrize(("reason", "status"), [("ERROR", 500), ("TIMEOUT", 504)])
def test_a_generation_that_failed_is_a_fault(reason: str, status: int) -> None:
    with pytest.raises(ProviderError, match=f"ended with {reason}") as whole:
        decode(TEXT | {"finish_reason": reason})
    assert whole.value.status == status
    with pytest.raises(ProviderError, match="out of luck") as streamed:
        read_stream(stream(START, end(reason, error="out of luck")))
    assert (streamed.value.status, streamed.value.retry) == (status, True)


def test_an_error_body_in_a_stream_is_a_fault() -> None:
    with pytest.raises(ProviderError, match="broken"):
        WIRE.reader().feed(b'{"message":"broken"}')


@pytest.mark.parametrize(
    "raw",
    [
        {"message": "hello"},
        {},
        TEXT | {"message": "hello"},
        TEXT | {"message": {"content": 1}},
        TEXT | {"message": {"tool_calls": [{"id": "c"}]}},
    ],
)
def test_what_is_no_answer(raw: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no |has "):
        decode(raw)


@pytest.mark.parametrize("usage", [{"tokens": 1}, {"billed_units": {"input_tokens": -1}}, [1]])
def test_usage_that_cannot_be_read_is_none(usage: Any) -> None:
    assert decode(TEXT | {"usage": usage}).usage is None


@pytest.mark.parametrize("logprobs", [3, [1], [{"text": 1, "token_ids": []}], [None]])
def test_log_probabilities_that_are_none_cost_no_answer(logprobs: Any) -> None:
    response = decode(TEXT | {"logprobs": logprobs})
    assert (response.text, response.choices[0].logprobs) == ("LLMs are large.", None)
    piece = {"type": "content-delta", "index": 0, "logprobs": logprobs}
    piece |= {"delta": {"message": {"content": {"text": "a"}}}}
    assert list(WIRE.reader().feed(msgspec.json.encode(piece))) == [TextDelta("a")]


def test_more_cached_than_paid_for() -> None:
    usage = decode(TEXT | {"usage": TEXT["usage"] | {"cached_tokens": 64}}).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.cached_tokens) == (5, 5)
    written = msgspec.json.decode(FACE.write(Response(usage=usage)))["usage"]
    assert written["cached_tokens"] == 64


@pytest.mark.parametrize(
    "frame",
    [
        b"no",
        b"[]",
        b"{}",
        b'{"type":1}',
        b'{"type":"content-delta","index":"a"}',
        b'{"type":"content-start","index":0}',
        b'{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":1}}}}',
        b'{"type":"tool-call-delta","index":7,"delta":{"message":{}}}',
        b'{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{}}}}',
        b'{"type":"message-end","delta":[1]}',
    ],
)
def test_a_frame_that_is_no_event_is_an_error(frame: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        WIRE.reader().feed(frame)


def test_events_of_kinds_not_known_are_passed_over() -> None:
    assert list(WIRE.reader().feed(b'{"type":"debug","prompt":"p"}')) == []
    assert list(WIRE.reader().feed(b'{"type":"citation-end","index":0}')) == []
    assert list(WIRE.reader().feed(b"")) == []


def test_a_block_whose_start_was_lost_says_what_it_is() -> None:
    reader = WIRE.reader()
    delta = '{{"type":"content-delta","index":0,"delta":{{"message":{{"content":{{"{}":"a"}}}}}}}}'
    assert reader.feed(delta.format("thinking").encode()) == [ReasoningDelta("a")]
    reader = WIRE.reader()
    assert reader.feed(delta.format("text").encode()) == [TextDelta("a")]


def test_content_of_a_kind_not_known_is_kept_whole() -> None:
    block = {"type": "chart", "text": "t", "thinking": "h", "x": 1}
    opened = {"type": "content-start", "index": 0, "delta": {"message": {"content": block}}}
    grown = {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "u"}}}}
    body = stream(START, opened, grown, {"type": "content-end", "index": 0}, end("COMPLETE"))
    whole = Opaque("cohere", block | {"text": "tu"})
    assert fold(read_stream(body)).message.content == (whole,)
    assert relayed(body) == body


@pytest.mark.parametrize("odd", [b'"content":null', b'"content":3', b'"content":[]'])
def test_a_start_of_an_odd_shape_is_written_anew(odd: bytes) -> None:
    body = TEXT_STREAM.replace(b'"content":[]', odd).replace(b'"id":"c14c80c3', b'"id":5,"x":"c')
    assert fold(read_stream(relayed(body))).text == "LLMs are large."


def test_a_call_without_arguments_has_none() -> None:
    called = CALL | {"function": {"name": "f", "arguments": ""}}
    message = {"role": "assistant", "tool_calls": [called]}
    assert decode(TOOLS | {"message": message}).tool_calls[0].arguments == "{}"
    start = {"type": "tool-call-start", "index": 3, "delta": {"message": {"tool_calls": called}}}
    body = stream(START, start, {"type": "tool-call-end", "index": 3}, end("TOOL_CALL"))
    assert fold(read_stream(body)).tool_calls[0].arguments == "{}"


def written(*events: Event) -> list[Any]:
    writer = FACE.writer(Head(model="m", stream=True))
    body = b"".join([*map(writer.event, events), writer.end()])
    return [msgspec.json.decode(frame) for frame in WIRE.framer().feed(body)]


def test_mixed_calls_are_written_one_after_another() -> None:
    kinds = [
        (event["type"], event.get("index"))
        for event in written(
            Start("i"),
            ToolCallDelta(0, "a", "f", '{"x":'),
            ToolCallDelta(1, "b", "f", '{"y"'),
            ToolCallDelta(0, arguments="1}"),
            ToolCallDelta(1, arguments=":2}"),
            TextDelta("done"),
        )
    ]
    one = ("tool-call-start", "tool-call-delta", "tool-call-delta", "tool-call-end")
    assert kinds == [
        ("message-start", None),
        *((kind, 0) for kind in one),
        *((kind, 1) for kind in one),
        *(("content-start", 0), ("content-delta", 0), ("content-end", 0)),
        ("message-end", None),
    ]


def test_of_other_dialects_only_what_has_a_word_here_is_written() -> None:
    message = Message(
        "assistant",
        (
            Reasoning("hm", "signed"),
            Text("a"),
            Refusal("no"),
            Opaque("openai_chat", {"type": "audio"}),
            ToolCall("c", "f", "free text"),
        ),
        extra={"openai_chat": {"audio": {}}},
    )
    choice = Choice(message=message, finish_reason="content_filter")
    body = msgspec.json.decode(FACE.write(Response(id="i", model="m", choices=(choice,))))
    assert body == {
        "id": "i",
        "message": {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "text", "text": "a"},
                {"type": "text", "text": "no"},
            ],
            "tool_calls": [
                {
                    "id": "c",
                    "type": "function",
                    "function": {"name": "f", "arguments": '{"input":"free text"}'},
                }
            ],
        },
        "finish_reason": "ERROR_TOXIC",
    }
    shown = [event["type"] for event in written(*unfold(Response(choices=(choice,))))]
    assert shown.count("content-start") == 2


def test_an_empty_answer_has_a_first_block() -> None:
    body = msgspec.json.decode(
        FACE.write(Response(choices=(Choice(message=Message("assistant")),)))
    )
    assert body["message"]["content"] == [{"type": "text", "text": ""}]
    assert WIRE.decode(msgspec.json.encode(body)).message == Message("assistant")


def relayed(body: bytes) -> bytes:
    reader, writer = WIRE.reader(), FACE.writer(Head(model="m", stream=True))
    frames = WIRE.framer().feed(body)
    return b"".join([*(writer.relay(frame, reader.feed(frame)) for frame in frames), writer.end()])


@pytest.mark.parametrize("body", [TEXT_STREAM, THOUGHT_STREAM, TOOLS_STREAM])
def test_frames_that_stand_where_they_should_go_on_as_they_came(body: bytes) -> None:
    assert relayed(body) == body
    assert relayed(body + b"data: [DONE]\n\n") == body
    known = b'event: debug\ndata: {"type":"debug","prompt":"p"}\n\n'
    start, blank, rest = body.partition(b"\n\n")
    assert relayed(start + blank + known + rest) == start + blank + known + rest


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (b'"index":0', b'"index":4'),
        (b'data: {"type":"content-end","index":0}', b'data: {"type":"ping"}'),
        (b'data: {"type":"tool-call-end","index":0}', b'data: {"type":"ping"}'),
        (b'{"type":"message-start"', b'{"type":"ping"'),
    ],
)
def test_from_a_frame_out_of_place_on_they_are_written_anew(was: bytes, now: bytes) -> None:
    for body in (TEXT_STREAM, THOUGHT_STREAM, TOOLS_STREAM):
        changed = body.replace(was, now)
        again = relayed(changed)
        assert fold(read_stream(again)).message == fold(read_stream(changed)).message
        kinds = [msgspec.json.decode(frame)["type"] for frame in WIRE.framer().feed(again)]
        assert kinds[0] in ("message-start", "ping")
        assert kinds.count("message-start") == kinds.count("message-end") == 1
        assert kinds.count("content-start") == kinds.count("content-end")
        assert kinds.count("tool-call-start") == kinds.count("tool-call-end")


def test_another_goes_on_where_a_relayed_stream_broke_off() -> None:
    reader, writer = WIRE.reader(), FACE.writer(Head(model="m", stream=True))
    frames = WIRE.framer().feed(TEXT_STREAM)[:3]
    body = b"".join(writer.relay(frame, reader.feed(frame)) for frame in frames)
    body += b"".join(map(writer.event, (TextDelta(" go on."), Finish("stop"))))
    body += writer.end()
    response = fold(read_stream(body))
    assert (response.id, response.text) == (TEXT["id"], "LLMs go on.")
    kinds = [msgspec.json.decode(frame)["type"] for frame in WIRE.framer().feed(body)]
    assert kinds.count("content-start") == kinds.count("content-end") == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"[]", "object"),
        (b'{"model":"m"}', "messages"),
        (b'{"model":"m","messages":[{"role":"robot"}]}', "robot"),
        (b'{"model":"m","messages":[{"role":"tool","content":"a"}]}', "tool_call_id"),
        (b'{"model":"m","messages":[{"role":"user","content":3}]}', "content"),
        (b'{"model":"m","messages":[],"tool_choice":"ANY"}', "tool_choice"),
        (b'{"model":"m","messages":[],"response_format":{"type":"xml"}}', "response_format"),
        (b'{"model":"m","messages":[],"tools":[{"type":"function","function":{}}]}', "name"),
        (b'{"model":"m","messages":[],"temperature":"hot"}', "temperature"),
        (
            b'{"model":"m","messages":[{"role":"user","content":[{"type":"image_url"}]}]}',
            "image_url",
        ),
    ],
)
def test_a_callers_mistake_is_named(body: bytes, says: str) -> None:
    with pytest.raises(BadRequestError, match=says) as caught:
        FACE.read("/v2/chat", {}, body)
    assert caught.value.status == 400


def test_peek_refuses_what_it_cannot_route() -> None:
    for body in (b"no", b'{"messages":[]}'):
        with pytest.raises(BadRequestError, match="not valid"):
            FACE.peek("/v2/chat", {}, body)


def test_a_picture_in_an_answer_goes_on_but_back_only_as_a_question() -> None:
    picture = Message("assistant", (Image(data="AA==", media_type="image/png"),))
    choice = Choice(message=picture)
    body = msgspec.json.decode(FACE.write(Response(choices=(choice,))))
    assert body["message"]["content"][0]["type"] == "image_url"
    asked = Request(model="m", messages=(Message("user", (Text("a"),)), picture))
    with pytest.raises(UnsupportedError, match="assistant cannot hold Image"):
        WIRE.encode(asked, Quirks())
