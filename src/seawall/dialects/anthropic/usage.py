"""Token counts, both ways. Here ``input_tokens`` leaves out what the cache read or wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...types import Usage
from ..json_values import as_object
from .words import DIALECT, bag, own

__all__ = ["usage_if_readable", "write_usage"]

_DETAILS = "output_tokens_details"
_KNOWN = frozenset(
    {
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        _DETAILS,
    }
)
#: No answer has so many tokens, and at any price their cost still fits 64 bits of nano-USD.
_ABSURD = 1 << 40


def usage_if_readable(raw: Any) -> Usage | None:
    """The usage of an answer. One that cannot be read is none: the answer is paid for, and its
    tokens can be estimated."""
    try:
        return _read(as_object(raw, "usage")) if raw else None
    except ValueError:
        return None


def _read(raw: Mapping[str, Any]) -> Usage:
    cached, written = (
        _count(raw, "cache_read_input_tokens"),
        _count(raw, "cache_creation_input_tokens"),
    )
    asked, answered = _count(raw, "input_tokens") + cached + written, _count(raw, "output_tokens")
    details = as_object(raw.get(_DETAILS) or {}, _DETAILS)
    kept = as_object(raw.get("cache_creation") or {}, "cache_creation")
    rest = own(bag(raw, _KNOWN))
    left = own(bag(details, ("thinking_tokens",)))
    if left:
        rest[_DETAILS] = left
    return Usage(
        prompt_tokens=asked,
        completion_tokens=answered,
        total_tokens=asked + answered,
        cached_tokens=cached,
        cache_write_tokens=written,
        cache_write_1h_tokens=min(written, _count(kept, "ephemeral_1h_input_tokens")),
        reasoning_tokens=_count(details, "thinking_tokens"),
        extra={DIALECT: rest} if rest else {},
    )


def _count(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name) or 0
    if not isinstance(value, int) or not 0 <= value < _ABSURD:
        raise ValueError(f"usage.{name} is {value!r}, not a count")
    return value


def write_usage(usage: Usage | None) -> dict[str, Any]:
    """Callers read the counts without asking whether they are there."""
    usage = usage or Usage()
    rest = own(usage.extra)
    details = {"thinking_tokens": usage.reasoning_tokens} if usage.reasoning_tokens else {}
    details |= rest.pop(_DETAILS, {})
    plain = usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens
    wire: dict[str, Any] = {
        "input_tokens": max(0, plain),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
    }
    if details:
        wire[_DETAILS] = {"thinking_tokens": 0} | details
    return wire | rest
