"""Optional fields given as ``null``: strict schemas have no other way to leave a field out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from .schema import find_ref

__all__ = ["takes_null", "without_nulls"]

_Schema = Mapping[str, Any]
_MAX_HOPS = 20  # a schema may refer to itself without ever saying anything


def takes_null(schema: Any, root: _Schema, hops: int = 0) -> bool:
    """Whether ``schema`` lets ``null`` through, as far as its types tell."""
    if not isinstance(schema, Mapping) or hops > _MAX_HOPS:
        return schema is True
    node = cast(_Schema, schema)
    if isinstance(ref := node.get("$ref"), str):
        return takes_null(find_ref(root, ref), root, hops + 1)
    for key in ("anyOf", "oneOf"):
        if key in node:
            return any(takes_null(branch, root, hops + 1) for branch in node[key])
    if "const" in node:
        return node["const"] is None
    if "enum" in node:
        return None in node["enum"]
    types = node.get("type")
    return types is None or types == "null" or (isinstance(types, list) and "null" in types)


def without_nulls(value: Any, schema: Any, root: _Schema, hops: int = 0) -> Any:
    """``value`` without the ``null`` of each field that ``schema`` neither requires nor lets be
    ``null``."""
    if not isinstance(schema, Mapping) or not isinstance(value, (dict, list)) or hops > _MAX_HOPS:
        return cast("Any", value)
    node = cast(_Schema, schema)
    if isinstance(ref := node.get("$ref"), str):
        return without_nulls(value, find_ref(root, ref), root, hops + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        for branch in node.get(key, ()):
            value = without_nulls(value, branch, root, hops + 1)
    if isinstance(value, list):
        items = node.get("items")
        return [without_nulls(item, items, root) for item in cast("list[Any]", value)]
    fields: _Schema = node.get("properties", {})
    optional = set(fields) - set(node.get("required", ()))
    kept: dict[str, Any] = {}
    for name, item in cast("dict[str, Any]", value).items():
        if item is None and name in optional and not takes_null(fields[name], root):
            continue
        kept[name] = without_nulls(item, fields.get(name), root)
    return kept
