"""The only import by name: built-in, ``module:attribute``, or an installed entry point."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from .errors import ConfigError

__all__ = ["BUILT_IN", "load", "optional"]

BUILT_IN: Mapping[str, Mapping[str, str]] = {
    "batches": {
        "anthropic": "seawall.dialects.batches.anthropic:BATCHES",
        "gemini": "seawall.dialects.batches.gemini:BATCHES",
        "mistral": "seawall.dialects.batches.mistral:BATCHES",
        "openai": "seawall.dialects.batches.openai:BATCHES",
    },
    "dialect": {
        "anthropic": "seawall.dialects.anthropic:WIRE",
        "bedrock": "seawall.dialects.bedrock:WIRE",
        "cohere": "seawall.dialects.cohere:WIRE",
        "gemini": "seawall.dialects.gemini:WIRE",
        "openai_chat": "seawall.dialects.openai_chat:WIRE",
        "openai_responses": "seawall.dialects.openai_responses:WIRE",
    },
    "transport": {
        "http": "seawall.transports.http:Http",
        "local": "seawall.transports.local:connect",
        "sdk": "seawall.transports.sdk:Sdk",
    },
    "engine": {"local": "seawall.transports.local:Engine"},
    "command": {
        "ask": "seawall.cli.ask:ask",
        "batch": "seawall.cli.batch:batch",
        "chat": "seawall.cli.chat:chat",
        "demo": "seawall.cli.demo:demo",
        "doctor": "seawall.cli.doctor:doctor",
        "explain": "seawall.cli.explain:explain",
        "import": "seawall.cli.imports:import_",
        "local": "seawall.cli.local:local",
        "logs": "seawall.cli.logs:logs",
        "models": "seawall.cli.models:models",
        "sim": "seawall.cli.sim:sim",
    },
}


def load(kind: str, name: str) -> Any:
    """The object called ``name`` among ``kind`` (``dialect``, ``transport``, ``command``).

    ``name`` is a built-in, ``module:attribute``, or an entry point of the group
    ``seawall.<kind>``. Raises ``ConfigError`` for a name that leads nowhere.
    """
    built_in = BUILT_IN.get(kind, {})
    if name in built_in:
        return _attribute(kind, built_in[name])
    if ":" in name:
        return _attribute(kind, name)
    for found in entry_points(group=f"seawall.{kind}", name=name):
        return found.load()
    known = ", ".join(sorted(built_in))
    raise ConfigError(
        f"there is no {kind} {name!r}",
        remedy=f"Built in: {known}. Others are named module:attribute.",
    )


def _attribute(kind: str, path: str) -> Any:
    module, _, attribute = path.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"the {kind} {path!r} cannot be loaded: {error}") from error


def optional(module: str) -> Any:
    """The module if it is installed, else ``None``."""
    try:
        return import_module(module)
    except ImportError:
        return None
