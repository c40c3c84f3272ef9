"""The part of JSON Schema that OpenAI's strict mode takes.

Sources: OpenAI's guide "Structured model outputs", section "Supported schemas" (as of February
2026: an object at the root, every object closed, every field required, ``anyOf`` but no other
composition, at most 5,000 properties, 10 levels, 1,000 enum values and 120,000 characters of
names), and ``openai.lib._pydantic`` of openai-python 3.54 (no ``default``, a ``$ref`` stands
alone). A constraint that is left out here is checked when the answer comes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from .nulls import takes_null
from .schema import find_ref

__all__ = ["strict_schema"]

_KEPT = frozenset(
    {
        *("title", "description", "type", "enum", "const"),
        *("multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        *("minItems", "maxItems"),
    }
)
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)
_INEXPRESSIBLE = ("patternProperties", "prefixItems", "$dynamicRef", "unevaluatedProperties")
_TYPES: dict[Any, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}
_MAX_LEVELS, _MAX_PROPERTIES, _MAX_ENUM, _MAX_NAMES = 10, 5000, 1000, 120_000

_Node = dict[str, Any]


class _Inexpressible(Exception):
    """Strict mode has no words for it."""


class _Strict:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.inlining: list[str] = []
        self.properties = self.enums = self.names = 0

    def node(self, schema: Any, path: str, level: int) -> _Node:
        if not isinstance(schema, Mapping) or not schema:
            raise _Inexpressible(f"{path} may be anything")
        node = cast("Mapping[str, Any]", schema)
        if level > _MAX_LEVELS:
            raise _Inexpressible(f"{path} is nested deeper than {_MAX_LEVELS} levels")
        for keyword in _INEXPRESSIBLE:
            if keyword in node:
                raise _Inexpressible(f"{path} uses {keyword}")
        if "$ref" in node:
            return self._ref(node, path, level)
        if "allOf" in node:
            return self._all(node, path, level)
        branches = node.get("anyOf") or node.get("oneOf")
        if branches:
            return self._any(node, branches, path, level)
        return self._plain(node, path, level)

    def _ref(self, node: Mapping[str, Any], path: str, level: int) -> _Node:
        ref: str = node["$ref"]
        leads_to = find_ref(self.root, ref)
        if leads_to is None:
            raise _Inexpressible(f"{path} refers to {ref}, which is not inside the schema")
        alone = {"$ref": ref.replace("#/definitions/", "#/$defs/")}
        if not node.keys() & {"description"} or ref in self.inlining:
            return alone
        # A reference must stand alone, so one that is described is replaced by what it means.
        self.inlining.append(ref)
        inlined = self.node({**leads_to, "description": node["description"]}, path, level)
        self.inlining.pop()
        return inlined

    def _all(self, node: Mapping[str, Any], path: str, level: int) -> _Node:
        parts = node["allOf"]
        rest = {key: value for key, value in node.items() if key != "allOf"}
        if len(parts) != 1 or not isinstance(parts[0], Mapping):
            raise _Inexpressible(f"{path} uses allOf")
        return self.node({**parts[0], **rest}, path, level)

    def _any(self, node: Mapping[str, Any], branches: Any, path: str, level: int) -> _Node:
        told = {key: node[key] for key in ("title", "description") if key in node}
        if node.keys() & {"properties", "items", "enum", "const"}:
            raise _Inexpressible(f"{path} mixes anyOf with other keywords")
        return {**told, "anyOf": [self.node(branch, path, level) for branch in branches]}

    def _plain(self, node: Mapping[str, Any], path: str, level: int) -> _Node:
        kept: _Node = {key: value for key, value in node.items() if key in _KEPT}
        kept["type"] = node.get("type") or self._type_of(node, path)
        self._count(node)
        if node.get("format") in _FORMATS:
            kept["format"] = node["format"]
        pattern = node.get("pattern")
        if isinstance(pattern, str) and not re.search(r"\(\?|\\[1-9bB]", pattern):
            kept["pattern"] = pattern
        types = cast(
            "list[str]", kept["type"] if isinstance(kept["type"], list) else [kept["type"]]
        )
        if "object" in types:
            kept.update(self._object(node, path, level))
        if "array" in types:
            kept["items"] = self.node(node.get("items"), f"{path}[]", level + 1)
        return kept

    def _type_of(self, node: Mapping[str, Any], path: str) -> Any:
        values = [node["const"]] if "const" in node else node.get("enum", [])
        types = sorted({_TYPES.get(type(value), "") for value in cast("list[Any]", values)})
        if "properties" in node:
            return "object"
        if not types or "" in types:
            raise _Inexpressible(f"{path} has no type")
        return types[0] if len(types) == 1 else types

    def _object(self, node: Mapping[str, Any], path: str, level: int) -> _Node:
        fields = cast("Mapping[str, Any]", node.get("properties", {}))
        extra = node.get("additionalProperties", bool(not fields))
        if extra is not False:
            raise _Inexpressible(f"{path} takes fields of any name")
        required = set(node.get("required", ()))
        self.properties += len(fields)
        self.names += sum(map(len, fields))
        return {
            "properties": {
                name: self._field(field, f"{path}.{name}", level + 1, name in required)
                for name, field in fields.items()
            },
            "required": list(fields),
            "additionalProperties": False,
        }

    def _field(self, field: Any, path: str, level: int, required: bool) -> _Node:
        strict = self.node(field, path, level)
        if required or takes_null(field, self.root):
            return strict
        kind = strict.get("type")
        if isinstance(kind, str) and not strict.keys() & {"enum", "const"}:
            return {**strict, "type": [kind, "null"]}
        told = {"description": strict.pop("description")} if "description" in strict else {}
        return {**told, "anyOf": [strict, {"type": "null"}]}

    def _count(self, node: Mapping[str, Any]) -> None:
        values = node.get("enum", ())
        self.enums += len(values)
        self.names += sum(len(str(value)) for value in values) + len(str(node.get("const", "")))

    def limits(self) -> None:
        for many, most, what in (
            (self.properties, _MAX_PROPERTIES, "properties"),
            (self.enums, _MAX_ENUM, "enum values"),
            (self.names, _MAX_NAMES, "characters of names and enum values"),
        ):
            if many > most:
                raise _Inexpressible(f"it has {many} {what}, and {most} is the most")


def strict_schema(schema: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """``schema`` as OpenAI's strict mode takes it, or ``None`` and why it cannot be expressed.

    Every answer that meets the strict schema meets ``schema`` too, but for constraints that
    strict mode does not know and for optional fields, which come as ``null``. A validator of
    this room checks the first and drops the second.
    """
    strict = _Strict(schema)
    try:
        result = strict.node(schema, "the value", 0)
        if result.get("type") != "object":
            raise _Inexpressible("the root is not an object")
        defs = {**schema.get("definitions", {}), **schema.get("$defs", {})}
        if defs:
            result["$defs"] = {name: strict.node(node, name, 0) for name, node in defs.items()}
            strict.names += sum(map(len, defs))
        strict.limits()
    except _Inexpressible as why:
        return None, str(why)
    return result, ""
