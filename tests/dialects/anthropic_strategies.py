"""Requests, responses and streams of the anthropic dialect in canonical form.

Canonical is what reading yields: instructions first, results of tools in messages of their own,
no empty text, arguments that are JSON objects without blanks, reasoning that came by this dialect.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st
from openai_chat_strategies import interleaved, json_values, unknown

from seawall.types import (
    Choice,
    Event,
    Finish,
    Format,
    Image,
    Message,
    Metered,
    Opaque,
    Reasoning,
    ReasoningDelta,
    Request,
    Response,
    Start,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
    ToolResult,
    UnknownDelta,
    Usage,
)

DIALECT = "anthropic"

texts = st.text(max_size=8)
filled = st.text(min_size=1, max_size=8)
counts = st.integers(0, 2**38)
shares = st.floats(0, 1)
extras = st.just({}) | unknown.map(lambda fields: {DIALECT: fields})
cached = st.just({}) | st.just({DIALECT: {"cache_control": {"type": "ephemeral", "ttl": "1h"}}})
ids = st.from_regex(r"[a-zA-Z0-9_-]{1,12}", fullmatch=True)
arguments = st.dictionaries(texts, json_values, max_size=2).map(
    lambda fields: msgspec.json.encode(fields).decode()
)
opaques = st.sampled_from(
    (
        Opaque(DIALECT, {"type": "document", "source": {"type": "url", "url": "https://a.test/b"}}),
        Opaque(DIALECT, {"type": "search_result", "source": "s", "title": "é", "content": []}),
        Opaque(DIALECT, {"type": "image", "source": {"type": "file", "file_id": "f"}}),
    )
)
images = st.builds(
    Image, url=st.sampled_from(("https://example.test/a.png?x=1",)), extra=cached
) | st.builds(
    Image,
    data=st.sampled_from(("iVBORw0KGgo=", "AA==")),
    media_type=st.sampled_from(("image/png", "image/webp")),
    extra=cached,
)
spoken = st.builds(Text, filled, cached)
reasonings = st.builds(
    Reasoning, texts, filled, st.just({DIALECT: {"type": "thinking"}})
) | filled.map(
    lambda data: Reasoning("", None, {DIALECT: {"type": "redacted_thinking", "data": data}})
)
calls = st.builds(ToolCall, ids, filled, arguments, cached | extras)
results = st.builds(
    ToolResult,
    ids,
    st.lists(spoken | images | opaques, max_size=2).map(tuple),
    st.booleans(),
    cached,
)
asking = st.lists(spoken | images | opaques, min_size=1, max_size=3).map(tuple)


@st.composite
def answers(draw: st.DrawFn) -> tuple[Any, ...]:
    """The parts of an answer in canonical order, one text at most."""
    return (
        *draw(st.lists(reasonings, max_size=2)),
        *draw(st.lists(filled.map(Text), max_size=1)),
        *draw(st.lists(opaques, max_size=1)),
        *draw(st.lists(calls, max_size=3, unique_by=lambda call: call.id)),
    )


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    first = draw(st.lists(spoken, max_size=2).map(tuple))
    turns = [Message("system", first)] if first else []
    turns.append(Message("user", draw(asking), extra=draw(extras)))
    for _ in range(draw(st.integers(0, 2))):
        said = draw(answers())
        if said:
            turns.append(Message("assistant", said, extra=draw(extras)))
        if draw(st.booleans()):
            turns.append(
                Message("tool", draw(st.lists(results, min_size=1, max_size=3).map(tuple)))
            )
        turns.append(Message("user", draw(asking)))
    return tuple(turns)


def _schema(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "additionalProperties": False}


schemas = st.sampled_from(
    (
        _schema({}),
        _schema({"é": {"type": ["string", "null"], "description": "d", "format": "date"}}),
        _schema({"a": {"type": "array", "items": {"$ref": "#/$defs/B"}, "minItems": 1}})
        | {"$defs": {"B": {"enum": ["x", 1, None]}}, "required": ["a"], "title": "T"},
    )
)
tools = st.builds(
    Tool,
    name=filled,
    description=st.none() | texts,
    parameters=schemas,
    strict=st.none() | st.booleans(),
    extra=cached,
) | st.just(Opaque(DIALECT, {"type": "web_search_20260318", "name": "web_search"}))
choices = st.sampled_from((ToolChoice("auto"), ToolChoice("required"))) | filled.map(
    lambda name: ToolChoice("tool", name)
)
formats = st.builds(Format, type=st.just("json_schema"), schema=schemas, extra=extras)
efforts = st.sampled_from((None, "none", "low", "medium", "high", "xhigh", "max"))
thinkings = st.sampled_from(({}, {"thinking": {"type": "enabled", "budget_tokens": 2048}}))


@st.composite
def requests(draw: st.DrawFn) -> Request:
    effort = draw(efforts)
    more = dict(draw(st.just({}) | unknown))
    if effort != "none":
        more |= draw(thinkings)
    choice = draw(st.none() | choices | st.just(ToolChoice("none")))
    mute = choice is None or choice.mode == "none"
    return Request(
        model=draw(texts),
        messages=draw(conversations()),
        tools=draw(st.lists(tools, max_size=2).map(tuple)),
        tool_choice=choice,
        parallel_tool_calls=None if mute else draw(st.none() | st.booleans()),
        format=draw(st.none() | formats),
        temperature=draw(st.none() | shares),
        top_p=draw(st.none() | shares),
        max_tokens=draw(counts),
        stop=draw(st.lists(filled.filter(str.strip), max_size=3).map(tuple)),
        reasoning_effort=effort,
        user=draw(st.none() | texts),
        stream=draw(st.booleans()),
        extra={DIALECT: more} if more else {},
    )


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    prompt, completion = draw(counts), draw(counts)
    read = draw(st.integers(0, prompt))
    fields = dict(draw(st.just({}) | unknown))
    thought = draw(st.integers(0, completion))
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_tokens=read,
        cache_write_tokens=draw(st.integers(0, prompt - read)),
        reasoning_tokens=thought,
        extra={DIALECT: fields} if fields else {},
    )


ends = st.sampled_from(
    (
        ("stop", {}),
        ("stop", {"stop_reason": "stop_sequence", "stop_sequence": "END"}),
        ("length", {}),
        ("length", {"stop_reason": "model_context_window_exceeded"}),
        ("tool_calls", {}),
        ("pause_turn", {}),
        ("content_filter", {"stop_details": {"type": "refusal", "category": "bio"}}),
    )
)


@st.composite
def responses(draw: st.DrawFn) -> Response:
    finish, rest = draw(ends)
    choice = Choice(
        message=Message("assistant", draw(answers())),
        finish_reason=finish,
        extra={DIALECT: rest} if rest else {},
    )
    return Response(
        id=draw(texts),
        model=draw(texts),
        choices=(choice,),
        usage=draw(usages()),
        extra=draw(extras),
    )


@st.composite
def _calls_in_pieces(draw: st.DrawFn) -> list[Event]:
    """Calls begin in their order; the rest of their arguments may come in any."""
    asked = draw(st.lists(calls, max_size=3, unique_by=lambda call: call.id))
    cut = draw(st.integers(0, 3))
    begun = [
        ToolCallDelta(index, call.id, call.name, call.arguments[:cut], extra=call.extra)
        for index, call in enumerate(asked)
    ]
    rest = [
        ToolCallDelta(index, arguments=call.arguments[cut:]) for index, call in enumerate(asked)
    ]
    return [*begun, *draw(st.permutations(rest))]


def _thought(part: Reasoning) -> list[Event]:
    told: list[Event] = [ReasoningDelta(part.text)] if part.text else []
    return [*told, ReasoningDelta("", signature=part.signature, extra=part.extra)]


@st.composite
def event_lists(draw: st.DrawFn) -> list[Event]:
    finish, rest = draw(ends)
    told: list[list[Event]] = [
        [TextDelta(text) for text in draw(st.lists(filled, max_size=3))],
        [event for part in draw(st.lists(reasonings, max_size=2)) for event in _thought(part)],
        [
            UnknownDelta(DIALECT, {"citations": [{"type": "char_location", "cited_text": text}]})
            for text in draw(st.lists(filled, max_size=2))
        ],
        [
            UnknownDelta(DIALECT, {"content": [part.raw]})
            for part in draw(st.lists(opaques, max_size=1))
        ],
        [UnknownDelta(DIALECT, rest, "choice")] if rest else [],
        [
            UnknownDelta(DIALECT, fields, "response")
            for fields in draw(st.lists(unknown, max_size=1))
        ],
    ]
    told.append(draw(_calls_in_pieces()))
    start = Start(draw(texts), draw(texts), extra=draw(extras))
    return [start, *draw(interleaved(told)), Finish(finish), Metered(draw(usages()))]
