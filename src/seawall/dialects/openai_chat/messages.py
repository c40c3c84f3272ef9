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
from .calls import read_call, write_call
from .words import DIALECT, as_list, as_object, as_text, bag, own

__all__ = ["answer_parts", "read_message", "read_part", "write_answer", "write_messages"]

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
    content = raw.get("content")
    if len(raw) == 2 and role != "tool" and content and isinstance(content, str):
        # Nearly every message; nothing else can stand in it.
        return Message(cast("Role", role), (Text(content),))
    name = as_text(raw.get("name"), "name")
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
    content = list(_read_content(raw.get("content")))
    parts: list[Part] = []
    thought = as_text(raw.get("reasoning_content") or raw.get("reasoning"), "reasoning")
    if thought:
        parts.append(Reasoning(thought))
    parts.extend(part for part in content if type(part) is Reasoning)
    parts.extend(part for part in content if not isinstance(part, (Reasoning, Refusal)))
    refusal = as_text(raw.get("refusal"), "refusal") or ""
    refusal = "".join(part.text for part in content if type(part) is Refusal) + refusal
    if refusal:
        parts.append(Refusal(refusal))
    for index, call in enumerate(as_list(raw.get("tool_calls"), "tool_calls")):
        parts.append(read_call(as_object(call, f"tool_calls[{index}]")))
    return tuple(parts)


def _read_content(content: Any) -> Iterable[Part]:
    if content is None or content == "":
        return
    if isinstance(content, str):
        yield Text(content)
        return
    for index, part in enumerate(as_list(content, "content")):
        yield read_part(as_object(part, f"content[{index}]"))


def read_part(raw: dict[str, Any]) -> Part:
    kind = raw.get("type")
    if kind == "text" and isinstance(raw.get("text"), str):
        return Text(raw["text"], bag(raw, ("type", "text")))
    if kind == "refusal" and isinstance(raw.get("refusal"), str):
        return Refusal(raw["refusal"])
    if kind == "image_url":
        return _read_image(raw)
    thought = _thought(raw) if kind == "thinking" else None
    return Opaque(DIALECT, raw) if thought is None else Reasoning(thought)


def _thought(raw: Mapping[str, Any]) -> str | None:
    """The text of Mistral's ``thinking`` part, if text is all it holds: a signature or a
    reference would be lost. ``closed`` matters only to whoever prefixes an answer."""
    if bag(raw, ("type", "thinking", "closed")):
        return None
    if isinstance(raw.get("thinking"), str):
        return raw["thinking"]
    texts: list[str] = []
    for piece in as_list(raw.get("thinking"), "thinking"):
        fields = as_object(piece, "thinking[]")
        text = fields.get("text")
        if not isinstance(text, str) or bag(fields, ("type", "text")):
            return None
        texts.append(text)
    return "".join(texts)


def _read_image(raw: dict[str, Any]) -> Image:
    image = raw.get("image_url")
    # Mistral's clients write the bare URL.
    image = {"url": image} if isinstance(image, str) else as_object(image, "image_url")
    url, detail = image.get("url"), as_text(image.get("detail"), "image_url.detail")
    if not isinstance(url, str):
        raise ValueError("image_url.url is missing")
    extra = own(bag(raw, ("type", "image_url")))
    inner = own(bag(image, ("url", "detail")))
    if inner:
        extra["image_url"] = inner
    kept = {DIALECT: extra} if extra else {}
    inline = _DATA_URL.fullmatch(url)
    if inline is None:
        return Image(url=url, detail=detail, extra=kept)
    return Image(data=inline[2], media_type=inline[1], detail=detail, extra=kept)


def write_messages(
    messages: Sequence[Message], system_role: str | None, reasoning_field: str, notes: list[str]
) -> list[dict[str, Any]]:
    """A request's messages. A turn with several tool results becomes one message each."""
    wire: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "tool":
            wire.extend(_write_tool_results(message, notes))
        elif message.role == "assistant":
            _note_lost(message, reasoning_field, notes)
            wire.append(write_answer(message, reasoning_field))
        else:
            role = system_role if message.role != "user" else None
            wire.append(_head(message, role or message.role, _write_content(message.content)))
    return wire


def _note_lost(message: Message, reasoning_field: str, notes: list[str]) -> None:
    thoughts = [part for part in message.content if type(part) is Reasoning]
    if thoughts and not reasoning_field:
        notes.append("earlier reasoning was left out; this vendor does not take it back")
    elif any(part.signature is not None for part in thoughts):
        notes.append("a reasoning block's signature was left out; this dialect has no place for it")


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
        wire = _head(message, "tool", _write_content(part.content)) | own(part.extra)
        wire["tool_call_id"] = part.call_id
        yield wire


def write_answer(message: Message, reasoning_field: str = "reasoning_content") -> dict[str, Any]:
    """An assistant's message, in a request or in a response."""
    apart = (Reasoning, Refusal, ToolCall)
    body = _write_content([part for part in message.content if not isinstance(part, apart)])
    wire = _head(message, "assistant", body or None)
    refusal = "".join(part.text for part in message.content if type(part) is Refusal)
    if refusal:
        wire["refusal"] = refusal
    if message.reasoning and reasoning_field:
        wire[reasoning_field] = message.reasoning
    if message.tool_calls:
        wire["tool_calls"] = [write_call(call) for call in message.tool_calls]
    elif wire["content"] is None and not refusal:
        wire["content"] = ""
    return wire


def _write_content(parts: Sequence[Part]) -> str | list[dict[str, Any]]:
    """Plain text as a string, which every server of this dialect understands."""
    if not parts:
        return ""
    if len(parts) == 1 and type(parts[0]) is Text and not own(parts[0].extra):
        return parts[0].text
    return [_write_part(part) for part in parts]


def _write_part(part: Part) -> dict[str, Any]:
    if type(part) is Text:
        return {"type": "text", "text": part.text} | own(part.extra)
    if type(part) is Image:
        return _write_image(part)
    if type(part) is Opaque and part.dialect == DIALECT:
        return dict(part.raw)
    what = f"content of {part.dialect}" if type(part) is Opaque else f"a {type(part).__name__}"
    raise UnsupportedError(f"{what} cannot be said here in {DIALECT}")


def _write_image(part: Image) -> dict[str, Any]:
    url = part.url
    if part.data is not None:
        if part.media_type is None:
            raise UnsupportedError("an image given as data needs its media_type, as image/png")
        url = f"data:{part.media_type};base64,{part.data}"
    if url is None:
        raise UnsupportedError("an image needs a url, or data and a media_type")
    image: dict[str, Any] = {"url": url}
    if part.detail is not None:
        image["detail"] = part.detail
    extra = own(part.extra)
    return {"type": "image_url", "image_url": image | extra.pop("image_url", {})} | extra
