"""The part of JSON Schema that ``response_format.json_schema`` takes.

Source: the guide "How do Structured Outputs Work?", sections "Schema constraints" and "Unsupported
schema features". A constraint that is not enforced is told in the description; whoever asked
checks it when the answer comes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from ..json_values import as_list, as_object, encode_body

__all__ = ["enforced"]

_Node = dict[str, Any]
_NAMED = ("properties", "$defs", "definitions")
_REFUSED = ("allOf", "oneOf", "not")
_UNENFORCED = frozenset(
    {
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minItems", "maxItems", "uniqueItems", "minLength", "maxLength"),
    }
)
_FORMATS = ("date-time", "uuid", "date", "time")
_ANCHORED = re.compile(r"\^|\$|\?=|\?!")


def enforced(schema: Mapping[str, Any], notes: list[str]) -> _Node:
    """``schema`` as it can be enforced. Raises ``ValueError`` for one that cannot be."""
    if schema.get("type") != "object":
        raise ValueError("its root is no object")
    told: set[str] = set()
    try:
        node = _node(schema, told)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if told:
        notes.append(f"the schema's {', '.join(sorted(told))} became part of its descriptions")
    return node


def _node(schema: Any, told: set[str]) -> _Node:
    given = as_object(schema, "a schema")
    _refuse(given)
    kept: _Node = {}
    left: dict[str, Any] = {}
    for name, value in given.items():
        if _sayable(name, value):
            kept[name] = _nested(name, value, told)
        else:
            left[name] = value
    if left:
        told.update(left)
        constraints = ", ".join(f"{name}: {encode_body(it).decode()}" for name, it in left.items())
        said = given.get("description")
        kept["description"] = "\n\n".join(filter(None, (said, f"{{{constraints}}}")))
    return kept


def _refuse(node: Mapping[str, Any]) -> None:
    for name in _REFUSED:
        if name in node:
            raise ValueError(f"{name} is not understood")
    kind = node.get("type")
    is_object = kind == "object" or (isinstance(kind, list) and "object" in kind)
    if (is_object or "properties" in node) and not node.get("required"):
        raise ValueError("an object has no required field")


def _sayable(name: str, value: Any) -> bool:
    if name == "format":
        return value in _FORMATS
    if name == "pattern":
        return isinstance(value, str) and not _ANCHORED.search(value)
    return name not in _UNENFORCED


def _nested(name: str, value: Any, told: set[str]) -> Any:
    if name in _NAMED:
        return {key: _node(one, told) for key, one in as_object(value, name).items()}
    if name == "anyOf":
        return [_node(one, told) for one in as_list(value, name)]
    if name in ("items", "additionalProperties") and isinstance(value, dict):
        return _node(cast("_Node", value), told)
    return value
