"""The clouds' rows with an account each, what they answer by their references, and clients."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from seawall import AsyncSeawall
from seawall.framing.aws_events import write_message
from seawall.ports import Transport

__all__ = [
    "ACCOUNT", "ANTHROPIC", "GEMINI", "JSON", "OPENAI", "SSE", "aws", "client", "dumped", "sse",
]  # fmt: skip

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}
AWS = {"content-type": "application/vnd.amazon.eventstream"}

#: The variables a deployment on each cloud sets.
ACCOUNT: Mapping[str, str] = {
    "AZURE_OPENAI_API_KEY": "azure-key-0123456789",
    "AZURE_OPENAI_RESOURCE": "harbour",
    "AWS_BEARER_TOKEN_BEDROCK": "bedrock-key-0123456789",
    "AWS_REGION": "eu-central-1",
    "VERTEX_ACCESS_TOKEN": "ya29.vertex-0123456789",
    "GOOGLE_CLOUD_PROJECT": "harbour-1",
    "GOOGLE_CLOUD_LOCATION": "europe-west4",
    "GOOGLE_API_KEY": "AIza-express-0123456789",
}

#: Answers as the references of the dialects show them; each says "Trieste.".
OPENAI = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-5",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Trieste."},
                 "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
}  # fmt: skip
ANTHROPIC = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Trieste."}],
    "stop_reason": "end_turn", "stop_sequence": None,
    "usage": {"input_tokens": 12, "output_tokens": 3},
}  # fmt: skip
GEMINI = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Trieste."}]},
                    "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 12, "candidatesTokenCount": 3, "totalTokenCount": 15},
    "modelVersion": "gemini-3.8-flash", "responseId": "r-1",
}  # fmt: skip

_ANTHROPIC_EVENTS: tuple[Any, ...] = (
    {"type": "message_start", "message": {**ANTHROPIC, "content": [], "stop_reason": None,
     "usage": {"input_tokens": 12, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Tri"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "este."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
     "usage": {"output_tokens": 3}},
    {"type": "message_stop"},
)  # fmt: skip


def _delta(delta: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": None} | more
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5",
            "choices": [choice]}  # fmt: skip


def dumped(value: Any) -> bytes:
    return msgspec.json.encode(value)


def sse(dialect: str) -> list[bytes]:
    """The pieces of a stream that says "Tri", "este."."""
    if dialect == "anthropic":
        events: list[Any] = list(_ANTHROPIC_EVENTS)
        return [b"event: %b\ndata: %b\n\n" % (e["type"].encode(), dumped(e)) for e in events]
    if dialect == "gemini":
        events = [
            {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, **end}]}
            for text, end in (("Tri", {}), ("este.", {"finishReason": "STOP"}))
        ]
        events[-1]["usageMetadata"] = GEMINI["usageMetadata"]
        return [b"data: %b\r\n\r\n" % dumped(event) for event in events]
    events = [_delta({"role": "assistant", "content": "Tri"}), _delta({"content": "este."}),
              _delta({}, finish_reason="stop"),
              {**_delta({}), "choices": [], "usage": OPENAI["usage"]}]  # fmt: skip
    return [*(b"data: %b\n\n" % dumped(event) for event in events), b"data: [DONE]\n\n"]


def aws(events: Iterable[Any] = _ANTHROPIC_EVENTS, end: Iterable[bytes] = ()) -> list[bytes]:
    """The same stream as Bedrock frames it. ``end``: messages that come after."""
    return [*(chunk(dumped(event)) for event in events), *end]


def chunk(data: bytes) -> bytes:
    headers = {":event-type": "chunk", ":content-type": "application/json",
               ":message-type": "event"}  # fmt: skip
    return write_message(
        headers, dumped({"bytes": base64.b64encode(data).decode(), "p": "abcdefg"})
    )


def client(transport: Transport, model: str, **options: Any) -> AsyncSeawall:
    return AsyncSeawall(
        model=model, transports={"http": transport}, ledger=False,
        defaults={"retry": False}, **options,
    )  # fmt: skip
