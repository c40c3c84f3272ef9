"""How a child process runs its model."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

from ...errors import ConfigError

__all__ = ["Engine", "Plan", "default_threads"]

_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


class Engine(Struct, frozen=True, kw_only=True):
    """Settings of a child process. Processes with the same settings share one child.

    ``context``: tokens of question and answer together, for each slot. ``slots``: answers
    generated at the same time. ``threads``: ``None`` takes what the machine can spare.
    ``grace``: seconds the child stays after its last user is gone. ``start``: seconds it may
    take to load the model.

    With one slot a seed repeats an answer to the letter, and a cancelled call stops generating
    within a second or so. With more, llama.cpp sees that the caller of an unstreamed answer is
    gone only when no other slot has produced a token for a second.
    """

    context: int = 4096
    slots: int = 1
    threads: int | None = None
    grace: float = 60.0
    start: float = 120.0

    def __post_init__(self) -> None:
        for name in ("context", "slots", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"Engine({name}={value}) makes no sense; give at least 1")


class Plan(Struct, frozen=True, kw_only=True):
    """Everything a child is told. ``alias`` is the name its replies give the model."""

    path: str
    alias: str
    context: int
    slots: int
    threads: int
    grace: float
    start: float


def default_threads() -> int:
    """Half of the cores this process may use, at least one and at most eight.

    llama.cpp's threads spin while they wait for one another: on cores that others use too, more
    threads are slower than one. Small models are bound by memory long before eight.
    """
    return max(1, min(8, _cores() // 2))


def _cores() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        quota, period = _CGROUP_QUOTA.read_text().split()
        return min(cores or 1, int(quota) // int(period))
    except (OSError, ValueError):  # no cgroup, or "max": no quota
        return cores or 1
