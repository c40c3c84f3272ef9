"""Requests, responses and streams of openai_responses, for the laws of its codec.

Answers are generated as the provider writes them, items and all: what reading yields is the
canonical form, of which the parts are only a part.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from hypothesis import strategies as st
from openai_chat_strategies import (
    choices_of_tool,
    counts,
    filled,
    floats,
    objects,
    texts,
    unknown,
)

from seawall.dialects.openai_responses.messages import read_messages
from seawall.types import (
    Format,
    Image,
    Message,
    Opaque,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)

DIALECT = "openai_responses"

extras = st.just({}) | unknown.map(lambda fields: {DIALECT: fields})
_details = st.sampled_from(("auto", "low", "high"))
_images = st.builds(
    Image, url=st.sampled_from(("https://example.test/a.png?x=1",)), detail=_details, extra=extras
) | st.builds(
    Image,
    data=st.sampled_from(("iVBORw0KGgo=", "AA==")),
    media_type=st.sampled_from(("image/png", "image/svg+xml")),
    detail=_details,
    extra=extras,
)
_files = st.sampled_from(
    (
        Opaque(DIALECT, {"type": "input_file", "file_id": "file-1"}),
        Opaque(DIALECT, {"type": "input_image", "file_id": "file-2", "detail": "low"}),
    )
)


def _content() -> st.SearchStrategy[tuple[Any, ...]]:
    plain = filled.map(lambda text: (Text(text),))
    tagged = st.builds(Text, filled, extras)
    parts = st.lists(tagged | _images | _files, min_size=1, max_size=3).map(tuple)
    return st.just(()) | plain | parts


_said = st.builds(
    Message,
    role=st.sampled_from(("system", "developer", "user")),
    content=_content(),
    extra=extras,
)
_results = st.builds(
    Message,
    role=st.just("tool"),
    content=st.builds(ToolResult, filled, _content(), extra=extras).map(lambda part: (part,)),
)
_others = st.sampled_from(
    (
        Message("user", (Opaque(DIALECT, {"type": "item_reference", "id": "msg_1"}),)),
        Message(
            "user",
            (Opaque(DIALECT, {"type": "computer_call_output", "call_id": "c", "output": {}}),),
        ),
    )
)

# Items of an answer, as the provider writes them

_status = {"status": "completed"}
_tokens = st.builds(
    lambda token: {"token": token, "logprob": -0.5, "bytes": [1], "top_logprobs": []}, filled
)


def _text_part(text: str, logprobs: list[Any], cited: bool) -> dict[str, Any]:
    cite = {"type": "file_path", "file_id": "f", "index": 0}
    part = {"type": "output_text", "text": text, "annotations": [cite] if cited else []}
    return part | {"logprobs": logprobs}


_parts = st.builds(_text_part, texts, st.lists(_tokens, max_size=2), st.booleans()) | texts.map(
    lambda text: {"type": "refusal", "refusal": text}
)
_message_items = st.builds(
    lambda parts, rest: {"type": "message", "role": "assistant", "content": parts} | _status | rest,
    st.lists(_parts, max_size=3),
    st.just({}) | st.just({"phase": "commentary"}),
)
_call_items = st.builds(
    lambda name, arguments: (
        {"type": "function_call", "name": name, "arguments": arguments} | _status
    ),
    filled,
    texts,
) | st.builds(
    lambda name, text: {"type": "custom_tool_call", "name": name, "input": text}, filled, texts
)


def _thought(summary: list[str], content: list[str], sealed: str) -> dict[str, Any]:
    item: dict[str, Any] = {"type": "reasoning", "encrypted_content": sealed}
    item["summary"] = [{"type": "summary_text", "text": text} for text in summary]
    item["content"] = [{"type": "reasoning_text", "text": text} for text in content]
    return {name: value for name, value in item.items() if value or name == "summary"}


_thoughts = st.builds(_thought, st.lists(filled, max_size=2), st.lists(filled, max_size=2), texts)
_hosted_items = st.sampled_from(
    (
        {"type": "web_search_call", "action": {"type": "search", "query": "q"}} | _status,
        {"type": "image_generation_call", "result": "AA=="} | _status,
        {"type": "mcp_list_tools", "server_label": "s", "tools": []},
        {"type": "some_future_call", "new": [1, {"a": None}]},
    )
)


@st.composite
def items(draw: st.DrawFn, least: int = 0) -> list[dict[str, Any]]:
    kinds = st.one_of(_message_items, _call_items, _thoughts, _hosted_items)
    found = draw(st.lists(kinds, min_size=least, max_size=4))
    for at, item in enumerate(found):
        found[at] = item | {"id": f"{item['type']}_{at}"}
        if "name" in item:
            found[at]["call_id"] = f"call_{at}"
    return found


# Requests

_calls = st.builds(ToolCall, filled, filled, texts, extras) | st.builds(
    ToolCall, filled, filled, texts, st.just({DIALECT: {"type": "custom_tool_call"}})
)
_plain_answers = st.builds(
    lambda text, calls: Message("assistant", (*map(Text, text), *calls)),
    st.lists(filled, max_size=1),
    st.lists(_calls, max_size=2),
)
_answers = _plain_answers | items(1).map(lambda found: read_messages(found)[0])


@st.composite
def _conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    marked = Message("system", (Text(draw(filled)),), extra={DIALECT: {"instructions": True}})
    said = [marked] if draw(st.booleans()) else []
    if draw(st.booleans()):
        said.append(Message("user", (Opaque(DIALECT, {"previous_response_id": "resp_0"}),)))
    for message in draw(st.lists(st.one_of(_said, _answers, _results, _others), max_size=5)):
        # Neighbours of the assistant's are one answer to this dialect.
        if not (said and said[-1].role == message.role == "assistant"):
            said.append(message)
    # What answers a call of free text is another kind of item.
    free = {
        call.id
        for message in said
        for call in message.tool_calls
        if call.extra.get(DIALECT, {}).get("type")
    }
    return tuple(
        m for m in said if not any(type(p) is ToolResult and p.call_id in free for p in m.content)
    )


_schemas = st.builds(
    Format,
    type=st.just("json_schema"),
    name=filled,
    schema=objects,
    strict=st.none() | st.booleans(),
    description=st.none() | texts,
    extra=extras,
)
_tools = st.builds(
    Tool,
    name=filled,
    description=st.none() | texts,
    parameters=st.none() | objects,
    strict=st.booleans(),
    extra=extras,
) | st.sampled_from(
    (
        Tool(name="f", extra={DIALECT: {"strict": None}}),
        Opaque(DIALECT, {"type": "web_search"}),
        Opaque(DIALECT, {"type": "custom", "name": "sql"}),
    )
)
_unknown = st.sampled_from(
    (
        {},
        {"store": True, "metadata": {"a": "b"}},
        {"text": {"verbosity": "low"}, "reasoning": {"summary": "auto"}},
        {"include": ["reasoning.encrypted_content"], "truncation": "auto", "new": [{}]},
        {"stream_options": {"include_obfuscation": False}, "service_tier": "flex"},
    )
).map(lambda fields: {DIALECT: fields} if fields else {})

REQUEST_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "model": texts,
    "messages": _conversations(),
    "tools": st.lists(_tools, max_size=2).map(tuple),
    "tool_choice": st.none() | choices_of_tool,
    "parallel_tool_calls": st.none() | st.booleans(),
    "format": st.none()
    | _schemas
    | st.builds(Format, type=st.sampled_from(("text", "json_object")), extra=extras),
    "temperature": st.none() | floats,
    "top_p": st.none() | floats,
    "max_tokens": st.none() | counts,
    "logprobs": st.sampled_from((None, True)),
    "top_logprobs": st.none() | counts,
    "reasoning_effort": st.none() | filled,
    "user": st.none() | texts,
    "stream": st.booleans(),
    "extra": _unknown,
}
requests = st.builds(Request, **REQUEST_FIELDS)

# Responses and their streams

_ends = st.sampled_from(
    (
        ("completed", None),
        ("incomplete", {"reason": "max_output_tokens"}),
        ("incomplete", {"reason": "content_filter"}),
        ("incomplete", {"reason": "steered"}),
    )
)


@st.composite
def usages(draw: st.DrawFn) -> dict[str, Any]:
    asked, answered = draw(counts), draw(counts)
    return {
        "input_tokens": asked,
        "input_tokens_details": {
            "cached_tokens": draw(st.integers(0, asked)),
            "cache_write_tokens": draw(st.integers(0, asked)),
        },
        "output_tokens": answered,
        "output_tokens_details": {"reasoning_tokens": draw(st.integers(0, answered))},
        "total_tokens": asked + answered,
    }


@st.composite
def raw_responses(draw: st.DrawFn) -> dict[str, Any]:
    """Response objects; those of the documented fields that every one has are there."""
    status, details = draw(_ends)
    return {
        "id": draw(filled),
        "object": "response",
        "created_at": draw(st.integers(0, 2**53 - 1)),
        "status": status,
        "error": None,
        "incomplete_details": details,
        "metadata": draw(st.sampled_from(({}, {"a": "b"}))),
        "model": draw(texts),
        "output": draw(items()),
        "parallel_tool_calls": draw(st.booleans()),
        "tool_choice": "auto",
        "tools": [],
        "usage": draw(st.none() | usages()),
    } | draw(unknown)


def stream_of(response: dict[str, Any], size: int) -> list[dict[str, Any]]:
    """The events of ``response`` in the reference's order, texts in pieces of ``size``."""
    early = response | {"status": "in_progress", "output": [], "usage": None}
    early["incomplete_details"] = None
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": early},
        {"type": "response.in_progress", "response": early},
    ]
    for at, item in enumerate(response["output"]):
        begun = {**item, "status": "in_progress"}
        for name, empty in (("arguments", ""), ("input", ""), ("content", []), ("summary", [])):
            if name in item:
                begun[name] = empty
        events.append({"type": "response.output_item.added", "output_index": at, "item": begun})
        place = {"output_index": at, "item_id": item["id"]}
        events += [place | event for event in _item_events(item, size)]
        events.append({"type": "response.output_item.done", "output_index": at, "item": item})
    events.append({"type": f"response.{response['status']}", "response": response})
    return [event | {"sequence_number": number} for number, event in enumerate(events)]


def _item_events(item: dict[str, Any], size: int) -> Iterable[dict[str, Any]]:
    kind = item["type"]
    if kind == "message":
        for at, part in enumerate(item["content"]):
            yield from _part_events(part, at, size)
    elif kind == "reasoning":
        for name, stem in (("summary", "reasoning_summary"), ("content", "reasoning")):
            for at, part in enumerate(item.get(name, ())):
                place = {f"{name}_index": at}
                for piece in _pieces(part["text"], size):
                    yield {"type": f"response.{stem}_text.delta", **place, "delta": piece}
                yield {"type": f"response.{stem}_text.done", **place, "text": part["text"]}
    elif kind == "function_call":
        for piece in _pieces(item["arguments"], size):
            yield {"type": "response.function_call_arguments.delta", "delta": piece}
        yield {"type": "response.function_call_arguments.done", "arguments": item["arguments"]}
    elif kind == "custom_tool_call":
        for piece in _pieces(item["input"], size):
            yield {"type": "response.custom_tool_call_input.delta", "delta": piece}
    elif kind == "web_search_call":
        yield {"type": "response.web_search_call.searching"}


def _part_events(part: dict[str, Any], at: int, size: int) -> Iterable[dict[str, Any]]:
    place = {"content_index": at}
    kind = part["type"]
    text = part["refusal" if kind == "refusal" else "text"]
    yield {"type": "response.content_part.added", **place, "part": part}
    for piece in _pieces(text, size):
        event = {"type": f"response.{kind}.delta", **place, "delta": piece}
        yield event | ({"logprobs": [], "obfuscation": "xx"} if kind == "output_text" else {})
    if part.get("logprobs"):
        told = {"delta": "", "logprobs": part["logprobs"]}
        yield {"type": f"response.{kind}.delta", **place, **told}
    yield {"type": "response.content_part.done", **place, "part": part}


def _pieces(text: str, size: int) -> Iterable[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def sse(events: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (event["type"].encode(), msgspec.json.encode(event))
        for event in events
    )
