"""Tools, the choice among them, and calls, both ways."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import UnsupportedError
from ...types import Opaque, Request, Tool, ToolCall, ToolChoice
from ..json_values import as_object, as_text, decode, encode_body
from .words import DIALECT, bag, own

__all__ = ["read_call", "read_choice", "read_tools", "write_call", "write_tools"]

_MODES = {"none": "NONE", "required": "REQUIRED"}
_NAMES = {theirs: ours for ours, theirs in _MODES.items()}
#: What else a name may not hold is answered with 400 (reference: errors).
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def write_tools(request: Request, notes: list[str]) -> dict[str, Any]:
    """The fields of a request about tools. One that must be called is asked for by naming no
    other: there is no field for its name."""
    tools, choice = request.tools, request.tool_choice
    if choice is not None and choice.mode == "tool":
        tools = _named(tools, choice.name)
        choice = ToolChoice("required")
        notes.append("no other tool than the one that must be called was sent; names have no field")
    wire: dict[str, Any] = {}
    if tools:
        wire["tools"] = [_write_tool(tool) for tool in tools]
    strict = _strict(tools, notes)
    if strict is not None:
        wire["strict_tools"] = strict
    if choice is not None and choice.mode != "auto":
        wire["tool_choice"] = _MODES[choice.mode]
    return wire


def _named(tools: Sequence[Tool | Opaque], name: str | None) -> tuple[Tool, ...]:
    found = tuple(tool for tool in tools if type(tool) is Tool and tool.name == name)
    if not found:
        raise UnsupportedError(f"tool_choice names {name!r}, which is not among the tools")
    return found


def _write_tool(tool: Tool | Opaque) -> dict[str, Any]:
    if type(tool) is Opaque:
        if tool.dialect != DIALECT:
            raise UnsupportedError(f"a tool of {tool.dialect} cannot be said in {DIALECT}")
        return dict(tool.raw)
    assert type(tool) is Tool
    if not _NAME.fullmatch(tool.name):
        raise UnsupportedError(
            f"the tool {tool.name!r} needs a name of letters, digits and _ here, no digit first"
        )
    extra = own(tool.extra)
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = tool.parameters or {"type": "object", "properties": {}}
    return {"type": "function", "function": function | extra.pop("function", {})} | extra


def _strict(tools: Sequence[Tool | Opaque], notes: list[str]) -> bool | None:
    """Whether calls must follow their tools' schemas: all of them or none, and only such as have
    a required field (guide to structured outputs)."""
    wishes = {tool.strict for tool in tools if type(tool) is Tool}
    if wishes <= {None}:
        return None
    loose = [tool.name for tool in tools if type(tool) is Tool and not _requires(tool)]
    if len(wishes) == 1 and not (loose and True in wishes):
        return wishes.pop()
    notes.append("strict was left out; it holds for all tools here, each with a required field")
    return None


def _requires(tool: Tool) -> bool:
    return bool((tool.parameters or {}).get("required"))


def read_tools(raw: Sequence[dict[str, Any]], strict: bool | None) -> tuple[Tool | Opaque, ...]:
    return tuple(_read_tool(tool, strict) for tool in raw)


def _read_tool(raw: dict[str, Any], strict: bool | None) -> Tool | Opaque:
    if raw.get("type") != "function":
        return Opaque(DIALECT, raw)
    function = as_object(raw.get("function"), "tools[].function")
    name = as_text(function.get("name"), "tools[].function.name")
    if not name:
        raise ValueError("tools[].function.name is missing")
    extra = own(bag(raw, ("type", "function")))
    inner = own(bag(function, ("name", "description", "parameters")))
    if inner:
        extra["function"] = inner
    return Tool(
        name=name,
        description=as_text(function.get("description"), "tools[].function.description"),
        parameters=as_object(function.get("parameters") or {}, "tools[].function.parameters"),
        strict=strict,
        extra={DIALECT: extra} if extra else {},
    )


def read_choice(raw: str | None) -> ToolChoice | None:
    if raw is None:
        return None
    if raw not in _NAMES:
        raise ValueError(f"tool_choice is {raw!r}; it must be REQUIRED or NONE")
    return ToolChoice(_NAMES[raw])  # type: ignore[arg-type]


def write_call(call: ToolCall, notes: list[str]) -> dict[str, Any]:
    """A call whose arguments are no JSON object (a custom tool's, or a broken one) has them as
    its ``input``."""
    extra = own(call.extra)
    function = {"name": call.name, "arguments": _arguments(call, notes)}
    wire: dict[str, Any] = {"id": call.id, "type": "function"}
    return wire | {"function": function | extra.pop("function", {})} | extra


def _arguments(call: ToolCall, notes: list[str]) -> str:
    text = call.arguments if call.arguments.strip() else "{}"
    try:
        if isinstance(decode(text.encode()), dict):
            return text
    except ValueError:
        pass
    notes.append(f"the arguments of {call.name} are no JSON object and were sent as its input")
    return encode_body({"input": call.arguments}).decode()


def read_call(raw: Mapping[str, Any]) -> ToolCall:
    """A call, or the first piece of one. Raises ``ValueError`` for one without a name."""
    function = as_object(raw.get("function"), "tool_calls[].function")
    name = as_text(function.get("name"), "tool_calls[].function.name")
    if not name:
        raise ValueError("a tool call has no function name")
    extra = own(bag(raw, ("id", "type", "function")))
    inner = own(bag(function, ("name", "arguments")))
    if inner:
        extra["function"] = inner
    arguments = as_text(function.get("arguments"), "tool_calls[].function.arguments") or ""
    id_ = as_text(raw.get("id"), "tool_calls[].id") or ""
    return ToolCall(id_, name, arguments, {DIALECT: extra} if extra else {})
