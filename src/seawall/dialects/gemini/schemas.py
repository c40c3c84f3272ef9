"""From the API's own ``Schema``, a subset of OpenAPI 3.0, to the JSON Schema everybody reads.

Its types are written in capitals (``OBJECT``), its limits may be strings (they are 64-bit
integers of Protocol Buffers), and ``nullable`` stands for a type that may be null. Requests are
written with ``parametersJsonSchema`` and ``responseJsonSchema``, which take JSON Schema as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from .words import proto

__all__ = ["json_schema"]

_LIMITS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")


def json_schema(raw: Any, where: str) -> dict[str, Any]:
    """Raises ``ValueError`` for what is no schema."""
    schema: dict[str, Any] = {}
    fields = dict(proto(raw, where))
    nullable = fields.pop("nullable", None) is True
    kind = fields.pop("type", None)
    if isinstance(kind, str):
        kind = None if kind == "TYPE_UNSPECIFIED" else kind.lower()
    if kind is not None:
        schema["type"] = [kind, "null"] if nullable else kind
    schema |= fields
    for name in _LIMITS:
        limit = schema.get(name)
        if isinstance(limit, str) and limit.isdecimal():
            schema[name] = int(limit)
    _inner(schema, where)
    if nullable and "type" not in schema and isinstance(schema.get("anyOf"), list):
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    if nullable and isinstance(schema.get("enum"), list):
        schema["enum"] = [*schema["enum"], None]
    return schema


def _inner(schema: dict[str, Any], where: str) -> None:
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            schema[name] = json_schema(schema[name], f"{where}.{name}")
    for name in ("anyOf", "oneOf", "prefixItems"):
        if isinstance(schema.get(name), list):
            schema[name] = [json_schema(one, f"{where}.{name}[]") for one in schema[name]]
    for name in ("properties", "$defs", "defs"):
        if isinstance(schema.get(name), dict):
            fields = cast("Mapping[str, Any]", schema[name])
            schema[name] = {
                key: json_schema(one, f"{where}.{name}.{key}") for key, one in fields.items()
            }
