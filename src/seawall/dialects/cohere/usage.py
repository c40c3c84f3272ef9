"""Token counts, both ways.

An answer tells two: ``tokens``, what the model read and wrote, and ``billed_units``, what is paid
for (the guide "How does Cohere's pricing work": tokens the provider adds itself cost nothing).
Ours are those paid for, as OpenTelemetry's conventions want it where both are known; the others
are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...types import Usage
from ..json_values import as_object
from .words import DIALECT, bag, own

__all__ = ["usage_if_readable", "usage_of_meta", "write_usage"]

_KNOWN = ("billed_units", "tokens", "cached_tokens")
_COUNTS = ("input_tokens", "output_tokens")
_SEARCHES = "search_units"
#: No answer has so many tokens, and at any price their cost still fits 64 bits of nano-USD.
_ABSURD = 1 << 40


def usage_if_readable(raw: Any) -> Usage | None:
    """The usage of an answer. One that cannot be read is none: the answer is paid for, and its
    tokens can be estimated."""
    try:
        return _read(as_object(raw, "usage")) if raw else None
    except ValueError:
        return None


def usage_of_meta(meta: Mapping[str, Any]) -> Usage | None:
    """The usage of an answer that is no chat, which has it among its ``meta`` data."""
    return usage_if_readable({name: meta[name] for name in _KNOWN if name in meta})


def _read(raw: Mapping[str, Any]) -> Usage:
    billed = as_object(raw.get("billed_units") or {}, "usage.billed_units")
    tokens = as_object(raw.get("tokens") or {}, "usage.tokens")
    counted = billed if any(billed.get(name) is not None for name in _COUNTS) else tokens
    asked, answered = (_count(counted, name) for name in _COUNTS)
    cached = _count(raw, "cached_tokens")
    rest = own(bag(raw, _KNOWN))
    if cached > asked:
        # Of the tokens read, some of which are not paid for.
        rest["cached_tokens"] = raw["cached_tokens"]
    units = own(bag(billed, (*_COUNTS, _SEARCHES)))
    if units:
        rest["billed_units"] = units
    if tokens and tokens != {"input_tokens": asked, "output_tokens": answered}:
        rest["tokens"] = tokens
    return Usage(
        prompt_tokens=asked,
        completion_tokens=answered,
        total_tokens=asked + answered,
        cached_tokens=min(cached, asked),
        search_units=_count(billed, _SEARCHES),
        extra={DIALECT: rest} if rest else {},
    )


def _count(raw: Mapping[str, Any], name: str) -> int:
    """The API writes its counts as numbers with or without a fraction of nothing."""
    value = raw.get(name) or 0
    if not isinstance(value, (int, float)) or not 0 <= value < _ABSURD:
        raise ValueError(f"usage.{name} is {value!r}, not a count")
    return int(value)


def write_usage(usage: Usage) -> dict[str, Any]:
    rest = own(usage.extra)
    counts = {"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens}
    searches = {_SEARCHES: usage.search_units} if usage.search_units else {}
    wire: dict[str, Any] = {
        "billed_units": counts | searches | rest.pop("billed_units", {}),
        "tokens": counts,
    }
    if usage.cached_tokens:
        wire["cached_tokens"] = usage.cached_tokens
    return wire | rest
