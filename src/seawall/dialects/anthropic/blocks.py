"""Content blocks, both ways.

A block that only this dialect knows (a document, a search result, a server's own tool) is an
``Opaque`` part. A thinking block goes back exactly as it came: its signature, and a redacted
block's data, are checked by the provider, and those of another provider mean nothing here. So
reasoning is written only when its ``extra`` says that it came by this dialect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, cast

import msgspec

from ...errors import UnsupportedError
from ...types import Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from ..json_values import as_list, as_object, as_text, decode, encode
from .words import DIALECT, bag, own

__all__ = ["read_block", "read_content", "write_block", "write_content", "write_input"]

_ID = re.compile(r"[a-zA-Z0-9_-]+")


def read_content(content: Any, where: str = "content") -> tuple[Part, ...]:
    """A string or a list of blocks. Raises ``ValueError`` for anything else."""
    if isinstance(content, str):
        return (Text(content),) if content else ()
    return tuple(
        read_block(as_object(raw, f"{where}[{index}]"))
        for index, raw in enumerate(as_list(content, where))
    )


def read_block(raw: dict[str, Any]) -> Part:
    read = _READ.get(str(raw.get("type")))
    part = None if read is None else read(raw)
    return Opaque(DIALECT, raw) if part is None else part


def _read_text(raw: Mapping[str, Any]) -> Part | None:
    text = raw.get("text")
    return Text(text, bag(raw, ("type", "text"))) if isinstance(text, str) else None


def _read_image(raw: Mapping[str, Any]) -> Part | None:
    source = as_object(raw.get("source"), "image.source")
    kind, rest = source.get("type"), own(bag(raw, ("type", "source")))
    extra = {DIALECT: rest} if rest else {}
    if kind == "url" and source.keys() == {"type", "url"}:
        return Image(url=as_text(source["url"], "image.source.url"), extra=extra)
    if kind == "base64" and source.keys() == {"type", "data", "media_type"}:
        data = as_text(source["data"], "image.source.data")
        media_type = as_text(source["media_type"], "image.source.media_type")
        return Image(data=data, media_type=media_type, extra=extra)
    return None


def _read_thinking(raw: Mapping[str, Any]) -> Part | None:
    text = as_text(raw.get("thinking"), "thinking") or ""
    signature = as_text(raw.get("signature"), "thinking.signature") or None
    return Reasoning(text, signature, bag(raw, ("thinking", "signature")))


def _read_redacted(raw: Mapping[str, Any]) -> Part | None:
    return Reasoning("", None, bag(raw, ()))


def _read_call(raw: Mapping[str, Any]) -> Part | None:
    id_, name = as_text(raw.get("id"), "tool_use.id"), as_text(raw.get("name"), "tool_use.name")
    if not name:
        raise ValueError("a tool_use block has no name")
    given = as_object(raw.get("input") or {}, "tool_use.input")
    extra = bag(raw, ("type", "id", "name", "input"))
    return ToolCall(id_ or "", name, encode(given).decode(), extra)


def _read_result(raw: Mapping[str, Any]) -> Part | None:
    call_id = raw.get("tool_use_id")
    if not isinstance(call_id, str):
        raise ValueError("a tool_result block needs its tool_use_id")
    content = read_content(raw.get("content"), "tool_result.content")
    return ToolResult(
        call_id,
        cast("tuple[Text | Image | Opaque, ...]", content),
        bool(raw.get("is_error")),
        bag(raw, ("type", "tool_use_id", "content", "is_error")),
    )


_READ: Mapping[str, Callable[[Mapping[str, Any]], Part | None]] = {
    "text": _read_text,
    "image": _read_image,
    "thinking": _read_thinking,
    "redacted_thinking": _read_redacted,
    "tool_use": _read_call,
    "tool_result": _read_result,
}


def write_content(parts: Sequence[Part], notes: list[str]) -> str | list[dict[str, Any]]:
    """The blocks of ``parts``, or a plain string. Empty texts are not accepted and say nothing."""
    said = [part for part in parts if type(part) is not Text or part.text or own(part.extra)]
    if len(said) == 1 and type(said[0]) is Text and not own(said[0].extra):
        return said[0].text
    blocks = [write_block(part, notes) for part in said]
    return [block for block in blocks if block is not None]


def write_block(part: Part, notes: list[str]) -> dict[str, Any] | None:
    """``None`` for reasoning of another provider, which is left out with a note."""
    if type(part) is Text:
        return {"type": "text", "text": part.text} | own(part.extra)
    if type(part) is Image:
        return _write_image(part, notes)
    if type(part) is Reasoning:
        return _write_reasoning(part, notes)
    if type(part) is ToolCall:
        given = write_input(part, notes)
        head = {"type": "tool_use", "id": _write_id(part.id, notes), "name": part.name}
        return head | {"input": given} | own(part.extra)
    if type(part) is ToolResult:
        return _write_result(part, notes)
    if type(part) is Refusal:
        notes.append("an earlier refusal was sent as plain text; this dialect has no part for it")
        return {"type": "text", "text": part.text}
    assert type(part) is Opaque
    if part.dialect != DIALECT:
        raise UnsupportedError(f"content of {part.dialect} cannot be said here in {DIALECT}")
    return dict(part.raw)


def _write_image(part: Image, notes: list[str]) -> dict[str, Any]:
    if part.data is not None:
        if part.media_type is None:
            raise UnsupportedError("an image given as data needs its media_type, as image/png")
        source = {"type": "base64", "media_type": part.media_type, "data": part.data}
    elif part.url is not None:
        source = {"type": "url", "url": part.url}
    else:
        raise UnsupportedError("an image needs a url, or data and a media_type")
    if part.detail not in (None, "auto"):
        notes.append(f"an image's detail {part.detail!r} was left out; this dialect has none")
    return {"type": "image", "source": source} | own(part.extra)


def _write_reasoning(part: Reasoning, notes: list[str]) -> dict[str, Any] | None:
    extra = own(part.extra)
    kind = extra.get("type")
    if kind == "redacted_thinking":
        return extra
    if kind == "thinking" and part.signature is not None:
        return {"type": kind, "thinking": part.text, "signature": part.signature} | extra
    notes.append("reasoning without a signature of this provider's was left out; it takes no other")
    return None


def _write_result(part: ToolResult, notes: list[str]) -> dict[str, Any]:
    wire: dict[str, Any] = {"type": "tool_result", "tool_use_id": _write_id(part.call_id, notes)}
    content = write_content(part.content, notes)
    if content:
        wire["content"] = content
    if part.is_error:
        wire["is_error"] = True
    return wire | own(part.extra)


def _write_id(id_: str, notes: list[str]) -> str:
    """Letters, digits, ``_`` and ``-`` are accepted. Any other id is replaced, call and result
    alike, by one that no second id leads to."""
    if _ID.fullmatch(id_):
        return id_
    mark = sha256(id_.encode("utf-8", "replace")).hexdigest()[:8]
    plain = "".join(_ID.findall(id_))[:40] or "call"
    notes.append(f"the tool call id {id_!r} was sent as '{plain}_{mark}', as it is not accepted")
    return f"{plain}_{mark}"


def write_input(call: ToolCall, notes: list[str]) -> Any:
    """A call's arguments as the object they must be here, each number as the model wrote it.
    Text that is no JSON object (a custom tool's, or a broken one) becomes ``{"input": text}``."""
    text = call.arguments.strip() or "{}"
    try:
        data = text.encode()
        if isinstance(decode(data), dict):
            return msgspec.Raw(data)
    except ValueError:
        pass
    notes.append(f"the arguments of {call.name} are no JSON object and were sent as its input")
    return {"input": call.arguments}
