"""What a call is for: the tags by which the ledger tells features and prompts apart."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ..errors import ConfigError

__all__ = ["NAMED", "tags", "tags_of"]

#: Tags with a column of their own.
NAMED = ("feature", "prompt", "prompt_version")

_current: ContextVar[Mapping[str, Any]] = ContextVar("seawall_tags", default={})  # noqa: B039


@contextmanager
def tags(
    feature: str | None = None,
    *,
    prompt: str | None = None,
    prompt_version: str | None = None,
    **others: Any,
) -> Generator[None]:
    """Tag every call made while the block runs, in this thread or task and those it starts.

    Blocks nest: the inner one adds to the outer and goes before it; what a call says itself
    goes before both. ``others`` are kept together as the call's ``tags``.
    """
    named = {"feature": feature, "prompt": prompt, "prompt_version": prompt_version}
    said = {name: value for name, value in named.items() if value is not None}
    outer = _current.get()
    both = {**outer, **said, "tags": {**outer.get("tags", {}), **others}}
    token = _current.set(both)
    try:
        yield
    finally:
        _current.reset(token)


def tags_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The tags of a call with these options. Raises ``ConfigError`` for one that is no text."""
    around = _current.get()
    found: dict[str, Any] = {}
    for name in NAMED:
        value = options.get(name) or around.get(name)
        if not value:
            continue
        if not isinstance(value, str):
            raise ConfigError(f"{name} is {value!r}, a {type(value).__name__}; give text")
        found[name] = value
    own: Any = options.get("tags") or {}
    if not isinstance(own, Mapping):
        raise ConfigError(f"tags is {own!r}; give a mapping")
    others: dict[str, Any] = {**around.get("tags", {}), **own}
    if others:
        found["tags"] = others
    return found
