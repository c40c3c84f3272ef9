"""Where a client's settings come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import Sources, gather
from ..vendors import names

__all__ = ["load_sources"]


def load_sources(
    config: str | Path | None,
    env_file: str | Path | None,
    code: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Sources:
    """The sources, as ``config.gather`` reads them; variables may mean built-in vendors."""
    known = {"vendors": {name: dict[str, Any]() for name in names()}}
    return gather(file=config, code=code, environ=environ, env_file=env_file, known=known)
