"""What the parts of this dialect share: its name, JSON, and the bag for unknown fields.

Source: the OpenAI API reference for chat completions and the types of the openai package.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

import msgspec

from ...types import Extra

__all__ = ["DIALECT", "as_list", "as_object", "as_text", "bag", "decode", "encode", "own"]

DIALECT = "openai_chat"

encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def decode(data: bytes) -> Any:
    """Raises ``ValueError`` for bytes that are no JSON, no UTF-8, or nested beyond reason."""
    try:
        return _decode(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def as_object(value: Any, where: str) -> dict[str, Any]:
    """``value`` if it is a JSON object; ``ValueError`` naming ``where`` if not."""
    if not isinstance(value, dict):
        raise ValueError(f"{where} is no JSON object")
    return cast("dict[str, Any]", value)


def as_list(value: Any, where: str) -> list[Any]:
    """``value`` if it is an array, an empty one for null; else ``ValueError``."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{where} is no array")
    return cast("list[Any]", value)


def as_text(value: Any, where: str) -> str | None:
    """``value`` if it is a string or null; else ``ValueError``."""
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{where} is no string")
    return value


def bag(fields: Mapping[str, Any], known: Collection[str]) -> Extra:
    """The fields nobody here knows, under this dialect's name. A null says nothing."""
    unknown = {
        name: value for name, value in fields.items() if name not in known and value is not None
    }
    return {DIALECT: unknown} if unknown else {}


def own(extra: Extra) -> dict[str, Any]:
    """A copy of the unknown fields that came by this dialect."""
    return dict(extra.get(DIALECT, ()))
