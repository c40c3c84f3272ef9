"""What the parts of this dialect share: its name, JSON, and the bag for unknown fields.

Source: the OpenAI API reference for chat completions and the types of the openai package.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ...types import Extra
from ..json_values import as_list, as_object, as_text, decode, encode

__all__ = ["DIALECT", "as_list", "as_object", "as_text", "bag", "decode", "encode", "own"]

DIALECT = "openai_chat"


def bag(fields: Mapping[str, Any], known: Collection[str]) -> Extra:
    """The fields nobody here knows, under this dialect's name. A null says nothing."""
    unknown = {
        name: value for name, value in fields.items() if name not in known and value is not None
    }
    return {DIALECT: unknown} if unknown else {}


def own(extra: Extra) -> dict[str, Any]:
    """A copy of the unknown fields that came by this dialect."""
    return dict(extra.get(DIALECT, ()))
