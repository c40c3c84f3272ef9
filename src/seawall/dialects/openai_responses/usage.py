"""Token counts, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...types import Usage
from ..json_values import as_object
from .words import DIALECT, bag, own

__all__ = ["read_usage", "write_usage"]

_INPUT, _OUTPUT = "input_tokens_details", "output_tokens_details"
_KNOWN = frozenset({"input_tokens", "output_tokens", "total_tokens", _INPUT, _OUTPUT})
#: No answer has so many tokens, and at any price their cost still fits 64 bits of nano-USD.
_ABSURD = 1 << 40


def read_usage(raw: Any) -> Usage | None:
    """The usage of a response. One that cannot be read is none: the answer is paid for, and its
    tokens can be estimated."""
    try:
        return None if raw is None else _read(as_object(raw, "usage"))
    except ValueError:
        return None


def _read(raw: Mapping[str, Any]) -> Usage:
    asked, answered = _count(raw, "input_tokens"), _count(raw, "output_tokens")
    given = as_object(raw.get(_INPUT) or {}, _INPUT)
    made = as_object(raw.get(_OUTPUT) or {}, _OUTPUT)
    rest = own(bag(raw, _KNOWN))
    for name, left in (
        (_INPUT, own(bag(given, ("cached_tokens", "cache_write_tokens")))),
        (_OUTPUT, own(bag(made, ("reasoning_tokens",)))),
    ):
        if left:
            rest[name] = left
    return Usage(
        prompt_tokens=asked,
        completion_tokens=answered,
        total_tokens=_count(raw, "total_tokens") or asked + answered,
        cached_tokens=_count(given, "cached_tokens"),
        cache_write_tokens=_count(given, "cache_write_tokens"),
        reasoning_tokens=_count(made, "reasoning_tokens"),
        extra={DIALECT: rest} if rest else {},
    )


def _count(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name) or 0
    if not isinstance(value, int) or not 0 <= value < _ABSURD:
        raise ValueError(f"usage.{name} is {value!r}, not a count")
    return value


def write_usage(usage: Usage) -> dict[str, Any]:
    """The details are always there: the official types demand them."""
    rest = own(usage.extra)
    given = {"cached_tokens": usage.cached_tokens, "cache_write_tokens": usage.cache_write_tokens}
    return {
        "input_tokens": usage.prompt_tokens,
        _INPUT: given | rest.pop(_INPUT, {}),
        "output_tokens": usage.completion_tokens,
        _OUTPUT: {"reasoning_tokens": usage.reasoning_tokens} | rest.pop(_OUTPUT, {}),
        "total_tokens": usage.total_tokens,
    } | rest
