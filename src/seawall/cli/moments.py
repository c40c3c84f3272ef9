"""Points in time on the command line: an age (``1h``) or a date."""

from __future__ import annotations

import re
import time
from datetime import datetime

import click

__all__ = ["clock", "moment"]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_AGE = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")


def moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """A callback of options: seconds since the epoch. A date without offset is in local time."""
    if value is None:
        return None
    if found := _AGE.fullmatch(value.strip()):
        return time.time() - float(found[1]) * _SECONDS[found[2]]
    try:
        return datetime.fromisoformat(value.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(
            f"{value!r} is neither an age (90s, 30m, 1h, 7d, 2w) nor a date "
            "(2026-11-01, 2026-11-01T13:30, 2026-11-01T13:30+01:00)"
        ) from None


def clock(at: float, now: float | None = None) -> str:
    """Local time: of day if ``at`` is today, else with the date."""
    then = datetime.fromtimestamp(at)
    today = datetime.fromtimestamp(time.time() if now is None else now).date()
    if then.date() == today:
        return f"{then:%H:%M:%S}"
    return f"{then:%m-%d %H:%M}" if then.year == today.year else f"{then:%Y-%m-%d}"
