"""Documented, not captured: answers, streams and errors after Cohere's guides to streaming, tool
use and reasoning, the page "Errors" of its reference and the types of the cohere package 7.3."""

from __future__ import annotations

from typing import Any

import msgspec

USAGE: dict[str, Any] = {
    "billed_units": {"input_tokens": 5, "output_tokens": 418},
    "tokens": {"input_tokens": 71, "output_tokens": 418},
}
TEXT: dict[str, Any] = {
    "id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "LLMs are large."}]},
    "usage": USAGE,
}
THOUGHT: dict[str, Any] = TEXT | {
    "message": {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Three brothers, two sisters and Alice."},
            {"type": "text", "text": "Three."},
        ],
    }
}
PLAN = "I will search the docs for how tool use works."
CALL: dict[str, Any] = {
    "id": "search_docs_1byjy32y4hvq",
    "type": "function",
    "function": {"name": "search_docs", "arguments": '{"query":"tool use"}'},
}
TOOLS: dict[str, Any] = TEXT | {
    "finish_reason": "TOOL_CALL",
    "message": {"role": "assistant", "tool_plan": PLAN, "tool_calls": [CALL]},
}
CITATION: dict[str, Any] = {
    "start": 14,
    "end": 29,
    "text": "gym memberships",
    "sources": [{"type": "document", "id": "doc:1", "document": {"id": "doc:1", "text": "..."}}],
    "type": "TEXT_CONTENT",
}


def stream(*events: dict[str, Any]) -> bytes:
    lines = (
        f"event: {event['type']}\ndata: ".encode() + msgspec.json.encode(event) for event in events
    )
    return b"".join(line + b"\n\n" for line in lines)


def _delta(kind: str, index: int | None = None, **message: Any) -> dict[str, Any]:
    place = {} if index is None else {"index": index}
    return {"type": kind, **place, "delta": {"message": message}}


def end(reason: str, **more: Any) -> dict[str, Any]:
    return {"type": "message-end", "delta": {"finish_reason": reason, "usage": USAGE, **more}}


START = {
    "type": "message-start",
    "id": TEXT["id"],
    "delta": {
        "message": {
            "role": "assistant",
            "content": [],
            "tool_plan": "",
            "tool_calls": [],
            "citations": [],
        }
    },
}
TEXT_STREAM = stream(
    START,
    _delta("content-start", 0, content={"type": "text", "text": ""}),
    _delta("content-delta", 0, content={"text": "LLMs"}),
    _delta("content-delta", 0, content={"text": " are large."}),
    _delta("citation-start", 0, citations=CITATION),
    {"type": "citation-end", "index": 0},
    {"type": "content-end", "index": 0},
    end("COMPLETE"),
)
THOUGHT_STREAM = stream(
    START,
    _delta("content-start", 0, content={"type": "thinking", "thinking": ""}),
    _delta("content-delta", 0, content={"thinking": "Three brothers,"}),
    _delta("content-delta", 0, content={"thinking": " two sisters and Alice."}),
    {"type": "content-end", "index": 0},
    _delta("content-start", 1, content={"type": "text", "text": ""}),
    _delta("content-delta", 1, content={"text": "Three."}),
    {"type": "content-end", "index": 1},
    end("COMPLETE"),
)
TOOLS_STREAM = stream(
    START,
    _delta("tool-plan-delta", tool_plan=PLAN[:6]),
    _delta("tool-plan-delta", tool_plan=PLAN[6:]),
    _delta(
        "tool-call-start",
        0,
        tool_calls=CALL | {"function": {"name": "search_docs", "arguments": ""}},
    ),
    _delta("tool-call-delta", 0, tool_calls={"function": {"arguments": '{"query":'}}),
    _delta("tool-call-delta", 0, tool_calls={"function": {"arguments": '"tool use"}'}}),
    {"type": "tool-call-end", "index": 0},
    end("TOOL_CALL"),
)


def error(message: str) -> bytes:
    return msgspec.json.encode({"id": "8e1c", "message": message})
