"""What is set up around here: the settings, and the vendors they and Seawall know."""

from __future__ import annotations

import os
from pathlib import Path

from ...client.routes import Router
from ...client.settings import Settings
from ...client.sources import load_sources
from ...config import Sources, shape
from ...errors import ConfigError
from .findings import Finding, refused

__all__ = ["Setup", "load"]


class Setup:
    """Settings, the variables they refer to, and the routes they make."""

    def __init__(self, sources: Sources, settings: Settings) -> None:
        self.sources = sources
        self.settings = settings
        self.router = Router(settings, sources.variables)

    @property
    def vendors(self) -> list[str]:
        """Built-in and configured."""
        return list(self.router.vendors)


def load(config: str | None, env_file: Path | None) -> tuple[Setup, list[Finding]]:
    """The settings; or, when they are wrong (a key stands in the file, for one), what is wrong
    with them, and the built-in ones to go on with."""
    try:
        sources = load_sources(config, env_file)
        return Setup(sources, shape(sources, Settings)), []
    except ConfigError as error:
        return Setup(_variables(env_file), Settings()), [refused("settings", error)]


def _variables(env_file: Path | None) -> Sources:
    try:
        variables = load_sources(os.devnull, env_file).variables
    except ConfigError:
        variables = dict(os.environ)
    return Sources((), variables)
