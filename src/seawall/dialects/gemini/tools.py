"""Functions, other tools, and the choice among them, both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...errors import UnsupportedError
from ...types import Opaque, Tool, ToolChoice
from ..json_values import as_list, as_object, as_text
from .schemas import json_schema
from .words import DIALECT, bag, each, own, proto

__all__ = ["read_choice", "read_tools", "write_choice", "write_tools"]

_DECLARATIONS = "functionDeclarations"
_DECLARATION = frozenset({"name", "description", "parameters", "parametersJsonSchema"})
_MODES = {"AUTO": "auto", "NONE": "none", "ANY": "required"}
_WORDS = {"auto": "AUTO", "none": "NONE", "required": "ANY", "tool": "ANY"}


def read_tools(raw: Any) -> Iterable[Tool | Opaque]:
    """Functions one by one, and what is no function as it came."""
    for tool in each(raw, "tools"):
        fields = proto(tool, "tools[]")
        for declaration in each(fields.get(_DECLARATIONS), f"tools[].{_DECLARATIONS}"):
            yield _read_function(proto(declaration, f"{_DECLARATIONS}[]"))
        rest = own(bag(fields, (_DECLARATIONS,)))
        if rest:
            yield Opaque(DIALECT, rest)


def _read_function(fields: Mapping[str, Any]) -> Tool:
    where = f"{_DECLARATIONS}[]"
    name = as_text(fields.get("name"), f"{where}.name")
    if not name:
        raise ValueError(f"{where}.name is missing")
    schema: dict[str, Any] | None = None
    if fields.get("parametersJsonSchema") is not None:
        schema = as_object(fields["parametersJsonSchema"], f"{where}.parametersJsonSchema")
    elif fields.get("parameters") is not None:
        schema = json_schema(fields["parameters"], f"{where}.parameters")
    return Tool(
        name=name,
        description=as_text(fields.get("description"), f"{where}.description"),
        parameters=schema,
        extra=bag(fields, _DECLARATION),
    )


def write_tools(tools: Sequence[Tool | Opaque], notes: list[str]) -> list[dict[str, Any]]:
    """Neighbouring functions stand in one tool, as the official client writes them."""
    wire: list[dict[str, Any]] = []
    for tool in tools:
        if type(tool) is Tool:
            if not wire or wire[-1].keys() != {_DECLARATIONS}:
                wire.append({_DECLARATIONS: []})
            wire[-1][_DECLARATIONS].append(_write_function(tool, notes))
        elif type(tool) is Opaque and tool.dialect == DIALECT:
            wire.append(dict(tool.raw))
        else:
            raise UnsupportedError(f"a tool of another dialect cannot be said in {DIALECT}")
    return wire


def _write_function(tool: Tool, notes: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        fields["description"] = tool.description
    if tool.parameters is not None:
        fields["parametersJsonSchema"] = tool.parameters
    if tool.strict:
        notes.append(
            f"strict of the tool {tool.name} was left out; arguments are held to their schema "
            "where a call is required"
        )
    return fields | own(tool.extra)


def read_choice(raw: Any) -> tuple[ToolChoice | None, dict[str, Any]]:
    """The choice, and what of ``toolConfig`` only this dialect can say."""
    config = proto(raw, "toolConfig")
    calling = proto(config.get("functionCallingConfig"), "functionCallingConfig")
    names = as_list(calling.get("allowedFunctionNames"), "allowedFunctionNames")
    mode = _MODES.get(str(calling.get("mode", "")).upper())
    known = calling.keys() <= {"mode", "allowedFunctionNames"}
    if mode is None or not known or len(names) > 1 or (names and mode != "required"):
        return None, config
    rest = own(bag(config, ("functionCallingConfig",)))
    if names:
        return ToolChoice("tool", as_text(names[0], "allowedFunctionNames[]")), rest
    return ToolChoice(mode), rest  # type: ignore[arg-type]


def write_choice(choice: ToolChoice) -> dict[str, Any]:
    calling: dict[str, Any] = {"mode": _WORDS[choice.mode]}
    if choice.mode == "tool":
        calling["allowedFunctionNames"] = [choice.name]
    return {"functionCallingConfig": calling}
