"""Room for what is kept by route: names of models come from callers and need not be few."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

__all__ = ["MOST", "make_room"]

V = TypeVar("V")

#: So many routes are remembered; beyond that the oldest at rest is forgotten for a new one.
MOST = 1024


def make_room(kept: dict[str, V], name: str, at_rest: Callable[[V], bool]) -> None:
    """Forget one entry of ``kept`` that says nothing, if ``name`` is new and it is full."""
    if len(kept) < MOST or name in kept:
        return
    idle = next((other for other, value in kept.items() if at_rest(value)), None)
    if idle is not None:
        del kept[idle]
