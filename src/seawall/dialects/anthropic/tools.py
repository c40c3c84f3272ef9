"""Tools and the choice among them, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import UnsupportedError
from ...types import Opaque, Request, Tool, ToolChoice
from ..json_values import as_object, as_text
from .words import DIALECT, bag, own

__all__ = ["read_choice", "read_tool", "write_choice", "write_tool"]

_TOOL = frozenset({"type", "name", "description", "input_schema", "strict"})
_MODES = {"auto": "auto", "none": "none", "required": "any"}
_NAMES = {theirs: ours for ours, theirs in _MODES.items()}


def write_tool(tool: Tool | Opaque) -> dict[str, Any]:
    if type(tool) is Opaque:
        if tool.dialect != DIALECT:
            raise UnsupportedError(f"a tool of {tool.dialect} cannot be said in {DIALECT}")
        return dict(tool.raw)
    assert type(tool) is Tool
    wire: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        wire["description"] = tool.description
    # The schema is required, and its type with it.
    wire["input_schema"] = {"type": "object", **(tool.parameters or {"properties": {}})}
    if tool.strict is not None:
        wire["strict"] = tool.strict
    return wire | own(tool.extra)


def read_tool(raw: dict[str, Any]) -> Tool | Opaque:
    """A tool of the caller's, or ``Opaque`` for one that the provider defines."""
    if raw.get("type") not in (None, "custom"):
        return Opaque(DIALECT, raw)
    name = as_text(raw.get("name"), "tools[].name")
    if not name:
        raise ValueError("tools[].name is missing")
    return Tool(
        name=name,
        description=as_text(raw.get("description"), "tools[].description"),
        parameters=as_object(raw.get("input_schema"), "tools[].input_schema"),
        strict=raw.get("strict"),
        extra=bag(raw, _TOOL),
    )


def write_choice(request: Request) -> dict[str, Any] | None:
    """The choice, which also says whether tools may be called side by side."""
    choice, parallel = request.tool_choice, request.parallel_tool_calls
    if choice is None and (parallel is None or not request.tools):
        return None
    choice = choice or ToolChoice("auto")
    if choice.mode == "none":
        return {"type": "none"}
    wire: dict[str, Any] = {"type": "tool", "name": choice.name}
    if choice.mode != "tool":
        wire = {"type": _MODES[choice.mode]}
    if parallel is not None:
        wire["disable_parallel_tool_use"] = not parallel
    return wire


def read_choice(raw: Mapping[str, Any] | None) -> tuple[ToolChoice | None, bool | None]:
    """The choice, and whether tools may be called side by side."""
    if raw is None:
        return None, None
    kind = as_text(raw.get("type"), "tool_choice.type")
    alone = raw.get("disable_parallel_tool_use")
    parallel = None if alone is None else not alone
    if kind == "tool":
        name = as_text(raw.get("name"), "tool_choice.name")
        if not name:
            raise ValueError("tool_choice.name is missing")
        return ToolChoice("tool", name), parallel
    if kind not in _NAMES:
        raise ValueError(f"tool_choice.type is {kind!r}; it must be auto, any, tool or none")
    return ToolChoice(_NAMES[kind]), parallel  # type: ignore[arg-type]
