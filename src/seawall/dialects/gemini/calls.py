"""Function calls and their results, both ways.

A call is ``{"functionCall": {"id", "name", "args"}}``, its result ``{"functionResponse": {"id",
"name", "response"}}``. Older models leave the ids out, and callers may; results are then joined to
calls by name and order. Gemini 3 and later refuse the first call of a turn if it lacks the
``thoughtSignature`` it came with. For a call that another model made the documentation ("Thought
signatures", FAQ) has a signature that says so; it is written here, and passed over when read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from ...errors import UnsupportedError
from ...types import Extra, Text, ToolCall, ToolCallDelta, ToolResult
from ..json_values import as_list, as_object, as_text, decode, encode
from .media import read_media, write_media
from .words import DIALECT, bag, own, proto

__all__ = [
    "SIGNATURE",
    "as_args",
    "call_id",
    "read_call",
    "read_result",
    "unsigned",
    "write_call",
    "write_result",
]

#: The signature of a call that no model of this API made.
SIGNATURE = "skip_thought_signature_validator"

#: The unknown field of a result whose object is its own, not ``{"output": ...}``.
_WHOLE = "structured"
_RESULT = frozenset({"id", "name", "response", "parts"})


def call_id(raw: Mapping[str, Any]) -> str | None:
    """The id a ``functionCall`` came with."""
    return as_text(raw.get("id"), "functionCall.id")


def read_call(raw: Mapping[str, Any], id_: str) -> ToolCall:
    """The call of one part, to be known as ``id_``."""
    inner = proto(raw["functionCall"], "functionCall")
    if inner.get("partialArgs") or inner.get("willContinue"):
        raise ValueError("a function call in pieces (partialArgs) is not understood")
    name = as_text(inner.get("name"), "functionCall.name")
    if not name:
        raise ValueError("functionCall.name is missing")
    fields = own(bag(raw, ("functionCall", "thought")))
    if fields.get("thoughtSignature") == SIGNATURE:
        del fields["thoughtSignature"]
    rest = own(bag(inner, ("id", "name", "args", "partialArgs", "willContinue")))
    if rest:
        fields["functionCall"] = rest
    arguments = encode(as_object(_or_empty(inner.get("args")), "functionCall.args")).decode()
    return ToolCall(id_, name, arguments, {DIALECT: fields} if fields else {})


def _or_empty(value: Any) -> Any:
    return {} if value is None else value


def as_args(arguments: str) -> msgspec.Raw | None:
    """Arguments as they are written into a request, or ``None`` if they are no JSON object.
    None at all are an empty object."""
    try:
        data = arguments.encode()
        found: Any = decode(data) if data.strip() else {}
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    return msgspec.Raw(data if data.strip() else b"{}")


def write_call(call: ToolCall | ToolCallDelta, args: msgspec.Raw, *, sign: bool) -> dict[str, Any]:
    """``sign``: it is the first of its turn, and needs a signature."""
    fields = own(call.extra)
    inner: dict[str, Any] = {"id": call.id} if call.id else {}
    inner |= {"name": call.name, "args": args} | fields.pop("functionCall", {})
    if sign and unsigned(call.extra):
        fields["thoughtSignature"] = SIGNATURE
    return {"functionCall": inner} | fields


def unsigned(extra: Extra) -> bool:
    return not own(extra).get("thoughtSignature")


def read_result(raw: Mapping[str, Any], id_: str, known: bool) -> ToolResult:
    """The result in one part, for the call ``id_``. ``known``: that call has told its name."""
    inner = proto(raw["functionResponse"], "functionResponse")
    response = as_object(_or_empty(inner.get("response")), "functionResponse.response")
    fields = own(bag(raw, ("functionResponse",)))
    rest = own(bag(inner, _RESULT))
    if rest:
        fields["functionResponse"] = rest
    if not known:
        fields["name"] = as_text(inner.get("name"), "functionResponse.name")
    key = "error" if "error" in response and "output" not in response else "output"
    texts = _texts(response[key]) if response.keys() == {key} else None
    if texts is None:
        texts = (Text(encode(response).decode()),)
        fields[_WHOLE] = True
    media = tuple(
        read_media(proto(part, "functionResponse.parts[]"))
        for part in as_list(inner.get("parts"), "functionResponse.parts")
    )
    extra = {DIALECT: fields} if fields else {}
    return ToolResult(id_, (*texts, *media), key == "error", extra)


def _texts(said: Any) -> tuple[Text, ...] | None:
    """A string, or several in a list; everything else is an object of the tool's own."""
    if isinstance(said, str):
        return (Text(said),) if said else ()
    items = cast("list[Any]", said) if isinstance(said, list) else []
    if len(items) < 2 or not all(isinstance(item, str) for item in items):
        return None
    return tuple(Text(item) for item in items)


def write_result(part: ToolResult, name: str | None, notes: list[str]) -> dict[str, Any]:
    """``name`` is what its call was for. Raises ``UnsupportedError`` if nobody knows."""
    fields = own(part.extra)
    name = name or fields.get("name")
    if not name:
        raise UnsupportedError(
            f"no call of this conversation has the id {part.call_id!r}; a result needs the name "
            f"of its function in {DIALECT}, so keep the call with it"
        )
    fields.pop("name", None)
    inner: dict[str, Any] = {"id": part.call_id} if part.call_id else {}
    inner |= {"name": name, "response": _response(part, bool(fields.pop(_WHOLE, False)))}
    media = [write_media(one, notes) for one in part.content if type(one) is not Text]
    if media:
        inner["parts"] = media
    return {"functionResponse": inner | fields.pop("functionResponse", {})} | fields


def _response(part: ToolResult, whole: bool) -> Any:
    """The reference's words: ``output`` for what a function gives, ``error`` for why not."""
    texts = [one.text for one in part.content if type(one) is Text]
    said = texts[0] if len(texts) == 1 else texts or ""
    if whole and isinstance(said, str):
        args = as_args(said)
        if args is not None:
            return args
    return {"error" if part.is_error else "output": said}
