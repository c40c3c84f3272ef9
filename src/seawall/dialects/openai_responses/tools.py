"""Tools, the choice among them, and the shape of a reply, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import UnsupportedError
from ...ports import Quirks
from ...types import Format, Opaque, Tool, ToolChoice
from ..json_values import as_object, as_text
from .words import DIALECT, bag, own

__all__ = ["read_choice", "read_format", "read_tool", "write_choice", "write_format", "write_tool"]

_TOOL = frozenset({"type", "name", "description", "parameters", "strict"})
_FORMAT = frozenset({"type", "name", "schema", "strict", "description"})


def write_tool(tool: Tool | Opaque) -> dict[str, Any]:
    if type(tool) is Opaque:
        if tool.dialect != DIALECT:
            raise UnsupportedError(f"a tool of {tool.dialect} cannot be said in {DIALECT}")
        return dict(tool.raw)
    assert type(tool) is Tool
    wire: dict[str, Any] = {"type": "function", "name": tool.name, "parameters": tool.parameters}
    # A function is strict here unless it says otherwise, and nowhere else.
    wire["strict"] = bool(tool.strict)
    if tool.description is not None:
        wire["description"] = tool.description
    return wire | own(tool.extra)


def read_tool(raw: dict[str, Any]) -> Tool | Opaque:
    if raw.get("type") != "function":
        return Opaque(DIALECT, raw)
    name = as_text(raw.get("name"), "tools[].name")
    if not name:
        raise ValueError("tools[].name is missing")
    extra = own(bag(raw, _TOOL))
    strict = raw.get("strict")
    if strict is None:
        extra["strict"] = None
    return Tool(
        name=name,
        description=as_text(raw.get("description"), "tools[].description"),
        parameters=_schema(raw, "parameters", "tools[]"),
        strict=strict,
        extra={DIALECT: extra} if extra else {},
    )


def _schema(fields: Mapping[str, Any], name: str, where: str) -> dict[str, Any] | None:
    value = fields.get(name)
    return None if value is None else as_object(value, f"{where}.{name}")


def write_choice(choice: ToolChoice) -> str | dict[str, Any]:
    if choice.mode == "tool":
        return {"type": "function", "name": choice.name}
    return choice.mode


def read_choice(raw: str | dict[str, Any] | None) -> ToolChoice | None:
    """The choice, or ``None`` for one that only this dialect knows."""
    if isinstance(raw, str):
        if raw not in ("auto", "none", "required"):
            raise ValueError(f"tool_choice is {raw!r}; it must be auto, none or required")
        return ToolChoice(raw)
    if raw is None or raw.get("type") != "function" or set(raw) != {"type", "name"}:
        return None
    return ToolChoice("tool", as_text(raw["name"], "tool_choice.name"))


def write_format(wanted: Format, quirks: Quirks) -> dict[str, Any]:
    if wanted.type not in quirks.formats:
        raise UnsupportedError(f"the format {wanted.type} is not served here")
    if wanted.type != "json_schema":
        return {"type": wanted.type} | own(wanted.extra)
    if wanted.schema is None:
        raise UnsupportedError(f"a json_schema without a schema cannot be said in {DIALECT}")
    wire: dict[str, Any] = {"type": wanted.type, "name": wanted.name, "schema": wanted.schema}
    if wanted.strict is not None:
        wire["strict"] = wanted.strict
    if wanted.description is not None:
        wire["description"] = wanted.description
    return wire | own(wanted.extra)


def read_format(given: Any) -> Format | None:
    """The format, or ``None`` for one that only this dialect knows."""
    raw = {} if given is None else as_object(given, "text.format")
    kind = raw.get("type")
    if kind == "text" or kind == "json_object":
        return Format(type=kind, extra=bag(raw, ("type",)))
    if kind != "json_schema":
        return None
    return Format(
        type="json_schema",
        name=as_text(raw.get("name"), "text.format.name") or "output",
        schema=_schema(raw, "schema", "text.format"),
        strict=raw.get("strict"),
        description=as_text(raw.get("description"), "text.format.description"),
        extra=bag(raw, _FORMAT),
    )
