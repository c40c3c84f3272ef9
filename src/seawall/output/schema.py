"""JSON Schemas: compiled, and laid out with an object at the root as vendors want them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol, cast

import jsonschema_rs

from ..errors import ConfigError

__all__ = ["Checker", "checker", "find_ref", "rebase", "rooted"]

#: Keywords whose values are data, not schemas.
_DATA = frozenset(("const", "default", "enum", "example", "examples"))
_DEFS = ("$defs", "definitions")


class Checker(Protocol):
    """A compiled schema."""

    def is_valid(self, instance: Any) -> bool: ...
    def iter_errors(self, instance: Any) -> Any: ...


def checker(schema: Mapping[str, Any]) -> Checker:
    """Compile ``schema`` (draft 2020-12 unless its ``$schema`` says otherwise), formats checked.

    Nothing is fetched: a reference leads inside the schema. Raises ``ConfigError``.
    """
    try:
        return cast(
            Checker,
            jsonschema_rs.validator_for(dict(schema), validate_formats=True, offline=True),
        )
    except (ValueError, TypeError, jsonschema_rs.ReferencingError) as error:
        told = getattr(error, "message", None) or str(error)
        raise ConfigError(f"the JSON Schema is not valid: {told}", key="output") from error


def find_ref(root: Mapping[str, Any], ref: str) -> Mapping[str, Any] | None:
    """The schema a local ``$ref`` (``#/$defs/Item``) leads to, as RFC 6901 says."""
    if not ref.startswith("#"):
        return None
    found: Any = root
    for part in ref[1:].split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        found = cast("Mapping[str, Any]", found).get(part) if isinstance(found, Mapping) else None
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else None


def rooted(schema: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """``schema`` with an object at its root, and whether it had to be wrapped for that.

    A root that is only a reference is replaced by what it leads to. Anything else than an
    object is wrapped as ``{"value": ...}``.
    """
    root = dict(schema)
    ref = root.get("$ref")
    leads_to = find_ref(root, ref) if isinstance(ref, str) else None
    if leads_to is not None and leads_to.get("type") == "object":
        return {**leads_to, **_used_defs(root, leads_to, str(ref))}, False
    if root.get("type") == "object" or ("type" not in root and "properties" in root):
        return {**root, "type": "object"}, False
    defs = {key: rebase(root.pop(key), "#/properties/value") for key in _DEFS if key in root}
    root.pop("$schema", None)
    wrapper = {
        "type": "object",
        "properties": {"value": rebase(root, "#/properties/value")},
        "required": ["value"],
        "additionalProperties": False,
        **defs,
    }
    return wrapper, True


def _used_defs(root: Mapping[str, Any], leads_to: Mapping[str, Any], ref: str) -> dict[str, Any]:
    """The definitions, but for the one that has become the root, unless it is still named."""
    defs = {key: dict(root[key]) for key in _DEFS if key in root}
    _, holder, name = ref.rsplit("/", 2)
    if holder in defs:
        own = defs[holder].pop(name, None)
        if own is not None and f'"{ref}"' in json.dumps([leads_to, defs], default=str):
            defs[holder] = root[holder]
    return {key: kept for key, kept in defs.items() if kept}


def rebase(node: Any, base: str) -> Any:
    """``node`` with its references to the root made references to ``base``; those to the
    definitions stay, as these stay at the root."""
    if isinstance(node, list):
        return [rebase(item, base) for item in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    moved: dict[str, Any] = {}
    for key, value in cast("dict[str, Any]", node).items():
        if key == "$ref" and isinstance(value, str):
            hoisted = value.startswith(tuple(f"#/{name}/" for name in _DEFS))
            moved[key] = base + value[1:] if value.startswith("#") and not hoisted else value
        else:
            moved[key] = value if key in _DATA else rebase(value, base)
    return moved
