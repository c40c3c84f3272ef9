"""Settings as the text of a commented seawall.toml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from ...vendors import built_in
from . import toml
from .litellm import Translated
from .notices import shown
from .references import variables_of

__all__ = ["needed", "write"]

_ABOUT = {
    "deadline": "# LiteLLM's timeouts are those of one attempt; a call as a whole has `total`.",
    "retry": "# Each route is asked so often before the next one is.",
}


#: With one of these a built-in vendor's own key is not used, or not needed.
_KEYS = {"base_url", "key", "transport"}


def write(translated: Translated, source: str) -> str:
    """The whole file. ``source``: what was read, for its first line."""
    settings = translated.settings
    lines = [f"# Written by `seawall import litellm`, from {shown(source)}."]
    variables = needed(settings)
    if variables:
        lines.append("# Set in the environment or in .env:")
        lines += (f"#   {name}" for name in variables)
    lines.append("")
    if "model" in settings:
        lines += [toml.assignment("model", settings["model"]), ""]
    for kind in ("vendors", "models"):
        for name, table in settings.get(kind, {}).items():
            lines += _table((kind, name), table, commented=False)
    for name in ("defaults", "ledger"):
        if name in settings:
            lines += _table((name,), settings[name], commented=True)
    return "\n".join([*lines, *_notices(translated)]).rstrip() + "\n"


def _table(path: tuple[str, ...], table: Mapping[str, Any], *, commented: bool) -> Iterator[str]:
    yield toml.header(*path)
    for name, value in table.items():
        if commented and name in _ABOUT:
            yield _ABOUT[name]
        yield toml.assignment(name, value)
    yield ""


def _notices(translated: Translated) -> Iterator[str]:
    if len(translated.notices):
        yield "# What is not as it was, and what to do:"
        yield from (f"# - {notice}" for notice in translated.notices)


def needed(settings: Mapping[str, Any]) -> list[str]:
    """The variables without which the settings cannot be used, those of built-in vendors that are
    asked as they are included."""
    found = dict.fromkeys(variables_of(_text(settings)))
    vendors = settings.get("vendors", {})
    for table in settings.get("models", {}).values():
        for route in table.get("route", ()):
            name = route.partition("/")[0]
            own = vendors.get(name, {})
            row = built_in(own.get("like", name))
            if row is not None and row.key_env and not row.key_optional and not own.keys() & _KEYS:
                found[row.key_env] = None
    return list(found)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(_text(inner) for inner in cast("Mapping[str, Any]", value).values())
    return value if isinstance(value, str) else ""
