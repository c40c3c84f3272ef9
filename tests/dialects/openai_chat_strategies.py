"""Requests, responses and streams in canonical form, for the laws of the codec.

Canonical is what reading yields: parts in their order, no empty text, no null among unknown
fields, one ``Text`` and one ``Refusal`` an answer, a total that is the sum of its parts.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

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
    Refusal,
    RefusalDelta,
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

DIALECT = "openai_chat"

#: A busy machine is no failure.
LAW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=80)

texts = st.text(max_size=8)
filled = st.text(min_size=1, max_size=8)
counts = st.integers(0, 2**38)
floats = st.floats(allow_nan=False, allow_infinity=False)
# What unknown fields hold is carried and never looked into: a pool of shapes says it all.
json_values: st.SearchStrategy[Any] = (
    st.sampled_from(
        (None, True, 0, -1.5, 1e-300, 2**63, "", [], {}, [1, [None]], {"a": {"b": [{}]}}, ["x"])
    )
    | texts
)
objects = st.sampled_from(
    ({}, {"type": "object", "properties": {"é": {}}}, {"a": None, "b": [1, {"c": "d"}]})
)
full_objects = st.dictionaries(texts, json_values, min_size=1, max_size=2)
unknown_names = texts.map(lambda name: f"x_{name}")
unknown = st.dictionaries(
    unknown_names, json_values.filter(lambda value: value is not None), min_size=1, max_size=2
)
extras = st.just({}) | unknown.map(lambda fields: {DIALECT: fields})


def _opaque(kind: str) -> st.SearchStrategy[Opaque]:
    return objects.map(lambda fields: Opaque(DIALECT, {"type": kind, kind: fields}))


opaques = _opaque("input_audio") | _opaque("file") | _opaque("video_url")
details = st.none() | st.sampled_from(("auto", "low", "high"))


@st.composite
def nested_extras(draw: st.DrawFn, inner: str) -> dict[str, dict[str, Any]]:
    """Unknown fields of an object and of the object ``inner`` in it."""
    fields = dict(draw(st.just({}) | unknown))
    if draw(st.booleans()):
        fields[inner] = draw(unknown)
    return {DIALECT: fields} if fields else {}


images = st.builds(
    Image,
    url=st.sampled_from(("https://example.test/a.png?x=1", "gs://b/c", "data:image/png,raw")),
    detail=details,
    extra=nested_extras("image_url"),
) | st.builds(
    Image,
    data=st.sampled_from(("iVBORw0KGgo=", "", "AA==")),
    media_type=st.sampled_from(("image/png", "image/svg+xml", "image/x.y-z")),
    detail=details,
    extra=nested_extras("image_url"),
)


def content(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Nothing, a plain text, or a list of parts that a string could not say."""
    plain = filled.map(lambda text: (Text(text),))
    texts_with_extra = st.builds(Text, texts, extras)
    lists = st.lists(texts_with_extra | parts, min_size=1, max_size=3).map(tuple)
    return st.just(()) | plain | lists.filter(lambda parts: parts != (Text(""),))


@st.composite
def calls(draw: st.DrawFn) -> ToolCall:
    id_, name = draw(filled), draw(filled)
    kind = draw(st.sampled_from(("function", "function", "custom", "builtin_function")))
    fields = dict(draw(nested_extras("custom" if kind == "custom" else "function")))
    if kind != "function":
        fields = {DIALECT: {"type": kind, **fields.get(DIALECT, {})}}
    return ToolCall(id_, name, draw(texts), fields)


@st.composite
def assistant_parts(draw: st.DrawFn) -> tuple[Any, ...]:
    reasoning = draw(st.just(()) | filled.map(lambda text: (Reasoning(text),)))
    refusal = draw(st.just(()) | filled.map(lambda text: (Refusal(text),)))
    asked = draw(st.lists(calls(), max_size=2))
    return (*reasoning, *draw(content(images | opaques)), *refusal, *asked)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    role = draw(st.sampled_from(("system", "developer", "user", "assistant", "tool")))
    if role == "assistant":
        parts = draw(assistant_parts())
    elif role == "tool":
        parts = (ToolResult(draw(filled), draw(content(images | opaques))),)
    else:
        parts = draw(content(images | opaques))
    return Message(role, parts, draw(st.none() | texts), draw(extras))


tools = st.builds(
    Tool,
    name=filled,
    description=st.none() | texts,
    parameters=st.none() | objects,
    strict=st.none() | st.booleans(),
    extra=nested_extras("function"),
) | _opaque("custom")
choices_of_tool = st.sampled_from(
    (ToolChoice("auto"), ToolChoice("none"), ToolChoice("required"))
) | filled.map(lambda name: ToolChoice("tool", name))
formats = st.builds(
    Format, type=st.sampled_from(("text", "json_object")), extra=extras
) | st.builds(
    Format,
    type=st.just("json_schema"),
    name=filled,
    schema=st.none() | objects,
    strict=st.none() | st.booleans(),
    description=st.none() | texts,
    extra=nested_extras("json_schema"),
)

REQUEST_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "model": texts,
    "messages": st.lists(messages(), max_size=4).map(tuple),
    "tools": st.lists(tools, max_size=2).map(tuple),
    "tool_choice": st.none() | choices_of_tool,
    "parallel_tool_calls": st.none() | st.booleans(),
    "format": st.none() | formats,
    "temperature": st.none() | floats,
    "top_p": st.none() | floats,
    "max_tokens": st.none() | counts,
    "stop": st.lists(texts, max_size=3).map(tuple),
    "seed": st.none() | st.integers(-(2**63), 2**63 - 1),
    "n": st.none() | counts,
    "presence_penalty": st.none() | floats,
    "frequency_penalty": st.none() | floats,
    "logprobs": st.none() | st.booleans(),
    "top_logprobs": st.none() | counts,
    "reasoning_effort": st.none() | texts,
    "user": st.none() | texts,
    "stream": st.booleans(),
    "extra": extras,
}
requests = st.builds(Request, **REQUEST_FIELDS)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    prompt, completion = draw(counts), draw(counts)
    fields = dict(draw(st.just({}) | unknown))
    for name in ("prompt_tokens_details", "completion_tokens_details"):
        if draw(st.booleans()):
            fields[name] = draw(unknown)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_tokens=draw(st.integers(0, prompt)),
        cache_write_tokens=draw(st.integers(0, prompt)),
        reasoning_tokens=draw(st.integers(0, completion)),
        extra={DIALECT: fields} if fields else {},
    )


finishes = st.sampled_from(("stop", "length", "tool_calls", "content_filter", "eos_token"))


@st.composite
def answers(draw: st.DrawFn) -> tuple[Any, ...]:
    """The parts of an answer: text before what only this dialect knows, calls by unique ids."""
    asked = draw(st.lists(calls(), max_size=3, unique_by=lambda call: call.id))
    return (
        *draw(st.just(()) | filled.map(lambda text: (Reasoning(text),))),
        *draw(st.just(()) | filled.map(lambda text: (Text(text),))),
        *draw(st.lists(opaques, max_size=1)),
        *draw(st.just(()) | filled.map(lambda text: (Refusal(text),))),
        *asked,
    )


@st.composite
def responses(draw: st.DrawFn) -> Response:
    choices = [
        Choice(
            index=index,
            message=Message("assistant", draw(answers()), extra=draw(extras)),
            finish_reason=draw(finishes),
            logprobs=draw(st.none() | full_objects),
            extra=draw(extras),
        )
        for index in range(draw(st.integers(1, 3)))
    ]
    return Response(
        id=draw(texts),
        model=draw(texts),
        created=draw(st.integers(0, 2**53 - 1)),
        choices=tuple(choices),
        usage=draw(st.none() | usages()),
        extra=draw(extras),
    )


def _pieces(call: ToolCall, index: int, choice: int, cut: int) -> list[Event]:
    """A tool call as a stream tells it: its id and name first, then its arguments."""
    kind = call.extra.get(DIALECT, {}).get("type")
    later = {DIALECT: {"type": "custom"}} if kind == "custom" else {}
    first, rest = call.arguments[:cut], call.arguments[cut:]
    return [
        ToolCallDelta(index, call.id, call.name, first, choice, call.extra),
        ToolCallDelta(index, None, None, rest, choice, later),
    ]


@st.composite
def _choice_events(draw: st.DrawFn, choice: int) -> list[Event]:
    told: list[list[Event]] = [
        [TextDelta(text, choice) for text in draw(st.lists(filled, max_size=3))],
        [ReasoningDelta(text, choice) for text in draw(st.lists(filled, max_size=2))],
        [RefusalDelta(text, choice) for text in draw(st.lists(filled, max_size=2))],
        [LogprobsDelta(pieces, choice) for pieces in draw(st.lists(full_objects, max_size=2))],
        [
            UnknownDelta(DIALECT, fields, scope, choice)
            for scope in ("delta", "choice")
            for fields in draw(st.lists(unknown, max_size=2))
        ],
        [
            UnknownDelta(DIALECT, {"content": [part.raw]}, "delta", choice)
            for part in draw(st.lists(opaques, max_size=1))
        ],
    ]
    for index, call in enumerate(draw(st.lists(calls(), max_size=3, unique_by=lambda c: c.id))):
        told.append(_pieces(call, index, choice, draw(st.integers(0, 3))))
    return [*draw(interleaved(told)), Finish(draw(finishes), choice)]


@st.composite
def interleaved(draw: st.DrawFn, lists: list[list[Event]]) -> list[Event]:
    """All events of ``lists``, each list in its own order."""
    turns = [number for number, events in enumerate(lists) for _ in events]
    ahead = [iter(events) for events in lists]
    return [next(ahead[turn]) for turn in draw(st.permutations(turns))]


@st.composite
def event_lists(draw: st.DrawFn) -> list[Event]:
    told = [draw(_choice_events(choice)) for choice in range(draw(st.integers(1, 3)))]
    told.append(
        [
            UnknownDelta(DIALECT, fields, "response")
            for fields in draw(st.lists(unknown, max_size=2))
        ]
    )
    start = Start(draw(texts), draw(texts), draw(st.integers(0, 2**53 - 1)), draw(extras))
    usage = [Metered(found) for found in draw(st.lists(usages(), max_size=1))]
    return [start, *draw(interleaved(told)), *usage]
