"""The shape an answer must have, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...types import Format, Message, Request, Text
from ..json_values import as_object, as_text, encode_body
from .schemas import enforced
from .words import bag, own

__all__ = ["read_format", "write_format"]

_TYPE, _SCHEMA = "json_object", "json_schema"
_IN_WORDS = "Answer with one JSON object and nothing else: no prose, no code fence."
#: What the API does not enforce a format beside.
_APART = ("tools", "documents")


def write_format(
    request: Request, notes: list[str]
) -> tuple[dict[str, Any] | None, tuple[Message, ...]]:
    """The format to be enforced, and the instructions it needs, or instructions in its place."""
    wanted = request.format
    if wanted is None:
        return None, ()
    extra = own(wanted.extra)
    if wanted.type == "text":
        return {"type": "text"} | extra, ()
    wire: dict[str, Any] = {"type": _TYPE} | extra
    try:
        _refuse_beside(request)
        if wanted.schema is not None:
            wire[_SCHEMA] = enforced(wanted.schema, notes)
            if wanted.description is not None:
                wire[_SCHEMA].setdefault("description", wanted.description)
    except ValueError as error:
        notes.append(f"the format cannot be enforced ({error}); it was put into the instructions")
        return None, (_told(wanted),)
    if any("json" in message.text.lower() for message in request.messages):
        return wire, ()
    # Without a word of it the model may go on without end (reference: response_format).
    notes.append("the instructions were made to speak of JSON, as this API wants it")
    return wire, (Message("system", (Text(_IN_WORDS),)),)


def _refuse_beside(request: Request) -> None:
    besides = own(request.extra) | ({"tools": True} if request.tools else {})
    for name in _APART:
        if besides.get(name):
            raise ValueError(f"not beside {name}")


def _told(wanted: Format) -> Message:
    text = _IN_WORDS
    if wanted.schema is not None:
        text += f" It must be valid against this JSON Schema: {encode_body(wanted.schema).decode()}"
    return Message("system", (Text(text),))


def read_format(raw: Mapping[str, Any] | None) -> Format | None:
    """The guides write the schema as ``schema``, the reference and the SDKs as ``json_schema``."""
    if raw is None:
        return None
    kind = as_text(raw.get("type"), "response_format.type")
    if kind == "text":
        return Format(type="text", extra=bag(raw, ("type",)))
    if kind != _TYPE:
        raise ValueError(f"response_format.type is {kind!r}; it must be text or {_TYPE}")
    extra = bag(raw, ("type", "schema", _SCHEMA))
    schema = raw.get(_SCHEMA) or raw.get("schema")
    if schema is None:
        return Format(type=_TYPE, extra=extra)
    return Format(type=_SCHEMA, schema=as_object(schema, "response_format.schema"), extra=extra)
