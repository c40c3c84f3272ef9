"""Token counts, both ways.

``promptTokenCount`` includes the cached tokens; thoughts and the results of the service's own tools
are counted beside prompt and candidates, and billed as output and input ("Token counting").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...types import Usage
from ..json_values import as_object
from .words import bag, own

__all__ = ["read_usage", "usage_if_readable", "write_usage"]

_TOOLS = "toolUsePromptTokenCount"
_KNOWN = frozenset(
    {
        "promptTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
        "cachedContentTokenCount",
        "totalTokenCount",
    }
)
#: No answer has so many tokens, and at any price their cost still fits 64 bits of nano-USD.
_ABSURD = 1 << 40


def usage_if_readable(raw: Any) -> Usage | None:
    """The usage beside an answer. One that cannot be read is none: the answer is paid for, and
    its tokens can be estimated."""
    try:
        return None if raw is None else read_usage(as_object(raw, "usageMetadata"))
    except ValueError:
        return None


def read_usage(raw: Mapping[str, Any]) -> Usage:
    """Raises ``ValueError`` for a count that is none."""
    thought = _count(raw, "thoughtsTokenCount")
    asked = _count(raw, "promptTokenCount") + _count(raw, _TOOLS)
    answered = _count(raw, "candidatesTokenCount") + thought
    return Usage(
        prompt_tokens=asked,
        completion_tokens=answered,
        total_tokens=_count(raw, "totalTokenCount") or asked + answered,
        cached_tokens=_count(raw, "cachedContentTokenCount"),
        reasoning_tokens=thought,
        extra=bag(raw, _KNOWN),
    )


def _count(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name) or 0
    if not isinstance(value, int) or not 0 <= value < _ABSURD:
        raise ValueError(f"usageMetadata.{name} is {value!r}, not a count")
    return value


def write_usage(usage: Usage) -> dict[str, Any]:
    rest = own(usage.extra)
    tools = rest.get(_TOOLS)
    wire = {
        "promptTokenCount": usage.prompt_tokens - (tools if isinstance(tools, int) else 0),
        "candidatesTokenCount": usage.completion_tokens - usage.reasoning_tokens,
        "totalTokenCount": usage.total_tokens,
    }
    if usage.cached_tokens:
        wire["cachedContentTokenCount"] = usage.cached_tokens
    if usage.reasoning_tokens:
        wire["thoughtsTokenCount"] = usage.reasoning_tokens
    return {name: max(0, count) for name, count in wire.items()} | rest
