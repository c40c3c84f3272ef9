"""What the parts of this dialect share: its name, JSON, and the bag for unknown fields.

Source: the OpenAI API reference for chat completions and the types of the openai package.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

import msgspec

from ...types import Extra, Usage

__all__ = ["DIALECT", "as_object", "bag", "decode", "encode", "own", "read_usage", "write_usage"]

DIALECT = "openai_chat"

encode = msgspec.json.Encoder().encode
#: Raises ``ValueError`` for bytes that are no JSON or no UTF-8.
decode = msgspec.json.Decoder().decode


def as_object(value: Any, where: str) -> dict[str, Any]:
    """``value`` if it is a JSON object; ``ValueError`` naming ``where`` if not."""
    if not isinstance(value, dict):
        raise ValueError(f"{where} is no JSON object")
    return cast("dict[str, Any]", value)


def bag(fields: Mapping[str, Any], known: Collection[str]) -> Extra:
    """The fields nobody here knows, under this dialect's name. A null says nothing."""
    unknown = {
        name: value for name, value in fields.items() if name not in known and value is not None
    }
    return {DIALECT: unknown} if unknown else {}


def own(extra: Extra) -> dict[str, Any]:
    """A copy of the unknown fields that came by this dialect."""
    return dict(extra.get(DIALECT, ()))


_USAGE = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})


def read_usage(raw: Mapping[str, Any]) -> Usage:
    prompt = as_object(raw.get("prompt_tokens_details") or {}, "prompt_tokens_details")
    completion = as_object(raw.get("completion_tokens_details") or {}, "completion_tokens_details")
    rest = {
        name: value
        for name, value in raw.items()
        if name not in _USAGE and not name.endswith("_tokens_details") and value is not None
    }
    for name, details, known in (
        ("prompt_tokens_details", prompt, ("cached_tokens", "cache_write_tokens")),
        ("completion_tokens_details", completion, ("reasoning_tokens",)),
    ):
        left = {k: v for k, v in details.items() if k not in known and v}
        if left:
            rest[name] = left
    asked, answered = _count(raw, "prompt_tokens"), _count(raw, "completion_tokens")
    return Usage(
        prompt_tokens=asked,
        completion_tokens=answered,
        total_tokens=_count(raw, "total_tokens") or asked + answered,
        cached_tokens=_count(prompt, "cached_tokens"),
        cache_write_tokens=_count(prompt, "cache_write_tokens"),
        reasoning_tokens=_count(completion, "reasoning_tokens"),
        extra={DIALECT: rest} if rest else {},
    )


def _count(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name) or 0
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"usage.{name} is {value!r}, not a count")
    return value


def write_usage(usage: Usage) -> dict[str, Any]:
    rest = own(usage.extra)
    prompt = dict(rest.pop("prompt_tokens_details", {}))
    completion = dict(rest.pop("completion_tokens_details", {}))
    if usage.cached_tokens:
        prompt["cached_tokens"] = usage.cached_tokens
    if usage.cache_write_tokens:
        prompt["cache_write_tokens"] = usage.cache_write_tokens
    if usage.reasoning_tokens:
        completion["reasoning_tokens"] = usage.reasoning_tokens
    wire: dict[str, Any] = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }
    if prompt:
        wire["prompt_tokens_details"] = prompt
    if completion:
        wire["completion_tokens_details"] = completion
    return wire | rest
