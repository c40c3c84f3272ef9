"""What the gemini dialect reads: whole answers and streams after the reference, and what becomes of
them when they are sent back or on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from gemini_exchanges import BLOCKED, LOGPROBS, STREAM, TEXT, TOOLS, TOOLS_WITH_IDS

from seawall.dialects import anthropic, openai_chat
from seawall.dialects.gemini import FACE, WIRE
from seawall.errors import ContentFilterError, MalformedReplyError
from seawall.folding import fold, unfold
from seawall.ports import Head, Quirks, Wire
from seawall.types import (
    Event,
    Finish,
    Message,
    Metered,
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
)

USER = Message("user", (Text("What is it?"),))
HEAD = Head(model="m", stream=True)


def decode(raw: dict[str, Any]) -> Response:
    return WIRE.decode(msgspec.json.encode(raw))


def events_of(body: bytes) -> list[Event]:
    framer, reader = WIRE.framer(), WIRE.reader()
    return [event for frame in framer.feed(body) for event in reader.feed(frame)]


def contents(*messages: Message) -> list[Any]:
    request = Request(model="m", messages=messages)
    return msgspec.json.decode(WIRE.encode(request, Quirks()).body)["contents"]


def candidate(**fields: Any) -> dict[str, Any]:
    return {"candidates": [{"index": 0, "content": {"role": "model", "parts": []}} | fields]}


def test_text_and_its_counts() -> None:
    response = decode(TEXT)
    assert (response.text, response.finish_reason) == ("Trieste.", "stop")
    assert (response.id, response.model) == ("P0ajaJ_8Ga6h7dcPnsTNiQU", "gemini-3.8-flash")
    usage = response.usage
    assert usage is not None
    # Thoughts are billed as output, and counted beside the candidates there.
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (12, 23, 35)
    assert (usage.cached_tokens, usage.reasoning_tokens) == (8, 20)
    assert response.choices[0].extra["gemini"].keys() == {"avgLogprobs", "safetyRatings"}
    assert msgspec.json.decode(FACE.write(response)) == TEXT


def test_calls_without_ids_get_some_that_no_other_answer_has() -> None:
    response = decode(TOOLS)
    first, second = response.tool_calls
    assert response.finish_reason == "tool_calls"
    assert response.message.reasoning == "Two cities."
    assert (first.name, first.arguments) == ("weather", '{"city":"Paris"}')
    assert first.extra == {"gemini": {"thoughtSignature": "c2lnLUE"}}
    other = decode(TOOLS | {"responseId": "Q"})
    ids = [call.id for call in (first, second, *other.tool_calls)]
    assert len(set(ids)) == 4
    assert all(id_.replace("_", "").replace("-", "").isalnum() and len(id_) <= 64 for id_ in ids)


def test_a_calls_own_id_is_kept() -> None:
    first, second = decode(TOOLS_WITH_IDS).tool_calls
    assert first.id == "fn-7"
    assert second.id not in ("", "fn-7")


def test_two_calls_with_one_id_are_told_apart() -> None:
    call = {"functionCall": {"id": "x", "name": "f", "args": {}}}
    body = candidate(content={"parts": [call, call]}, finishReason="STOP")
    assert len({call.id for call in decode(body).tool_calls}) == 2
    deltas = WIRE.reader().feed(msgspec.json.encode(body))
    assert len({event.id for event in deltas if type(event) is ToolCallDelta}) == 2


def test_what_was_thought_and_signed_goes_back_as_it_came() -> None:
    answer = decode(TOOLS).message
    results = tuple(ToolResult(call.id, (Text("18 °C"),)) for call in answer.tool_calls)
    asked, said, answered = contents(USER, answer, Message("tool", results))
    for part in said["parts"][1:]:
        del part["functionCall"]["id"]
    assert said == TOOLS["candidates"][0]["content"]
    assert [part["functionResponse"]["name"] for part in answered["parts"]] == ["weather"] * 2
    assert (asked["role"], answered["role"]) == ("user", "user")


def test_a_stream_folds_to_one_answer_and_its_signature_goes_back() -> None:
    events = events_of(STREAM)
    response = fold(events)
    assert response.message.content == (Reasoning("Ports of Italy."), Text("Trieste."))
    assert response.finish_reason == "stop"
    kinds = [type(event) for event in events]
    assert kinds.count(Metered) == kinds.count(Start) == kinds.count(Finish) == 1
    assert response.usage is not None
    assert (response.usage.completion_tokens, response.usage.total_tokens) == (24, 33)
    # Ratings replace each other from chunk to chunk.
    ratings = response.choices[0].extra["gemini"]["safetyRatings"]
    assert [rating["probability"] for rating in ratings] == ["NEGLIGIBLE"]
    assert contents(USER, response.message)[1]["parts"] == [
        {"text": "Ports of Italy.", "thought": True},
        {"text": "Trieste."},
        {"text": "", "thoughtSignature": "c2ln"},
    ]


def test_a_whole_answer_and_its_stream_are_the_same_message() -> None:
    raw = {"text": "Trieste.", "thoughtSignature": "c2ln"}
    whole = decode(candidate(content={"parts": [raw]}, finishReason="STOP")).message
    thoughtless = fold(events_of(STREAM)).message.content[1:]
    assert whole.content == thoughtless
    assert whole.extra == fold(events_of(STREAM)).message.extra


@pytest.mark.parametrize("wire", [openai_chat.WIRE, anthropic.WIRE], ids=["openai_chat", "claude"])
def test_a_conversation_begun_here_goes_on_elsewhere(wire: Wire) -> None:
    """Signatures stay behind without a word: nobody else could read them."""
    streamed = fold(events_of(STREAM)).message
    calling = decode(TOOLS).message
    results = tuple(ToolResult(call.id, (Text("18"),)) for call in calling.tool_calls)
    request = Request(model="m", messages=(USER, streamed, USER, calling, Message("tool", results)))
    body = wire.encode(request, Quirks()).body
    for call in calling.tool_calls:
        assert body.count(call.id.encode()) == 2
    assert b"ignature" not in body


@pytest.mark.parametrize(
    ("reason", "finish", "kept"),
    [
        ("STOP", "stop", {}),
        ("MAX_TOKENS", "length", {}),
        ("CONTINUATION", "length", {"gemini": {"finishReason": "CONTINUATION"}}),
        ("SAFETY", "content_filter", {}),
        ("RECITATION", "content_filter", {"gemini": {"finishReason": "RECITATION"}}),
        (
            "PROHIBITED_CONTENT",
            "content_filter",
            {"gemini": {"finishReason": "PROHIBITED_CONTENT"}},
        ),
        ("SPII", "content_filter", {"gemini": {"finishReason": "SPII"}}),
        ("OTHER", "OTHER", {}),
        ("LANGUAGE", "LANGUAGE", {}),
        ("FINISH_REASON_UNSPECIFIED", None, {}),
        (None, None, {}),
    ],
)
def test_why_an_answer_ended(reason: str | None, finish: str | None, kept: Any) -> None:
    body = candidate(finishReason=reason)
    choice = decode(body).choices[0]
    assert (choice.finish_reason, choice.extra) == (finish, kept)
    streamed = fold(WIRE.reader().feed(msgspec.json.encode(body)))
    if finish is not None:
        assert streamed.choices == decode(body).choices
        assert WIRE.decode(FACE.write(streamed)) == streamed


def test_a_blocked_prompt_is_the_filters_doing() -> None:
    body = msgspec.json.encode(BLOCKED)
    for attempt in (WIRE.decode, WIRE.reader().feed):
        with pytest.raises(ContentFilterError, match="PROHIBITED_CONTENT") as caught:
            attempt(body)
        assert (caught.value.code, caught.value.retry) == ("PROHIBITED_CONTENT", False)


def test_a_call_its_server_could_not_parse_is_no_answer() -> None:
    body = candidate(finishReason="MALFORMED_FUNCTION_CALL", finishMessage="print(x")
    for attempt in (WIRE.decode, WIRE.reader().feed):
        with pytest.raises(MalformedReplyError, match=r"print\(x") as caught:
            attempt(msgspec.json.encode(body))
        assert caught.value.retry


def test_log_probabilities_take_the_usual_shape() -> None:
    response = decode(LOGPROBS)
    assert response.choices[0].logprobs == {
        "content": [
            {
                "token": "Tri",
                "logprob": -0.25,
                "bytes": [84, 114, 105],
                "token_id": 5,
                "top_logprobs": [
                    {"token": "Tri", "logprob": -0.25, "bytes": [84, 114, 105], "token_id": 5},
                    {"token": "Ven", "logprob": -1.5, "bytes": [86, 101, 110], "token_id": 6},
                ],
            }
        ]
    }
    assert WIRE.decode(FACE.write(response)) == response


def test_what_only_this_api_gives_stays_in_its_place() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "print(1)"}}
    image = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
    parts = [{"text": "So: "}, code, image]
    message = decode(candidate(content={"parts": parts}, finishReason="STOP")).message
    assert message.content == (Text("So: "), Opaque("gemini", code), Opaque("gemini", image))
    assert contents(USER, message)[1]["parts"] == parts


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({}, "no candidates"),
        ({"candidates": [1]}, r"candidates\[\]"),
        (candidate(content={"parts": [{"functionCall": {"args": {}}}]}), "name is missing"),
        (candidate(content={"parts": [{"functionCall": {"name": "f", "args": 1}}]}), "args"),
        (
            candidate(content={"parts": [{"functionCall": {"name": "f", "partialArgs": [{}]}}]}),
            "in pieces",
        ),
    ],
)
def test_what_is_no_answer_says_why(raw: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        decode(raw)


def test_usage_that_cannot_be_read_costs_no_answer() -> None:
    response = decode(TEXT | {"usageMetadata": {"promptTokenCount": "many"}})
    assert (response.text, response.usage) == ("Trieste.", None)


# Another provider's answers, written for callers of this dialect


def test_a_call_in_pieces_is_told_whole_and_signed() -> None:
    writer = FACE.writer(HEAD)
    told = [
        Start("i", "gpt"),
        ToolCallDelta(0, "c1", "f", '{"a"'),
        ToolCallDelta(1, "c2", "g", ""),
        ToolCallDelta(0, None, None, ": 1}"),
        Finish("tool_calls"),
    ]
    body = b"".join(writer.event(event) for event in told)
    chunks = [msgspec.json.decode(frame) for frame in WIRE.framer().feed(body)]
    assert chunks[0]["candidates"][0]["content"]["parts"] == [
        {
            "functionCall": {"id": "c1", "name": "f", "args": {"a": 1}},
            "thoughtSignature": "skip_thought_signature_validator",
        },
        {"functionCall": {"id": "c2", "name": "g", "args": {}}},
    ]
    assert [chunk["candidates"][0].get("finishReason") for chunk in chunks] == [None, "STOP"]
    assert fold(events_of(body)).tool_calls == (
        ToolCall("c1", "f", '{"a":1}'),
        ToolCall("c2", "g", "{}"),
    )


def test_a_call_that_is_no_json_ends_as_this_api_ends_one() -> None:
    broken = fold([Start("i", "m"), ToolCallDelta(0, "c", "f", "{oops"), Finish("tool_calls")])
    whole = msgspec.json.decode(FACE.write(broken))["candidates"][0]
    assert whole["finishReason"] == "MALFORMED_FUNCTION_CALL"
    assert "f({oops)" in whole["finishMessage"]
    writer = FACE.writer(HEAD)
    body = b"".join(writer.event(event) for event in unfold(broken))
    with pytest.raises(MalformedReplyError, match="oops"):
        events_of(body)


def test_a_streams_last_words_are_the_error() -> None:
    writer = FACE.writer(HEAD)
    body = writer.event(TextDelta("a")) + writer.fault(ContentFilterError("no"))
    with pytest.raises(ContentFilterError, match="no"):
        events_of(body)
