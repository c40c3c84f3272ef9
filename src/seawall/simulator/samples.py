"""A value that a JSON Schema allows, for answers that must have a shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import jsonschema_rs

from ..errors import BadRequestError

__all__ = ["fits", "sample"]

_DEPTH = 32
#: Below this depth only what is required is made: optional members may refer to their parents.
_OPTIONAL = 3
_FORMATS = {
    "date": "2026-11-23",
    "date-time": "2026-11-23T12:00:00Z",
    "time": "12:00:00Z",
    "email": "keeper@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "hostname": "example.com",
    "duration": "PT1H",
}


def fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether ``schema`` allows ``value``. Raises ``BadRequestError`` for what is no schema."""
    try:
        return jsonschema_rs.validator_for(dict(schema)).is_valid(value)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise BadRequestError(f"the schema is not valid: {error}", status=400) from None


def sample(schema: Mapping[str, Any], text: str) -> Any:
    """A small value that ``schema`` allows, with ``text`` as its strings where they are free.

    Always the same one. Raises ``BadRequestError`` for a schema that is none, or that asks for
    more than can be made up (a pattern, say).
    """
    value = _Maker(schema, text).make(schema, 0)
    if not fits(value, schema):
        raise BadRequestError(
            f"no sample answer could be made up for the schema (tried {value!r}); give the "
            "simulator an answer that fits",
            status=400,
        )
    return value


class _Maker:
    def __init__(self, root: Mapping[str, Any], text: str) -> None:
        self._root = root
        self._text = text
        self._makers: dict[str, Callable[[Mapping[str, Any], int], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
            "boolean": lambda schema, depth: True,
            "null": lambda schema, depth: None,
        }

    def make(self, schema: Any, depth: int) -> Any:
        if not isinstance(schema, Mapping) or depth > _DEPTH:
            return self._text
        schema = self._merged(cast("Mapping[str, Any]", schema), depth)
        for name in ("const", "default"):
            if name in schema:
                return schema[name]
        for name in ("enum", "examples"):
            if schema.get(name):
                return schema[name][0]
        return self._makers.get(_kind(schema), self._string)(schema, depth)

    def _merged(self, schema: Mapping[str, Any], depth: int) -> Mapping[str, Any]:
        """``schema`` with what it refers to, all it must meet and one of what it may meet."""
        if depth > _DEPTH:
            raise BadRequestError("the schema refers to itself without an end", status=400)
        if "$ref" in schema:
            rest = {name: value for name, value in schema.items() if name != "$ref"}
            return self._merged({**self._lookup(str(schema["$ref"])), **rest}, depth + 1)
        for name in ("anyOf", "oneOf"):
            if schema.get(name):
                chosen = min(schema[name], key=self._leads_back)
                schema = {**schema, **self._merged(chosen, depth + 1)}
        for part in schema.get("allOf", ()):
            inner = self._merged(part, depth + 1)
            properties = {**schema.get("properties", {}), **inner.get("properties", {})}
            required = [*schema.get("required", ()), *inner.get("required", ())]
            schema = {**schema, **inner, "properties": properties, "required": required}
        return schema

    def _leads_back(self, schema: Any) -> bool:
        """What may refer back to where it stands is chosen last."""
        return isinstance(schema, Mapping) and "$ref" in schema

    def _lookup(self, reference: str) -> Mapping[str, Any]:
        found: Any = self._root
        try:
            for step in reference.removeprefix("#").strip("/").split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~")] if step else found
        except (KeyError, TypeError):
            raise BadRequestError(
                f"the schema refers to {reference!r}, which is not in it", status=400
            ) from None
        return found

    def _object(self, schema: Mapping[str, Any], depth: int) -> Any:
        properties = cast("Mapping[str, Any]", schema.get("properties") or {})
        names = list(properties) if depth < _OPTIONAL else []
        names += [name for name in schema.get("required", ()) if name not in names]
        extra = schema.get("additionalProperties", {})
        return {name: self.make(properties.get(name, extra), depth + 1) for name in names}

    def _array(self, schema: Mapping[str, Any], depth: int) -> Any:
        before = [self.make(inner, depth + 1) for inner in schema.get("prefixItems", ())]
        least = max(int(schema.get("minItems", 0)), 0 if before or depth >= _OPTIONAL else 1)
        count = min(least, int(schema.get("maxItems", least)))
        items = schema.get("items", {})
        more = [self.make(items, depth + 1) for _ in range(len(before), count)]
        return before + more

    def _string(self, schema: Mapping[str, Any], depth: int) -> str:
        text = _FORMATS.get(str(schema.get("format")), self._text)
        text = text.ljust(int(schema.get("minLength", 0)), ".")
        return text[: int(schema.get("maxLength", len(text)))]

    def _integer(self, schema: Mapping[str, Any], depth: int) -> int:
        return int(self._number({"multipleOf": 1, **schema}, depth))

    def _number(self, schema: Mapping[str, Any], depth: int) -> float:
        step = schema.get("multipleOf", 1)
        low, high = _bounds(schema, step)
        value = 3 * step
        if low is not None and value < low:
            value = -(-low // step) * step
        if high is not None and value > high:
            value = high // step * step
        return value if value == int(value) else float(value)


def _bounds(schema: Mapping[str, Any], step: float) -> tuple[float | None, float | None]:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if above is not None:
        low = above + step if low is None else max(low, above + step)
    if below is not None:
        high = below - step if high is None else min(high, below - step)
    return low, high


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kinds = cast("list[str]", kind)
        return next((one for one in kinds if one != "null"), "null")
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in schema or "required" in schema else "string"
