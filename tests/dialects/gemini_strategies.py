"""Requests, responses and streams of the gemini dialect in canonical form.

Canonical is what reading yields: instructions first, all results of a turn in one message, no
empty text, arguments that are JSON objects without blanks, a signature on the first call of a
turn, and usage whose thoughts are part of what was answered.
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

DIALECT = "gemini"

filled = st.text(min_size=1, max_size=8)
counts = st.integers(0, 2**37)
numbers = st.floats(-4, 4)
extras = st.just({}) | unknown.map(lambda fields: {DIALECT: fields})
plain_extras = st.just({}) | st.sampled_from(({DIALECT: {"x_é": {"a": [1]}, "x_n": 1.5}},))
ids = st.from_regex(r"[a-zA-Z0-9_-]{1,12}", fullmatch=True)
models = st.sampled_from(("gemini-3.8-flash", "tunedModels/my-own", "a b?c#é"))
signatures = st.sampled_from(("c2ln", "AbC_-dEf", "Zm9v+/8="))
arguments = st.dictionaries(filled, json_values, max_size=2).map(
    lambda fields: msgspec.json.encode(fields).decode()
)
media = st.sampled_from(
    (
        Opaque(DIALECT, {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}),
        Opaque(DIALECT, {"fileData": {"mimeType": "video/mp4", "fileUri": "https://a.test/b"}}),
    )
)
opaques = media | st.just(Opaque(DIALECT, {"executableCode": {"language": "PYTHON", "code": "1"}}))
images = st.builds(
    Image,
    url=st.sampled_from(("https://example.test/a.png?x=1", "gs://b/c")),
    media_type=st.just("image/png"),
    extra=extras,
) | st.builds(
    Image,
    data=st.sampled_from(("iVBORw0KGgo=", "AA==", "+/+/")),
    media_type=st.sampled_from(("image/png", "image/webp")),
    extra=st.sampled_from(({}, {DIALECT: {"inlineData": {"displayName": "d"}, "x_m": 1}})),
)
thoughts = st.builds(Reasoning, filled) | st.builds(
    Reasoning, filled, signatures, st.just({DIALECT: {"thought": True}})
)
spoken = st.builds(Text, filled, extras)
asking = st.lists(spoken | images | opaques, min_size=1, max_size=3).map(tuple)


@st.composite
def calls(draw: st.DrawFn) -> tuple[ToolCall, ...]:
    """The calls of one turn: the first is signed, the others may be."""
    made: list[ToolCall] = []
    for id_ in draw(st.lists(ids, max_size=3, unique=True)):
        fields = dict(draw(st.just({}) | unknown))
        if not made or draw(st.booleans()):
            fields["thoughtSignature"] = draw(signatures)
        extra = {DIALECT: fields} if fields else {}
        made.append(ToolCall(id_, draw(filled), draw(arguments), extra))
    return tuple(made)


@st.composite
def marks(draw: st.DrawFn) -> dict[str, Any]:
    """What came with the texts of a turn, and what its content has of its own."""
    fields = dict(draw(st.just({}) | unknown))
    if draw(st.booleans()):
        fields["parts"] = [{"text": "", "thoughtSignature": draw(signatures)}]
    return {DIALECT: fields} if fields else {}


@st.composite
def answers(draw: st.DrawFn) -> tuple[Any, ...]:
    """The parts of an answer in canonical order, one thought and one text at most."""
    return (
        *draw(st.lists(thoughts, max_size=1)),
        *draw(st.lists(filled.map(Text), max_size=1)),
        *draw(st.lists(opaques, max_size=1)),
        *draw(calls()),
    )


@st.composite
def results(draw: st.DrawFn, answered: tuple[ToolCall, ...]) -> Message:
    parts: list[ToolResult] = []
    for call in answered:
        texts = draw(st.lists(filled.map(Text), max_size=2))
        shown = draw(st.lists(images | media, max_size=1))
        extra = draw(extras)
        whole = {DIALECT: {**extra.get(DIALECT, {}), "structured": True}}
        if draw(st.booleans()):
            texts, extra = [Text('{"a":[1,{"b":"é"}]}')], whole
        error = draw(st.booleans()) and "structured" not in extra.get(DIALECT, {})
        parts.append(ToolResult(call.id, (*texts, *shown), error, extra))
    return Message("tool", tuple(parts), extra=draw(extras))


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    first = draw(st.lists(spoken, max_size=2).map(tuple))
    turns = [Message("system", first, extra=draw(extras))] if first else []
    turns.append(Message("user", draw(asking), extra=draw(extras)))
    for _ in range(draw(st.integers(0, 2))):
        said = Message("assistant", draw(answers()), extra=draw(marks()))
        turns.append(said)
        if said.tool_calls:
            turns.append(draw(results(said.tool_calls)))
        turns.append(Message("user", draw(asking)))
    return tuple(turns)


schemas = st.sampled_from(
    (
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"é": {"type": ["string", "null"]}}, "required": ["é"]},
        {"type": "array", "items": {"$ref": "#/$defs/B"}, "$defs": {"B": {"enum": ["x", 1]}}},
    )
)
tools = st.builds(
    Tool,
    name=filled,
    description=st.none() | filled,
    parameters=st.none() | schemas,
    extra=extras,
) | st.just(Opaque(DIALECT, {"googleSearch": {}}))
choices = st.sampled_from(
    (ToolChoice("auto"), ToolChoice("none"), ToolChoice("required"))
) | filled.map(lambda name: ToolChoice("tool", name))
formats = st.sampled_from((Format(type="text"), Format(type="json_object"))) | st.builds(
    Format, type=st.just("json_schema"), schema=schemas
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    fields = dict(draw(st.just({}) | unknown))
    if draw(st.booleans()):
        fields["generationConfig"] = {"topK": 40, "thinkingConfig": {"includeThoughts": True}}
    if draw(st.booleans()):
        fields["toolConfig"] = {"includeServerSideToolInvocations": True}
    return Request(
        model=draw(models),
        messages=draw(conversations()),
        tools=tuple(draw(st.lists(tools, max_size=3))),
        tool_choice=draw(st.none() | choices),
        format=draw(st.none() | formats),
        temperature=draw(st.none() | numbers),
        top_p=draw(st.none() | numbers),
        max_tokens=draw(st.none() | counts),
        stop=tuple(draw(st.lists(filled, max_size=2))),
        seed=draw(st.none() | counts),
        n=draw(st.none() | st.integers(1, 8)),
        presence_penalty=draw(st.none() | numbers),
        frequency_penalty=draw(st.none() | numbers),
        logprobs=draw(st.none() | st.booleans()),
        top_logprobs=draw(st.none() | st.integers(0, 20)),
        reasoning_effort=draw(st.sampled_from((None, "minimal", "low", "medium", "high"))),
        stream=draw(st.booleans()),
        extra={DIALECT: fields} if fields else {},
    )


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    asked, answered, tools_ = draw(counts), draw(counts), draw(st.sampled_from((0, 5)))
    fields = dict(draw(st.just({}) | unknown))
    if tools_:
        fields["toolUsePromptTokenCount"] = tools_
    return Usage(
        prompt_tokens=asked + tools_,
        completion_tokens=answered,
        total_tokens=asked + tools_ + answered,
        cached_tokens=draw(st.integers(0, asked)),
        reasoning_tokens=draw(st.integers(0, answered)),
        extra={DIALECT: fields} if fields else {},
    )


def _token(text: str, number: int | None) -> dict[str, Any]:
    told: dict[str, Any] = {"token": text, "logprob": -0.5, "bytes": list(text.encode())}
    return told if number is None else told | {"token_id": number}


tokens = st.builds(_token, filled, st.none() | counts)
steps = st.builds(
    lambda token, top: token | {"top_logprobs": top}, tokens, st.lists(tokens, max_size=2)
)
logprobs = st.lists(steps, min_size=1, max_size=2).map(lambda content: {"content": content})


@st.composite
def finishes(draw: st.DrawFn, called: bool) -> tuple[str, dict[str, Any]]:
    """How a candidate ends, and the word of the provider's own for it."""
    usual = ("tool_calls" if called else "stop", {})
    return draw(
        st.sampled_from(
            (
                usual,
                ("length", {}),
                ("length", {"finishReason": "CONTINUATION"}),
                ("content_filter", {}),
                ("content_filter", {"finishReason": "RECITATION"}),
                ("OTHER", {}),
                ("TOO_MANY_TOOL_CALLS", {}),
            )
        )
    )


@st.composite
def responses(draw: st.DrawFn) -> Response:
    told: list[Choice] = []
    for index in range(draw(st.integers(1, 3))):
        message = Message("assistant", draw(answers()), extra=draw(marks()))
        finish, fields = draw(finishes(bool(message.tool_calls)))
        fields = fields | draw(plain_extras).get(DIALECT, {})
        told.append(
            Choice(
                index=index,
                message=message,
                finish_reason=finish,
                logprobs=draw(st.none() | logprobs),
                extra={DIALECT: fields} if fields else {},
            )
        )
    return Response(
        id=draw(ids),
        model=draw(models),
        created=draw(st.sampled_from((0, 1_790_000_000))),
        choices=tuple(told),
        usage=draw(st.none() | usages()),
        extra=draw(extras),
    )


@st.composite
def _choice_events(draw: st.DrawFn, choice: int) -> list[Event]:
    asked = draw(calls())
    told: list[list[Event]] = [
        [TextDelta(text, choice) for text in draw(st.lists(filled, max_size=3))],
        [
            ReasoningDelta(part.text, choice, part.signature, part.extra)
            for part in draw(st.lists(thoughts, max_size=3))
        ],
        [LogprobsDelta(pieces, choice) for pieces in draw(st.lists(logprobs, max_size=2))],
        [
            UnknownDelta(DIALECT, fields, "delta", choice)
            for fields in draw(st.lists(unknown, max_size=2))
        ],
        [
            UnknownDelta(DIALECT, {"content": [part.raw]}, "delta", choice)
            for part in draw(st.lists(opaques, max_size=2))
        ],
    ]
    for place, call in enumerate(asked):
        cut = draw(st.integers(0, len(call.arguments)))
        first, rest = call.arguments[:cut], call.arguments[cut:]
        told.append(
            [
                ToolCallDelta(place, call.id, call.name, first, choice, call.extra),
                ToolCallDelta(place, None, None, rest, choice),
            ]
        )
    finish, fields = draw(finishes(bool(asked)))
    end: list[Event] = [Finish(finish, choice)]
    if fields:
        end.insert(0, UnknownDelta(DIALECT, fields, "choice", choice))
    return [*draw(interleaved(told)), *end]


@st.composite
def event_lists(draw: st.DrawFn) -> list[Event]:
    told = [draw(_choice_events(choice)) for choice in range(draw(st.integers(1, 3)))]
    told.append(
        [
            UnknownDelta(DIALECT, fields, "response")
            for fields in draw(st.lists(unknown, max_size=2))
        ]
    )
    told.append([Metered(usage) for usage in draw(st.lists(usages(), max_size=2))])
    start = Start(draw(ids), draw(models), 0, draw(extras))
    return [start, *draw(interleaved(told))]
