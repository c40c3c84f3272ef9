"""Values as TOML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

__all__ = ["assignment", "header", "value"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def header(*path: str) -> str:
    """The head of a table: ``[models."wall/any"]``."""
    return f"[{'.'.join(map(_key, path))}]"


def assignment(name: str, given: Any) -> str:
    return f"{_key(name)} = {value(given)}"


def value(given: Any) -> str:
    """A string, number, truth value, list or (inline) table."""
    if isinstance(given, Mapping):
        table = cast("Mapping[str, Any]", given)
        inner = ", ".join(assignment(name, entry) for name, entry in table.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(given, Sequence) and not isinstance(given, str):
        return f"[{', '.join(map(value, cast('Sequence[Any]', given)))}]"
    if isinstance(given, bool):
        return "true" if given else "false"
    return _string(given) if isinstance(given, str) else repr(given)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _string(name)


def _string(text: str) -> str:
    # A basic string of TOML is one of JSON's, in which DEL must be escaped as well.
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")
