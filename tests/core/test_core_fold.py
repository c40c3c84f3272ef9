"""What pieces of a stream amount to when they are put together."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.folding import fold, unfold
from seawall.types import (
    Choice,
    Event,
    Finish,
    LogprobsDelta,
    Message,
    Metered,
    Opaque,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    Response,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    UnknownDelta,
    Usage,
)


def _message(*events: Event) -> Message:
    return fold(events).message


def test_parts_stand_in_canonical_order_however_they_came() -> None:
    message = _message(
        ToolCallDelta(1, "b", "g", "{}"),
        ToolCallDelta(0, "a", "f", "{"),
        RefusalDelta("no"),
        TextDelta("te"),
        UnknownDelta("d", {"content": [{"type": "reference"}]}),
        ReasoningDelta("hm"),
        TextDelta("xt"),
        ToolCallDelta(0, arguments="}"),
    )
    assert message.content == (
        Reasoning("hm"),
        Text("text"),
        Opaque("d", {"type": "reference"}),
        Refusal("no"),
        ToolCall("a", "f", "{}"),
        ToolCall("b", "g", "{}"),
    )
    assert message.extra == {}


def test_choices_stand_in_order_and_may_be_unfinished() -> None:
    response = fold([TextDelta("b", 1), Finish("stop", 1), TextDelta("a", 0)])
    assert [(c.index, c.message.text, c.finish_reason) for c in response.choices] == [
        (0, "a", None),
        (1, "b", "stop"),
    ]


def test_nothing_folds_to_nothing() -> None:
    assert fold([]) == Response()
    assert unfold(Response()) == [Start()]


def test_the_last_usage_counts() -> None:
    counts = [Metered(Usage(completion_tokens=n, total_tokens=n)) for n in (1, 2, 3)]
    assert fold(counts).usage == Usage(completion_tokens=3, total_tokens=3)


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        # Sound comes as the openai package's audio delta: strings grow, the id does not.
        (
            [
                {"audio": {"id": "a1", "transcript": "Hel"}},
                {"audio": {"id": "a1", "transcript": "lo", "data": "AA"}},
                {"audio": {"data": "BB", "expires_at": 9}},
            ],
            {"audio": {"id": "a1", "transcript": "Hello", "data": "AABB", "expires_at": 9}},
        ),
        ([{"x": [1]}, {"x": [2, 3]}, {"x": []}], {"x": [1, 2, 3]}),
        ([{"x": "a"}, {"x": None}, {"x": "b"}], {"x": "ab"}),
        ([{"x": 1}, {"x": 2}], {"x": 2}),
        ([{"x": None}], {"x": None}),
        ([{"x": {"y": [1]}}, {"x": {"y": [2]}}], {"x": {"y": [1, 2]}}),
        ([{"x": "a"}, {"x": {"y": 1}}, {"x": 3}], {"x": 3}),
        ([{"type": "t", "id": "i"}, {"type": "t", "id": "i"}], {"type": "t", "id": "i"}),
        ([{"content": "a string"}], {"content": "a string"}),
    ],
)
def test_unknown_pieces_of_a_message_grow(pieces: list[Any], whole: dict[str, Any]) -> None:
    before = msgspec.json.encode(pieces)
    assert _message(*(UnknownDelta("d", piece) for piece in pieces)).extra == {"d": whole}
    assert msgspec.json.encode(pieces) == before


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        ([{"x": "a"}, {"x": "b"}], {"x": "b"}),
        ([{"token_ids": [1, 2]}, {"token_ids": [3]}], {"token_ids": [1, 2, 3]}),
        ([{"x": {"a": 1}}, {"x": {"b": 2}}], {"x": {"b": 2}}),
    ],
)
def test_unknown_fields_of_a_choice_are_the_latest(pieces: list[Any], whole: Any) -> None:
    events = [UnknownDelta("d", piece, "choice") for piece in pieces]
    assert fold(events).choices[0].extra == {"d": whole}


def test_unknown_fields_of_the_response_are_the_latest() -> None:
    events = [
        Start("i", "m", 1, {"d": {"citations": [1], "tier": "a"}}),
        UnknownDelta("d", {"citations": [1, 2]}, "response"),
        UnknownDelta("e", {"x": 1}, "response"),
    ]
    assert fold(events).extra == {"d": {"citations": [1, 2], "tier": "a"}, "e": {"x": 1}}


def test_log_probabilities_come_in_pieces_and_nulls_take_none_away() -> None:
    pieces = [
        {"content": [{"token": "a"}], "refusal": None},
        {"content": None, "refusal": [{"token": "x"}]},
        {"content": [{"token": "b"}], "refusal": None},
    ]
    (choice,) = fold([LogprobsDelta(piece) for piece in pieces]).choices
    assert choice.logprobs == {
        "content": [{"token": "a"}, {"token": "b"}],
        "refusal": [{"token": "x"}],
    }


def test_many_pieces_fold_in_linear_time() -> None:
    events: list[Event] = [LogprobsDelta({"content": [{"token": "a"}]})] * 200_000
    (choice,) = fold(events).choices
    assert choice.logprobs is not None
    assert len(choice.logprobs["content"]) == 200_000


def test_unknown_fields_of_a_tool_call_are_collected() -> None:
    message = _message(
        ToolCallDelta(0, "a", "f", "", extra={"d": {"x": 1}}),
        ToolCallDelta(0, None, None, "{}", extra={"d": {"y": 2}, "e": {"z": 3}}),
    )
    assert message.tool_calls == (ToolCall("a", "f", "{}", {"d": {"x": 1, "y": 2}, "e": {"z": 3}}),)


_texts = st.text(min_size=1, max_size=5)
_bags = st.dictionaries(st.sampled_from("de"), st.just({"x_1": [1, {"a": "b"}]}), max_size=2)


@st.composite
def _messages(draw: st.DrawFn) -> Message:
    parts: list[Any] = [
        *map(Reasoning, draw(st.lists(_texts, max_size=1))),
        *map(Text, draw(st.lists(_texts, max_size=1))),
        *(Opaque("d", {"type": text}) for text in draw(st.lists(_texts, max_size=2))),
        *map(Refusal, draw(st.lists(_texts, max_size=1))),
    ]
    for name in draw(st.lists(_texts, max_size=3, unique=True)):
        parts.append(ToolCall(name, name, draw(st.text(max_size=5)), draw(_bags)))
    return Message("assistant", tuple(parts), extra=draw(_bags))


_choices = st.builds(
    Choice,
    message=_messages(),
    finish_reason=_texts,
    logprobs=st.none() | st.just({"content": [{"token": "a"}]}),
    extra=_bags,
)


@settings(deadline=None)
@given(st.lists(_choices, max_size=3), st.text(max_size=5), _bags)
def test_unfold_is_folded_back(choices: list[Choice], id_: str, extra: Any) -> None:
    numbered = tuple(
        msgspec.structs.replace(choice, index=index) for index, choice in enumerate(choices)
    )
    response = Response(id=id_, created=7, choices=numbered, usage=Usage(), extra=extra)
    assert fold(unfold(response)) == response
