"""Exchanges after the Messages API reference and the types of the anthropic package 2.12.

Documented, not captured: no provider was asked for any of them.
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["TEXT", "THOUGHT", "THOUGHT_STREAM", "TOOLS", "error", "sse", "stream"]

#: Reference, "Using the Messages API", basic request and response.
TEXT: dict[str, Any] = {
    "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "Hello!", "citations": None}],
    "model": "claude-opus-5-5",
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "stop_details": None,
    "container": None,
    "usage": {
        "input_tokens": 12,
        "cache_creation_input_tokens": 100,
        "cache_read_input_tokens": 2000,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 6,
        "output_tokens_details": {"thinking_tokens": 4},
        "server_tool_use": None,
        "service_tier": "standard",
    },
}

#: ``anthropic.types.ToolUseBlock``, two in one turn.
TOOLS: dict[str, Any] = TEXT | {
    "content": [
        {"type": "text", "text": "I'll look."},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"harbour": "Bari"}},
        {"type": "tool_use", "id": "toolu_2", "name": "tide", "input": {}},
    ],
    "stop_reason": "tool_use",
}

#: ``ThinkingBlock`` and ``RedactedThinkingBlock``.
THOUGHT: dict[str, Any] = TEXT | {
    "content": [
        {"type": "thinking", "thinking": "Let me see.", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA"},
        {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"},
        {"type": "text", "text": "27 * 453 is 12231."},
    ],
}


def sse(*events: dict[str, Any]) -> bytes:
    """Events as the API frames them: each with its name."""
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (event["type"].encode(), msgspec.json.encode(event))
        for event in events
    )


def _start(usage: dict[str, Any]) -> dict[str, Any]:
    empty = {"content": [], "stop_reason": None, "usage": usage}
    return {"type": "message_start", "message": TEXT | empty}


def stream(*blocks: list[dict[str, Any]], stop: str = "end_turn", **end: Any) -> bytes:
    """A stream of content blocks, each given as its start and its deltas."""
    events = [_start({"input_tokens": 25, "cache_read_input_tokens": 5, "output_tokens": 1})]
    for index, (block, *deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events.append({"type": "ping"})
        events += (
            {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
        )
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": stop, "stop_sequence": None}
    events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 15}} | end)
    return sse(*events, {"type": "message_stop"})


#: Reference, "Streaming messages": thinking, text, and a tool's arguments in pieces.
THOUGHT_STREAM = stream(
    [
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "Let me "},
        {"type": "thinking_delta", "thinking": "see."},
        {"type": "signature_delta", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA"},
    ],
    [{"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"}],
    [
        {"type": "text", "text": ""},
        {"type": "text_delta", "text": "I'll "},
        {"type": "text_delta", "text": "look."},
    ],
    [
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}},
        {"type": "input_json_delta", "partial_json": ""},
        {"type": "input_json_delta", "partial_json": '{"harbour": "'},
        {"type": "input_json_delta", "partial_json": 'Bari"}'},
    ],
    [{"type": "tool_use", "id": "toolu_2", "name": "tide", "input": {}}],
    stop="tool_use",
)


def error(kind: str, message: str, code: str | None = None) -> bytes:
    """Reference, "Errors", section "Error shapes"."""
    told: dict[str, Any] = {"type": kind, "message": message}
    if code is not None:
        told["details"] = {"error_code": code}
    body = {"type": "error", "error": told, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}
    return msgspec.json.encode(body)
