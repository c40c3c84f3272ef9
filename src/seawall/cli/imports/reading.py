"""A YAML file and those it includes, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from ...errors import ConfigError
from ...plugins import optional
from .notices import Notices

__all__ = ["read"]

_MOST_BYTES = 4_000_000
#: Aliases of YAML let a page stand for terabytes.
_MOST_VALUES = 200_000
_MOST_DEPTH = 40


def read(path: Path, notices: Notices) -> dict[str, Any]:
    """The settings in ``path``. What it includes is added as LiteLLM adds it: lists to lists, and
    everything else replaced. Raises ``ConfigError`` without the extra ``import``, and for a file
    that cannot be read; it names file and line."""
    settings = _read(path)
    included: Any = settings.pop("include", None) or []
    for name in cast("list[Any]", included) if isinstance(included, list) else [included]:
        inner = _read(path.parent / str(name))
        if "include" in inner:
            notices.add(f"{name}: include", "LiteLLM follows no include of an included file")
            del inner["include"]
        for key, value in inner.items():
            before = settings.get(key)
            if isinstance(value, list) and isinstance(before, list):
                value = [*cast("list[Any]", before), *cast("list[Any]", value)]
            settings[key] = value
    return settings


def _read(path: Path) -> dict[str, Any]:
    yaml = optional("yaml")
    if yaml is None:
        raise ConfigError(
            "reading YAML needs a package that is not installed",
            source=str(path),
            remedy='Run: pip install "seawall[import]"',
        )
    try:
        data = path.read_bytes()
        if len(data) > _MOST_BYTES:
            raise ConfigError(f"is longer than {_MOST_BYTES:,} bytes", source=str(path))
        # The text is not given to the parser's errors: they would show it, and it may hold keys.
        found: Any = yaml.safe_load(data)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", source=str(path)) from None
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        problem = f"is not valid YAML{_where(error)}"
        raise ConfigError(problem, source=str(path), remedy=_hint(error)) from None
    if not isinstance(found, dict):
        raise ConfigError("holds no settings", source=str(path), remedy="Name a config.yaml.")
    _check(found, path)
    return {str(key): value for key, value in cast("dict[Any, Any]", found).items()}


def _where(error: Exception) -> str:
    mark: Any = getattr(error, "problem_mark", None)
    problem: Any = getattr(error, "problem", None)
    return f", line {mark.line + 1}: {problem}" if mark is not None else ""


def _hint(error: Exception) -> str:
    if "alias" in str(getattr(error, "context", "")):
        return 'A name with a * in it stands between quotes: "openai/*".'
    return ""


def _check(found: Any, path: Path) -> None:
    """Raises for what is too much once its aliases are followed."""
    waiting: list[tuple[Any, int]] = [(found, 0)]
    seen = 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if seen > _MOST_VALUES or depth > _MOST_DEPTH:
            raise ConfigError("holds too much, or too deeply nested", source=str(path))
        if isinstance(value, Mapping):
            waiting += ((one, depth + 1) for one in cast("Mapping[Any, Any]", value).values())
        elif isinstance(value, list):
            waiting += ((one, depth + 1) for one in cast("list[Any]", value))
