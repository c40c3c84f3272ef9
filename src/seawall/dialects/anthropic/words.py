"""What the parts of this dialect share: its name, the bag for unknown fields, why answers end.

Source: the Messages API reference of version 2026-10-21 and the types of the anthropic package.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ...types import Extra

__all__ = ["DIALECT", "bag", "own", "read_stop", "write_stop"]

DIALECT = "anthropic"

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "pause_turn": "pause_turn",
}
_STOP = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
    "pause_turn": "pause_turn",
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


def read_stop(fields: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The finish reason, and what else is said of the end. The provider's own word is among it
    where it says more than ours."""
    given = fields.get("stop_reason")
    reason = given if isinstance(given, str) and given else None
    rest = {
        name: fields[name]
        for name in ("stop_sequence", "stop_details")
        if fields.get(name) is not None
    }
    if reason is None:
        return None, rest
    finish = _FINISH.get(reason, reason)
    if _STOP.get(finish) != reason:
        rest["stop_reason"] = reason
    return finish, rest


def write_stop(finish: str | None, rest: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say why an answer ended. Another provider's word of its own, which no
    caller here knows, is an ordinary end."""
    reason = None if finish is None else _STOP.get(finish, "end_turn")
    return {"stop_reason": reason, "stop_sequence": None, **rest}
