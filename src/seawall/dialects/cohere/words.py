"""What the parts of this dialect share: its name, the bag for unknown fields, why answers end.

Source: the OpenAPI description of Cohere's API (``cohere-openapi.yaml``, August 2026) and the types
of the cohere package 7.3.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ...types import Extra

__all__ = ["DIALECT", "bag", "own", "read_finish", "write_finish"]

DIALECT = "cohere"

# ERROR_TOXIC is the word of the first version of the API for an answer that was held back; the
# second has none, and its clients accept any.
_FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}
_WORD = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "function_call": "TOOL_CALL",
    "content_filter": "ERROR_TOXIC",
}


def bag(fields: Mapping[str, Any], known: Collection[str]) -> Extra:
    """The fields nobody here knows, under this dialect's name. A null says nothing."""
    unknown = {
        name: value for name, value in fields.items() if name not in known and value is not None
    }
    return {DIALECT: unknown} if unknown else {}


def own(extra: Extra) -> dict[str, Any]:
    """A copy of the unknown fields that came by this dialect."""
    return dict(extra.get(DIALECT, ()))


def read_finish(given: Any) -> tuple[str | None, dict[str, Any]]:
    """Why the answer ended, and the provider's own word where it says more than ours."""
    if not isinstance(given, str) or not given:
        return None, {}
    finish = _FINISH.get(given, given)
    return finish, {} if _WORD.get(finish) == given else {"finish_reason": given}


def write_finish(finish: str | None, rest: Mapping[str, Any]) -> dict[str, Any]:
    """Another provider's word of its own, which no caller here knows, is an ordinary end."""
    word = None if finish is None else _WORD.get(finish, "COMPLETE")
    return {"finish_reason": word, **rest}
