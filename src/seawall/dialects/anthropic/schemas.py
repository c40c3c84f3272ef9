"""The part of JSON Schema that ``output_config.format`` takes.

Sources: the guide "Structured outputs" (section "JSON Schema limitations") and
``anthropic.lib._parse._transform`` of anthropic-python 2.12: every object is closed, and a
constraint that decoding cannot enforce is told in the description. Whoever asked checks it when
the answer comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ..json_values import as_list, as_object, encode

__all__ = ["enforced"]

_KEPT = frozenset({"type", "enum", "const", "title", "required", "$ref"})
_NESTED = frozenset({"$defs", "definitions", "properties", "items", "anyOf", "oneOf", "allOf"})
_FORMATS = frozenset(
    {
        *("date-time", "time", "date", "duration", "email", "hostname", "uri"),
        *("ipv4", "ipv6", "uuid"),
    }
)
_IGNORED = frozenset({"$schema", "$id", "$comment", "additionalProperties", "description"})
_Node = dict[str, Any]


def enforced(schema: Mapping[str, Any], notes: list[str]) -> _Node:
    """``schema`` as it can be enforced. Raises ``ValueError`` for one that cannot be: it refers to
    itself, or has an object whose fields are not named, which would come back empty."""
    told: set[str] = set()
    node = _node(schema, told)
    for name in ("$defs", "definitions"):
        _refuse_cycles(node.get(name, {}), f"#/{name}/")
    if told:
        notes.append(f"the schema's {', '.join(sorted(told))} became part of its descriptions")
    return node


def _node(schema: Any, told: set[str]) -> _Node:
    if not isinstance(schema, Mapping):
        raise ValueError(f"a schema that is {schema!r} says nothing")
    given = cast("Mapping[str, Any]", schema)
    kept: _Node = {}
    left: dict[str, Any] = {}
    for name, value in given.items():
        if name in _NESTED:
            kept["anyOf" if name == "oneOf" else name] = _nested(name, value, told)
        elif name in _KEPT or _sayable(name, value):
            kept[name] = value
        elif name not in _IGNORED:
            left[name] = value
    if _is_object(given):
        kept |= _closed(given)
    description = _description(given.get("description"), left)
    told.update(left)
    if description:
        kept["description"] = description
    return _alone(kept)


def _nested(name: str, value: Any, told: set[str]) -> Any:
    if name == "items":
        return _node(value, told)
    if name in ("anyOf", "oneOf", "allOf"):
        return [_node(one, told) for one in as_list(value, name)]
    return {key: _node(one, told) for key, one in as_object(value, name).items()}


def _sayable(name: str, value: Any) -> bool:
    if name == "format":
        return isinstance(value, str) and value in _FORMATS
    return name == "minItems" and value in (0, 1)


def _is_object(node: Mapping[str, Any]) -> bool:
    kind = node.get("type")
    return "properties" in node or kind == "object" or (isinstance(kind, list) and "object" in kind)


def _closed(node: Mapping[str, Any]) -> _Node:
    if node.get("additionalProperties") or "properties" not in node:
        raise ValueError("an object has fields of any name")
    return {"additionalProperties": False}


def _description(said: Any, left: Mapping[str, Any]) -> str:
    constraints = ", ".join(f"{name}: {encode(value).decode()}" for name, value in left.items())
    return "\n\n".join(filter(None, (said, constraints and f"{{{constraints}}}")))


def _alone(node: _Node) -> _Node:
    """A reference stands alone; one that is described becomes the only branch of a choice."""
    if "$ref" not in node:
        return node
    ref = {"$ref": node.pop("$ref")}
    definitions = {name: node[name] for name in ("$defs", "definitions") if name in node}
    if node.keys() <= definitions.keys() | {"title"}:
        return definitions | ref
    return node | {"anyOf": [ref]}


def _refuse_cycles(definitions: Mapping[str, Any], prefix: str) -> None:
    """Definitions that need no other are struck off until none is left, or only a circle."""
    needs = {
        name: {ref.removeprefix(prefix) for ref in _refs(node)} & definitions.keys()
        for name, node in definitions.items()
    }
    while needs:
        free = [name for name, others in needs.items() if not others & needs.keys()]
        if not free:
            raise ValueError(f"{', '.join(sorted(needs))} refer to themselves")
        for name in free:
            del needs[name]


def _refs(value: Any) -> set[str]:
    if isinstance(value, list):
        return set[str]().union(*map(_refs, cast("list[Any]", value)))
    if not isinstance(value, dict):
        return set()
    fields = cast("dict[str, Any]", value)
    found = {fields["$ref"]} if isinstance(fields.get("$ref"), str) else set[str]()
    return found.union(*map(_refs, fields.values()))
