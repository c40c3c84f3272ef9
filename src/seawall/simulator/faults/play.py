"""What a fault is to the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..plan import Step
from ..scene import Scene

__all__ = ["Play"]

Play = Callable[[Scene], Iterator[Step]]
