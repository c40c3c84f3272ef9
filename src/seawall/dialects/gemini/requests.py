"""Requests, both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import BadRequestError, UnsupportedError
from ...ports import Quirks
from ...types import Image, Part, Request, ToolResult
from ..json_values import as_object, decode
from .config import CONFIG_NAMES, read_config, write_config
from .messages import read_messages, read_system, write_messages
from .tools import read_choice, read_tools, write_choice, write_tools
from .words import DIALECT, bag, own, proto

__all__ = ["read_request", "write_request"]

_KNOWN = frozenset({"contents", "systemInstruction", "tools", "toolConfig", "generationConfig"})
#: The model stands in the path; some clients repeat it.
_REPEATED = frozenset({"model"})
#: Objects of which a caller's unknown fields join those that are known here.
_JOINED = ("generationConfig", "toolConfig", "systemInstruction")


def write_request(request: Request, quirks: Quirks, notes: list[str]) -> dict[str, Any]:
    """The request's JSON body. Raises ``UnsupportedError`` for what it cannot say."""
    _refuse(request, quirks)
    system, contents = write_messages(request.messages, bool(quirks.reasoning_field), notes)
    if not contents:
        raise UnsupportedError("a question needs a message besides its instructions here")
    wire: dict[str, Any] = {"contents": contents}
    if system is not None:
        wire["systemInstruction"] = system
    if request.tools:
        wire["tools"] = write_tools(request.tools, notes)
    if request.tool_choice is not None:
        wire["toolConfig"] = write_choice(request.tool_choice)
    config = write_config(request, quirks.formats)
    if config:
        wire["generationConfig"] = config
    if request.user is not None:
        notes.append("user was left out; this API has no place for it")
    for name, value in own(request.extra).items():
        wire[name] = _joined(wire[name], value) if name in _JOINED and name in wire else value
    _keep_within(wire, quirks, notes)
    return wire


def _joined(said: Mapping[str, Any], unknown: Any) -> dict[str, Any]:
    """What was asked for by name goes before what came along, field by field."""
    merged = as_object(unknown, "an unknown field") | dict(said)
    for name, value in said.items():
        old = as_object(unknown, "an unknown field").get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            merged[name] = old | value
    return merged


def _refuse(request: Request, quirks: Quirks) -> None:
    if request.parallel_tool_calls is False and request.tools:
        raise UnsupportedError(
            "parallel_tool_calls cannot be switched off here; leave it out or choose a route"
        )
    if quirks.images is True:
        return
    images = [part for part in _parts(request) if type(part) is Image]
    if images and not quirks.images:
        raise UnsupportedError("images are not looked at here; leave them out or choose a route")
    if any(image.data is None for image in images):
        raise UnsupportedError(
            "images are taken as data here, not from a URL; fetch it or choose a route"
        )


def _parts(request: Request) -> Iterable[Part]:
    for message in request.messages:
        for part in message.content:
            yield part
            if type(part) is ToolResult:
                yield from part.content


def _keep_within(wire: dict[str, Any], quirks: Quirks, notes: list[str]) -> None:
    """What the vendor does not take, by a request's names or by those of this API."""
    config = wire.get("generationConfig", {})
    for name in (*quirks.left_out, *quirks.unsupported):
        said = CONFIG_NAMES.get(name, name)
        holder = config if said in config else wire if said in wire else None
        if holder is None:
            continue
        if name in quirks.left_out:
            notes.append(f"{name} was left out; this vendor does not take it")
        elif said == "candidateCount" and holder[said] == 1:
            notes.append("n was left out; one answer is what this vendor gives")
        else:
            raise UnsupportedError(f"{name} is not accepted here; leave it out or choose a route")
        del holder[said]
    if not config:
        wire.pop("generationConfig", None)


def read_request(model: str, stream: bool, body: bytes) -> Request:
    """A caller's request. Raises ``BadRequestError`` naming the field that is wrong."""
    try:
        return _read(model, stream, proto(decode(body), "the body"))
    except ValueError as error:
        raise BadRequestError(f"the request is not valid: {error}", status=400) from None


def _read(model: str, stream: bool, raw: dict[str, Any]) -> Request:
    unknown = own(bag(raw, _KNOWN | _REPEATED))
    config, rest = read_config(raw.get("generationConfig"))
    choice, more = read_choice(raw.get("toolConfig"))
    unknown |= {"generationConfig": rest} if rest else {}
    unknown |= {"toolConfig": more} if more else {}
    return Request(
        model=model,
        messages=(*read_system(raw.get("systemInstruction")), *read_messages(raw.get("contents"))),
        tools=tuple(read_tools(raw.get("tools"))),
        tool_choice=choice,
        stream=stream,
        extra={DIALECT: unknown} if unknown else {},
        **config,
    )
