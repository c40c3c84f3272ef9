"""From llm's prompts to our messages and options."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import llm
import msgspec
from llm.parts import (
    AttachmentPart,
    Message,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

from ...types import Image, Reasoning, Text, Tool, ToolCall, ToolResult
from ...types import Message as Turn
from ...types import Part as Said

__all__ = ["META", "read_messages", "read_tools"]

#: Where in ``provider_metadata`` stands what llm has no words for.
META = "seawall"


def read_messages(messages: Sequence[Message]) -> list[Turn]:
    """Raises ``llm.ModelError`` naming a part that cannot be said."""
    turns: list[Turn] = []
    for message in messages:
        turn = Turn(message.role, tuple(_parts(message.parts)))  # pyright: ignore[reportArgumentType] - the same four words
        # llm says the system prompt again with each turn of a conversation.
        if turn.role != "system" or turn not in turns:
            turns.append(turn)
    return turns


def _parts(parts: Sequence[Part]) -> Iterable[Said]:
    # llm keeps the order in which pieces came; thoughts stand first with us.
    for part in sorted(parts, key=lambda part: not isinstance(part, ReasoningPart)):
        if isinstance(part, TextPart):
            yield Text(part.text)
        elif isinstance(part, ReasoningPart):
            kept = _kept(part)
            if part.text or kept:
                yield Reasoning(part.text, kept.get("signature"), kept.get("extra", {}))
        elif isinstance(part, AttachmentPart) and part.attachment is not None:
            yield _image(part.attachment)
        elif isinstance(part, ToolCallPart):
            arguments = msgspec.json.encode(part.arguments).decode()
            kept = _kept(part)
            yield ToolCall(part.tool_call_id or "", part.name, arguments, kept.get("extra", {}))
        elif isinstance(part, ToolResultPart):
            content = (Text(part.output), *(_image(one) for one in part.attachments))
            yield ToolResult(part.tool_call_id or "", content, part.exception is not None)
        else:
            raise llm.ModelError(f"a {type(part).__name__} cannot be said to a model")


def _kept(part: ReasoningPart | ToolCallPart) -> dict[str, Any]:
    return (part.provider_metadata or {}).get(META) or {}


def _image(attachment: llm.Attachment) -> Image:
    kind: str = attachment.resolve_type() or ""
    if attachment.url:
        return Image(url=attachment.url, media_type=kind)
    return Image(data=attachment.base64_content(), media_type=kind)


def read_tools(tools: Sequence[Any]) -> list[Tool]:
    """Raises ``llm.ModelError`` for tools that only a vendor's own API runs."""
    for tool in tools:
        if not isinstance(tool, llm.Tool):
            raise llm.ModelError(f"{type(tool).__name__}: Seawall has no tools that a vendor runs")
    return [
        Tool(name=tool.name, description=tool.description, parameters=tool.input_schema)
        for tool in tools
    ]
