"""Messages and their parts, both ways."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from ...errors import UnsupportedError
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
from .words import DIALECT, as_object, bag, own

__all__ = [
    "answer_parts",
    "read_message",
    "read_tool_call",
    "write_answer",
    "write_messages",
    "write_tool_call",
]

_ROLES = ("system", "developer", "user", "assistant", "tool")
_MESSAGE = frozenset(
    {"role", "content", "name", "refusal", "tool_calls", "reasoning_content", "reasoning"}
)
_DATA_URL = re.compile(r"data:([\w.+/-]+);base64,(.*)", re.DOTALL)


def read_message(raw: Mapping[str, Any]) -> Message:
    """One message of a request. Raises ``ValueError`` saying what is wrong with it."""
    role = raw.get("role")
    if role not in _ROLES:
        raise ValueError(f"role is {role!r}; it must be one of {', '.join(_ROLES)}")
    name = raw.get("name")
    if role == "tool":
        content = tuple(_read_content(raw.get("content")))
        call_id = raw.get("tool_call_id")
        if not isinstance(call_id, str):
            raise ValueError("a tool message needs its tool_call_id")
        parts: tuple[Part, ...] = (
            ToolResult(call_id, cast("tuple[Text | Image | Opaque, ...]", content)),
        )
        return Message("tool", parts, name, bag(raw, _MESSAGE | {"tool_call_id"}))
    return Message(cast("Role", role), answer_parts(raw), name, bag(raw, _MESSAGE))


def answer_parts(raw: Mapping[str, Any]) -> tuple[Part, ...]:
    """The parts of a message, in canonical order."""
    parts: list[Part] = []
    reasoning = raw.get("reasoning_content") or raw.get("reasoning")
    if isinstance(reasoning, str) and reasoning:
        parts.append(Reasoning(reasoning))
    parts.extend(_read_content(raw.get("content")))
    refusal = raw.get("refusal")
    if isinstance(refusal, str) and refusal:
        parts.append(Refusal(refusal))
    for index, call in enumerate(_list(raw.get("tool_calls"), "tool_calls")):
        parts.append(read_tool_call(as_object(call, f"tool_calls[{index}]")))
    return tuple(parts)


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{where} is no array")
    return cast("list[Any]", value)


def _read_content(content: Any) -> Iterable[Part]:
    if content is None or content == "":
        return
    if isinstance(content, str):
        yield Text(content)
        return
    for index, part in enumerate(_list(content, "content")):
        yield _read_part(as_object(part, f"content[{index}]"))


def _read_part(raw: dict[str, Any]) -> Part:
    kind = raw.get("type")
    if kind == "text" and isinstance(raw.get("text"), str):
        return Text(raw["text"], bag(raw, ("type", "text")))
    if kind == "refusal" and isinstance(raw.get("refusal"), str):
        return Refusal(raw["refusal"])
    if kind == "image_url":
        return _read_image(raw)
    return Opaque(DIALECT, raw)


def _read_image(raw: dict[str, Any]) -> Image:
    image = as_object(raw.get("image_url"), "image_url")
    url, detail = image.get("url"), image.get("detail")
    if not isinstance(url, str):
        raise ValueError("image_url.url is missing")
    extra = bag(raw, ("type", "image_url"))
    inline = _DATA_URL.fullmatch(url)
    if inline is None:
        return Image(url=url, detail=detail, extra=extra)
    return Image(data=inline[2], media_type=inline[1], detail=detail, extra=extra)


def read_tool_call(raw: dict[str, Any]) -> ToolCall | Opaque:
    if raw.get("type", "function") != "function":
        return Opaque(DIALECT, raw)
    function = as_object(raw.get("function"), "tool call's function")
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str):
        raise ValueError("a tool call has no function name")
    extra = own(bag(raw, ("type", "id", "function", "index")))
    inner = own(bag(function, ("name", "arguments")))
    if inner:
        extra["function"] = inner
    return ToolCall(
        raw.get("id") or "",
        name,
        arguments if isinstance(arguments, str) else "{}",
        {DIALECT: extra} if extra else {},
    )


def write_messages(
    messages: Sequence[Message], system_role: str | None, reasoning_field: str, notes: list[str]
) -> list[dict[str, Any]]:
    """A request's messages. A turn with several tool results becomes one message each."""
    wire: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "tool":
            wire.extend(_write_tool_results(message, notes))
        elif message.role == "assistant":
            wire.append(write_answer(message, reasoning_field))
        else:
            role = system_role if message.role != "user" else None
            wire.append(_head(message, role or message.role, _write_content(message.content)))
    return wire


def _head(message: Message, role: str, content: Any) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": role, "content": content}
    if message.name is not None:
        wire["name"] = message.name
    return wire | own(message.extra)


def _write_tool_results(message: Message, notes: list[str]) -> Iterable[dict[str, Any]]:
    for part in message.content:
        if type(part) is not ToolResult:
            raise UnsupportedError(f"a tool message cannot hold a {type(part).__name__}")
        if part.is_error:
            notes.append(
                "a tool's error was sent as its plain text; this dialect has no error flag"
            )
        wire = _head(message, "tool", _write_content(part.content))
        wire["tool_call_id"] = part.call_id
        yield wire


def write_answer(message: Message, reasoning_field: str = "reasoning_content") -> dict[str, Any]:
    """An assistant's message, in a request or in a response."""
    content = [part for part in message.content if isinstance(part, (Text, Image))]
    calls = [part for part in message.content if _is_call(part)]
    others = [part for part in message.content if type(part) is Opaque and not _is_call(part)]
    body = _write_content((*content, *others))
    wire = _head(message, "assistant", body if body != "" else None)
    if message.refusal is not None:
        wire["refusal"] = message.refusal
    if message.reasoning is not None:
        wire[reasoning_field] = message.reasoning
    if calls:
        wire["tool_calls"] = [write_tool_call(part) for part in calls]
    elif wire["content"] is None and message.refusal is None:
        wire["content"] = ""
    return wire


def _is_call(part: Part) -> bool:
    """Calls of tools that only this dialect knows (``custom``) are opaque but still calls."""
    return type(part) is ToolCall or (
        type(part) is Opaque and part.dialect == DIALECT and part.raw.get("type") == "custom"
    )


def write_tool_call(part: Part) -> dict[str, Any]:
    if type(part) is not ToolCall:
        return dict(_own_opaque(part))
    extra = own(part.extra)
    function = {"name": part.name, "arguments": part.arguments} | extra.pop("function", {})
    return {"id": part.id, "type": "function", "function": function} | extra


def _own_opaque(part: Part) -> Mapping[str, Any]:
    if type(part) is Opaque and part.dialect == DIALECT:
        return part.raw
    what = f"content of {part.dialect}" if type(part) is Opaque else f"a {type(part).__name__}"
    raise UnsupportedError(f"{what} cannot be said in {DIALECT}")


def _write_content(parts: Sequence[Part]) -> str | list[dict[str, Any]]:
    """Plain text as a string, which every server of this dialect understands."""
    if not parts:
        return ""
    if len(parts) == 1 and type(parts[0]) is Text and not parts[0].extra:
        return parts[0].text
    return [_write_part(part) for part in parts]


def _write_part(part: Part) -> dict[str, Any]:
    if type(part) is Text:
        return {"type": "text", "text": part.text} | own(part.extra)
    if type(part) is Image:
        url = part.url if part.data is None else f"data:{part.media_type};base64,{part.data}"
        image: dict[str, Any] = {"url": url}
        if part.detail is not None:
            image["detail"] = part.detail
        return {"type": "image_url", "image_url": image} | own(part.extra)
    return dict(_own_opaque(part))
