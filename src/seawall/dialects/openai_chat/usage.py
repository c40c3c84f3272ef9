"""Token counts, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...types import Usage
from .words import DIALECT, as_object, bag, own

__all__ = ["read_usage", "usage_if_readable", "write_usage"]

_PROMPT, _COMPLETION = "prompt_tokens_details", "completion_tokens_details"
_PLAIN = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})
_KNOWN = _PLAIN | {_PROMPT, _COMPLETION}
#: No answer has so many tokens, and at any price their cost still fits 64 bits of nano-USD.
_ABSURD = 1 << 40


def usage_if_readable(raw: Any) -> Usage | None:
    """The usage beside a whole answer. One that cannot be read is none: the answer is paid for,
    and its tokens can be estimated."""
    try:
        return None if raw is None else read_usage(as_object(raw, "usage"))
    except ValueError:
        return None


def read_usage(raw: Mapping[str, Any]) -> Usage:
    """Raises ``ValueError`` for a count that is none."""
    asked, answered = _count(raw, "prompt_tokens"), _count(raw, "completion_tokens")
    total = _count(raw, "total_tokens")
    if raw.keys() <= _PLAIN:
        total = total or asked + answered
        return Usage(prompt_tokens=asked, completion_tokens=answered, total_tokens=total)
    prompt = as_object(raw.get(_PROMPT) or {}, _PROMPT)
    completion = as_object(raw.get(_COMPLETION) or {}, _COMPLETION)
    rest = own(bag(raw, _KNOWN))
    for name, left in (
        (_PROMPT, own(bag(prompt, ("cached_tokens", "cache_write_tokens")))),
        (_COMPLETION, own(bag(completion, ("reasoning_tokens",)))),
    ):
        if left:
            rest[name] = left
    reasoned = _count(completion, "reasoning_tokens")
    if total and total == asked + answered + reasoned:
        # xAI counts reasoning beside the completion, OpenAI within it; both bill it as output.
        answered += reasoned
    return Usage(
        prompt_tokens=asked,
        completion_tokens=answered,
        total_tokens=total or asked + answered,
        # DeepSeek and Moonshot have a name of their own for it, beside the details or alone.
        cached_tokens=_count(prompt, "cached_tokens")
        or _count(raw, "prompt_cache_hit_tokens")
        or _count(raw, "cached_tokens"),
        cache_write_tokens=_count(prompt, "cache_write_tokens"),
        reasoning_tokens=reasoned,
        extra={DIALECT: rest} if rest else {},
    )


def _count(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name) or 0
    if not isinstance(value, int) or not 0 <= value < _ABSURD:
        raise ValueError(f"usage.{name} is {value!r}, not a count")
    return value


def write_usage(usage: Usage) -> dict[str, Any]:
    """The details are always there: callers read them without asking whether they are."""
    rest = own(usage.extra)
    prompt = {"cached_tokens": usage.cached_tokens} | rest.pop(_PROMPT, {})
    if usage.cache_write_tokens:
        prompt["cache_write_tokens"] = usage.cache_write_tokens
    completion = {"reasoning_tokens": usage.reasoning_tokens} | rest.pop(_COMPLETION, {})
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        _PROMPT: prompt,
        _COMPLETION: completion,
    } | rest
