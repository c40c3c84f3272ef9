"""From LangChain's messages to ours, by the standard content blocks it reads them as."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_openai_data_block,
)

from ...errors import BadRequestError
from ...types import (
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from ..keeping import kept

__all__ = ["STORE", "read_messages"]

#: Where in ``additional_kwargs`` stands what LangChain has no words for.
STORE = "seawall"

_ROLES: Mapping[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "developer",
}
#: Blocks that say again what stands in ``tool_calls``, in LangChain's and vendors' words.
_CALLS = {"tool_call", "tool_call_chunk", "invalid_tool_call", "tool_use", "function_call"}


def read_messages(messages: Sequence[BaseMessage]) -> list[Message]:
    """Raises ``BadRequestError`` naming a message or block that cannot be said."""
    return [_read(message) for message in messages]


def _read(message: BaseMessage) -> Message:
    if isinstance(message, AIMessage):
        return _answer(message)
    parts = tuple(_parts(message))
    if isinstance(message, ToolMessage):
        content = cast("tuple[Text | Image | Opaque, ...]", parts)
        error = message.status == "error"
        return Message("tool", (ToolResult(message.tool_call_id, content, error),))
    return Message(_role(message), parts, message.name)


def _role(message: BaseMessage) -> Role:
    if isinstance(message, HumanMessage):
        return "user"
    if isinstance(message, SystemMessage):
        # LangChain's own mark for OpenAI's developer messages.
        said = message.additional_kwargs.get("__openai_role__")
        return "developer" if said == "developer" else "system"
    role = message.role if isinstance(message, ChatMessage) else message.type
    if role not in _ROLES:
        raise BadRequestError(f"a message of the role {role!r} cannot be said to a model")
    return _ROLES[role]


def _answer(message: AIMessage) -> Message:
    calls = tuple(_calls(message))
    stored = message.additional_kwargs.get(STORE)
    known = kept(stored, str(message.text), [call.id for call in calls])
    if known is not None:
        return known
    parts = list(_parts(message))
    thoughts = [part for part in parts if isinstance(part, Reasoning)]
    others = [part for part in parts if not isinstance(part, Reasoning)]
    refusal: Any = message.additional_kwargs.get("refusal")
    refused = (Refusal(refusal),) if isinstance(refusal, str) and refusal else ()
    return Message("assistant", (*thoughts, *others, *refused, *calls), message.name)


def _calls(message: AIMessage) -> Iterable[ToolCall]:
    for call in message.tool_calls:
        arguments = msgspec.json.encode(call["args"]).decode()
        yield ToolCall(call["id"] or "", call["name"], arguments)
    for call in message.invalid_tool_calls:
        yield ToolCall(call["id"] or "", call["name"] or "", call["args"] or "")


def _parts(message: BaseMessage) -> Iterable[Part]:
    for block in cast("list[dict[str, Any]]", message.content_blocks):
        kind: Any = block.get("type")
        value: Any = block.get("value") if kind == "non_standard" else None
        if isinstance(value, dict):
            block = cast("dict[str, Any]", value)
            kind = block.get("type")
        if kind not in _CALLS:
            yield _part(kind, block)


def _part(kind: Any, block: dict[str, Any]) -> Part:
    extras: Mapping[str, Any] = block.get("extras") or {}
    if kind in ("text", "text-plain"):
        # The one mark that LangChain's users put on text: for whom it is, its value says.
        mark = block.get("cache_control") or extras.get("cache_control")
        return Text(block.get("text") or "", {"anthropic": {"cache_control": mark}} if mark else {})
    if kind == "reasoning":
        return Reasoning(block.get("reasoning") or "", extras.get("signature"))
    if kind == "thinking":
        return Reasoning(block.get("thinking") or "", block.get("signature"))
    if kind == "image" and (block.get("url") or block.get("base64")):
        return Image(
            url=block.get("url"), data=block.get("base64"), media_type=block.get("mime_type")
        )
    if kind in ("audio", "file"):
        # OpenAI wants a name, and LangChain warns where it makes one up.
        named = {"filename": "file", **block} if kind == "file" else block
        return Opaque("openai_chat", convert_to_openai_data_block(cast("Any", named)))
    raise BadRequestError(f"a content block of the type {kind!r} cannot be said: {block!r:.200}")
