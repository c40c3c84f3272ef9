"""What a check has to say."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from ...errors import ConfigError

__all__ = ["Finding", "Level", "refused"]

Level = Literal["ok", "info", "warn", "fail"]


class Finding(Struct, frozen=True):
    """``title`` names what was looked at, ``detail`` says how it is, ``remedy`` what to do."""

    level: Level
    title: str
    detail: str
    remedy: str = ""


def refused(title: str, error: ConfigError) -> Finding:
    """A setting that cannot be used."""
    problem = str(error).removesuffix(f". {error.remedy}")
    return Finding("fail", title, problem, error.remedy)
