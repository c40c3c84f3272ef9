"""Requests, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ...errors import BadRequestError, UnsupportedError
from ...ports import Quirks
from ...types import Format, Opaque, Request, Tool, ToolChoice
from .limits import keep_within
from .messages import read_message, write_messages
from .words import DIALECT, as_object, as_text, bag, decode, own

__all__ = ["read_choice", "read_format", "read_request", "read_tool", "write_request"]

_SCALARS = (
    "parallel_tool_calls",
    "temperature",
    "top_p",
    "seed",
    "n",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
    "user",
)


class _Wire(Struct):
    """The fields of a request that have a type of their own; checks a caller's request."""

    model: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    n: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning_effort: str | None = None
    user: str | None = None
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None


_KNOWN = frozenset(_Wire.__struct_fields__)


def write_request(request: Request, quirks: Quirks, notes: list[str]) -> dict[str, Any]:
    """The request's JSON body. Raises ``UnsupportedError`` for what this vendor cannot take."""
    wire: dict[str, Any] = {
        "model": request.model,
        "messages": write_messages(
            request.messages, quirks.system_role, quirks.reasoning_field, notes
        ),
    }
    for name in _SCALARS:
        value = getattr(request, name)
        if value is not None:
            wire[name] = value
    if request.max_tokens is not None:
        wire[quirks.max_tokens_field] = request.max_tokens
    if request.stop:
        wire["stop"] = list(request.stop)
    if request.tools:
        wire["tools"] = [_write_tool(tool) for tool in request.tools]
    if request.tool_choice is not None:
        wire["tool_choice"] = _write_choice(request.tool_choice)
    if request.format is not None:
        wire["response_format"] = _write_format(request.format, quirks)
    if request.stream:
        wire["stream"] = True
        if quirks.stream_usage:
            wire["stream_options"] = {"include_usage": True}
    unknown = own(request.extra)
    if unknown:
        _merge_unknown(wire, unknown)
    keep_within(wire, request, quirks, notes)
    return wire


def _merge_unknown(wire: dict[str, Any], unknown: Mapping[str, Any]) -> None:
    for name, value in unknown.items():
        if name == "stream_options":
            if "stream_options" in wire:
                wire["stream_options"] = value | wire["stream_options"]
        else:
            wire[name] = value


def _write_tool(tool: Tool | Opaque) -> dict[str, Any]:
    if type(tool) is Opaque:
        if tool.dialect != DIALECT:
            raise UnsupportedError(f"a tool of {tool.dialect} cannot be said in {DIALECT}")
        return dict(tool.raw)
    assert type(tool) is Tool
    extra = own(tool.extra)
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function | extra.pop("function", {})} | extra


def _write_choice(choice: ToolChoice) -> str | dict[str, Any]:
    if choice.mode == "tool":
        return {"type": "function", "function": {"name": choice.name}}
    return choice.mode


def _write_format(wanted: Format, quirks: Quirks) -> dict[str, Any]:
    if wanted.type not in quirks.formats:
        raise UnsupportedError(f"response_format {wanted.type} is not served here")
    extra = own(wanted.extra)
    if wanted.type != "json_schema":
        return {"type": wanted.type} | extra
    schema: dict[str, Any] = {"name": wanted.name}
    if wanted.schema is not None:
        schema["schema"] = wanted.schema
    if wanted.strict is not None:
        schema["strict"] = wanted.strict
    if wanted.description is not None:
        schema["description"] = wanted.description
    return {"type": "json_schema", "json_schema": schema | extra.pop("json_schema", {})} | extra


def read_request(body: bytes) -> Request:
    """A caller's request. Raises ``BadRequestError`` naming the field that is wrong."""
    try:
        raw = as_object(decode(body), "the body")
        return _read(msgspec.convert(raw, _Wire), raw)
    except ValueError as error:
        raise BadRequestError(f"the request is not valid: {error}", status=400) from None


def _read(wire: _Wire, raw: dict[str, Any]) -> Request:
    unknown = own(bag(raw, _KNOWN))
    options = {k: v for k, v in (wire.stream_options or {}).items() if k != "include_usage"}
    if options:
        unknown["stream_options"] = options
    choice = read_choice(wire.tool_choice)
    if choice is None and wire.tool_choice is not None:
        unknown["tool_choice"] = wire.tool_choice
    wanted = read_format(wire.response_format)
    if wanted is None and wire.response_format is not None:
        unknown["response_format"] = wire.response_format
    stop = wire.stop or ()
    return Request(
        model=wire.model,
        messages=tuple(read_message(message) for message in wire.messages),
        tools=tuple(read_tool(tool) for tool in wire.tools or ()),
        tool_choice=choice,
        format=wanted,
        max_tokens=_cap(wire),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        stream=bool(wire.stream),
        extra={DIALECT: unknown} if unknown else {},
        **{name: getattr(wire, name) for name in _SCALARS},
    )


def _cap(wire: _Wire) -> int | None:
    """The output cap under its old or its new name; OpenAI refuses a request with both."""
    old, new = wire.max_tokens, wire.max_completion_tokens
    if old is not None and new is not None and old != new:
        raise ValueError(f"max_tokens is {old} but max_completion_tokens {new}; leave one out")
    return old if new is None else new


def read_tool(raw: dict[str, Any]) -> Tool | Opaque:
    if raw.get("type") != "function":
        return Opaque(DIALECT, raw)
    function = as_object(raw.get("function"), "tools[].function")
    name = as_text(function.get("name"), "tools[].function.name")
    if not name:
        raise ValueError("tools[].function.name is missing")
    extra = own(bag(raw, ("type", "function")))
    inner = own(bag(function, ("name", "description", "parameters", "strict")))
    if inner:
        extra["function"] = inner
    return Tool(
        name=name,
        description=as_text(function.get("description"), "tools[].function.description"),
        parameters=_schema(function, "parameters", "tools[].function"),
        strict=function.get("strict"),
        extra={DIALECT: extra} if extra else {},
    )


def _schema(fields: Mapping[str, Any], name: str, where: str) -> dict[str, Any] | None:
    value = fields.get(name)
    return None if value is None else as_object(value, f"{where}.{name}")


def read_choice(raw: str | dict[str, Any] | None) -> ToolChoice | None:
    if isinstance(raw, str):
        if raw not in ("auto", "none", "required"):
            raise ValueError(f"tool_choice is {raw!r}; it must be auto, none or required")
        return ToolChoice(raw)
    if raw is None or raw.get("type") != "function" or set(raw) != {"type", "function"}:
        return None
    function = as_object(raw["function"], "tool_choice.function")
    name = as_text(function.get("name"), "tool_choice.function.name")
    if not name:
        raise ValueError("tool_choice.function.name is missing")
    return ToolChoice("tool", name) if len(function) == 1 else None


def read_format(raw: dict[str, Any] | None) -> Format | None:
    kind = raw.get("type") if raw is not None else None
    if raw is None or kind not in ("text", "json_object", "json_schema"):
        return None
    if kind != "json_schema":
        return Format(type=kind, extra=bag(raw, ("type",)))
    inner = as_object(raw.get("json_schema"), "response_format.json_schema")
    extra = own(bag(raw, ("type", "json_schema")))
    rest = own(bag(inner, ("name", "schema", "strict", "description")))
    if rest:
        extra["json_schema"] = rest
    return Format(
        type="json_schema",
        name=as_text(inner.get("name"), "response_format.json_schema.name") or "output",
        schema=_schema(inner, "schema", "response_format.json_schema"),
        strict=inner.get("strict"),
        description=as_text(inner.get("description"), "response_format.json_schema.description"),
        extra={DIALECT: extra} if extra else {},
    )
