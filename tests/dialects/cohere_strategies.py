"""Requests, responses and streams of the cohere dialect in canonical form.

Canonical is what reading yields: instructions in one message ahead of the others, a result of a
tool in a message of its own, no empty text, arguments that are JSON objects, one thought and one
text an answer, no name of a model in it.
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
    LogprobsDelta,
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

DIALECT = "cohere"

texts = st.text(max_size=8)
filled = st.text(min_size=1, max_size=8)
counts = st.integers(0, 2**38)
shares = st.floats(0, 1)
extras = st.just({}) | unknown.map(lambda fields: {DIALECT: fields})
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)
arguments = st.dictionaries(texts, json_values, max_size=2).map(
    lambda fields: msgspec.json.encode(fields).decode()
)
opaques = st.sampled_from(
    (Opaque(DIALECT, {"type": "audio", "audio": {"url": "é"}}), Opaque(DIALECT, {"type": "chart"}))
)
details = st.none() | st.sampled_from(("auto", "low", "high"))
images = st.builds(
    Image, url=st.sampled_from(("https://example.test/a.png?x=1",)), detail=details, extra=extras
) | st.builds(
    Image,
    data=st.sampled_from(("iVBORw0KGgo=", "AA==")),
    media_type=st.sampled_from(("image/png", "image/webp")),
    detail=details,
    extra=extras,
)
spoken = st.builds(Text, filled, extras)
thoughts = st.builds(Reasoning, filled, st.none(), extras)
calls = st.builds(ToolCall, filled, filled, arguments, extras)


def _document(told: dict[str, Any]) -> dict[str, Any]:
    return {DIALECT: {"type": "document", "document": told}}


documents = (
    arguments.map(lambda text: Text(text, _document({})))
    | arguments.map(lambda text: Text(text, _document({"id": "doc:1"})))
    | filled.map(lambda text: Text(text, _document({"data": ""})))
)
citations = st.builds(
    lambda text, start: {
        "start": start,
        "end": start + len(text),
        "text": text,
        "sources": [{"type": "tool", "id": "f:0", "tool_output": {"a": "b"}}],
        "type": "TEXT_CONTENT",
    },
    filled,
    st.integers(0, 9),
)


@st.composite
def said_extras(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """What else a message of the model's holds: a plan, citations, unknown fields."""
    fields = dict(draw(st.just({}) | unknown))
    if draw(st.booleans()):
        fields["tool_plan"] = draw(filled)
    if draw(st.booleans()):
        fields["citations"] = draw(st.lists(citations, min_size=1, max_size=2))
    return {DIALECT: fields} if fields else {}


@st.composite
def answers(draw: st.DrawFn) -> tuple[Any, ...]:
    """The parts of an answer in canonical order, one thought and one text at most."""
    return (
        *draw(st.lists(thoughts, max_size=1)),
        *draw(st.lists(filled.map(Text), max_size=1)),
        *draw(st.lists(opaques, max_size=1)),
        *draw(st.lists(calls, max_size=3, unique_by=lambda call: call.id)),
    )


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    first = draw(st.lists(spoken, max_size=2).map(tuple))
    turns = [Message("system", first, extra=draw(extras))] if first else []
    asking = st.lists(spoken | images | opaques, min_size=1, max_size=3).map(tuple)
    turns.append(Message("user", draw(asking), extra=draw(extras)))
    for _ in range(draw(st.integers(0, 2))):
        said = draw(answers())
        if said:
            turns.append(Message("assistant", said, extra=draw(said_extras())))
        for _ in range(draw(st.integers(0, 2))):
            told = draw(st.lists(spoken | documents | opaques, max_size=2).map(tuple))
            turns.append(Message("tool", (ToolResult(draw(texts), told),), extra=draw(extras)))
        turns.append(Message("user", draw(asking)))
    return tuple(turns)


schemas = st.sampled_from(
    (
        {"type": "object", "properties": {"é": {"type": "string"}}, "required": ["é"]},
        {
            "type": "object",
            "properties": {
                "a": {"type": "array", "items": {"$ref": "#/$defs/B"}},
                "b": {"anyOf": [{"type": "null"}, {"type": "string", "format": "date"}]},
                "c": {"type": "string", "pattern": "[a-z]+"},
            },
            "required": ["a", "b"],
            "$defs": {"B": {"enum": ["x", 1, None]}},
            "additionalProperties": False,
            "title": "T",
        },
    )
)


@st.composite
def tools(draw: st.DrawFn, strict: bool | None) -> Tool | Opaque:
    if strict is None and draw(st.booleans()) and draw(st.booleans()):
        return Opaque(DIALECT, {"type": "search", "search": {}})
    fields = dict(draw(st.just({}) | unknown))
    if draw(st.booleans()):
        fields["function"] = draw(unknown)
    return Tool(
        name=draw(names),
        description=draw(st.none() | texts),
        parameters=draw(schemas),
        strict=strict,
        extra={DIALECT: fields} if fields else {},
    )


formats = st.builds(Format, type=st.just("json_schema"), schema=schemas, extra=extras) | st.builds(
    Format, type=st.sampled_from(("text", "json_object")), extra=extras
)
thinkings = st.sampled_from(({}, {"thinking": {"type": "enabled", "token_budget": 2048}}))
JSON_PLEASE = Message("user", (Text("Answer in JSON."),))


@st.composite
def requests(draw: st.DrawFn) -> Request:
    effort = draw(st.sampled_from((None, "none")))
    strict = draw(st.none() | st.booleans())
    taken = tuple(draw(tools(strict)) for _ in range(draw(st.integers(0, 2))))
    wanted = None if taken else draw(st.none() | formats)
    more = dict(draw(st.just({}) | unknown)) | ({} if effort else draw(thinkings))
    if wanted is None and draw(st.booleans()):
        more["documents"] = [{"id": "1", "data": {"text": "é"}}, "plain"]
    messages = draw(conversations())
    choice = draw(st.sampled_from((None, ToolChoice("none"), ToolChoice("required"))))
    return Request(
        model=draw(texts),
        messages=messages if wanted is None else (*messages, JSON_PLEASE),
        tools=taken,
        tool_choice=choice,
        format=wanted,
        temperature=draw(st.none() | shares),
        top_p=draw(st.none() | st.floats(0.01, 0.99)),
        max_tokens=draw(st.none() | counts),
        stop=draw(st.lists(filled, max_size=5).map(tuple)),
        seed=draw(st.none() | counts),
        presence_penalty=draw(st.none() | shares),
        frequency_penalty=draw(st.none() | shares),
        logprobs=draw(st.none() | st.booleans()),
        reasoning_effort=effort,
        stream=draw(st.booleans()),
        extra={DIALECT: more} if more else {},
    )


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    prompt, completion = draw(counts), draw(counts)
    fields = dict(draw(st.just({}) | unknown))
    if draw(st.booleans()):
        fields["billed_units"] = {"classifications": 1.0}
    if draw(st.booleans()):
        fields["tokens"] = {"input_tokens": prompt + 1, "output_tokens": completion}
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_tokens=draw(st.integers(0, prompt)),
        search_units=draw(st.integers(0, 3)),
        extra={DIALECT: fields} if fields else {},
    )


@st.composite
def steps(draw: st.DrawFn) -> dict[str, Any]:
    text, each = draw(filled), draw(st.lists(st.floats(-9, 0), min_size=1, max_size=2))
    return {
        "token": text,
        "logprob": sum(each),
        "bytes": list(text.encode()),
        "top_logprobs": [],
        DIALECT: {"token_ids": list(range(len(each))), "logprobs": each},
    }


ends = st.sampled_from(
    (
        ("stop", {}),
        ("stop", {"finish_reason": "STOP_SEQUENCE"}),
        ("length", {}),
        ("tool_calls", {}),
        ("content_filter", {}),
        ("SOMETHING_NEW", {"finish_reason": "SOMETHING_NEW"}),
    )
)


@st.composite
def responses(draw: st.DrawFn) -> Response:
    finish, rest = draw(ends)
    told = draw(st.lists(steps(), max_size=2))
    choice = Choice(
        message=Message("assistant", draw(answers()), extra=draw(said_extras())),
        finish_reason=finish,
        logprobs={"content": told} if told else None,
        extra={DIALECT: rest} if rest else {},
    )
    return Response(
        id=draw(texts), choices=(choice,), usage=draw(st.none() | usages()), extra=draw(extras)
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


@st.composite
def event_lists(draw: st.DrawFn) -> list[Event]:
    finish, rest = draw(ends)

    def unknown_of(name: str, values: list[Any]) -> list[Event]:
        return [UnknownDelta(DIALECT, {name: value}) for value in values]

    several = st.lists(filled, max_size=2)
    told: list[list[Event]] = [
        [TextDelta(text) for text in draw(st.lists(filled, max_size=3))],
        [ReasoningDelta(text) for text in draw(several)],
        [ReasoningDelta("", extra={DIALECT: fields}) for fields in draw(_few(unknown))],
        unknown_of("tool_plan", draw(several)),
        unknown_of("citations", [[one] for one in draw(st.lists(citations, max_size=2))]),
        unknown_of("content", [[part.raw] for part in draw(_few(opaques))]),
        [UnknownDelta(DIALECT, fields) for fields in draw(_few(unknown))],
        [LogprobsDelta({"content": [step]}) for step in draw(st.lists(steps(), max_size=2))],
        [UnknownDelta(DIALECT, rest, "choice")] if rest else [],
        [UnknownDelta(DIALECT, fields, "response") for fields in draw(_few(unknown))],
        draw(_calls_in_pieces()),
    ]
    start = Start(draw(texts), extra=draw(extras))
    return [start, *draw(interleaved(told)), Finish(finish), Metered(draw(usages()))]


def _few(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, max_size=1)
