"""Words a model can act upon: where the value is wrong, what was expected, what stands there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, cast

__all__ = ["MAX_PROBLEMS", "described", "listed", "located", "where"]

MAX_PROBLEMS = 20
_MAX_SHOWN = 60
_MAX_LINE = 300


def where(path: Iterable[str | int]) -> str:
    """``["items", 2, "price"]`` as ``items[2].price``."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".")


def described(value: Any) -> str:
    """A value with its JSON type, shortened: ``string 'cheap'``."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return f"string {_short(repr(value))}"
    if isinstance(value, dict):
        names = ", ".join(cast("dict[str, Any]", value))
        return f"an object with {_short(names) or 'no fields'}"
    if isinstance(value, list):
        return f"an array of {len(cast('list[Any]', value))}"
    return f"number {_short(str(value))}"


def located(path: str, problem: str) -> str:
    line = f"{path}: {problem}" if path else problem
    return line if len(line) <= _MAX_LINE else f"{line[: _MAX_LINE - 3]}..."


def listed(problems: Sequence[str]) -> tuple[str, ...]:
    """At most ``MAX_PROBLEMS`` of them, each once, and how many more there are."""
    unique = tuple(dict.fromkeys(problems))
    if len(unique) <= MAX_PROBLEMS:
        return unique
    return (*unique[:MAX_PROBLEMS], f"and {len(unique) - MAX_PROBLEMS} more errors")


def _short(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."
