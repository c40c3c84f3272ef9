"""Tools and the shape of the answer, from pydantic-ai's request parameters."""

from __future__ import annotations

from typing import Any

from pydantic_ai.exceptions import UserError
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models._tool_choice import resolve_tool_choice
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from ...types import Format, Tool, ToolChoice

__all__ = ["output_options", "tool_options"]


def tool_options(
    settings: ModelSettings | None, parameters: ModelRequestParameters
) -> dict[str, Any]:
    """The tools that may be called and whether one must be. Raises ``UserError`` for tools that
    only a vendor's own API runs."""
    if parameters.native_tools:
        names = ", ".join(type(tool).__name__ for tool in parameters.native_tools)
        raise UserError(f"{names}: Seawall has no tools that a vendor runs")
    chosen = resolve_tool_choice(settings, parameters)
    tools = parameters.declared_tool_defs
    if isinstance(chosen, tuple):
        mode, names = chosen
        tools = {name: tool for name, tool in tools.items() if name in names}
        choice = ToolChoice(mode)
        if mode == "required" and len(tools) == 1:
            choice = ToolChoice("tool", next(iter(tools)))
    else:
        choice = ToolChoice(chosen)
    if not tools:
        return {}
    said = None if choice.mode == "auto" else choice
    return {"tools": [_tool(tool) for tool in tools.values()], "tool_choice": said}


def _tool(tool: ToolDefinition) -> Tool:
    return Tool(
        name=tool.name,
        description=tool.description,
        parameters=tool.parameters_json_schema,
        strict=tool.strict,
    )


def output_options(parameters: ModelRequestParameters) -> dict[str, Any]:
    """What the vendor is asked to see to; pydantic-ai validates and asks again."""
    wanted = parameters.output_object
    if parameters.output_mode == "native" and wanted is not None:
        shape = Format(
            type="json_schema",
            name=wanted.name or "output",
            schema=wanted.json_schema,
            strict=wanted.strict,
            description=wanted.description,
        )
        return {"response_format": shape}
    if parameters.output_mode == "prompted" and not parameters.declared_tool_defs:
        return {"response_format": Format(type="json_object")}
    return {}
