"""What a reply consists of, step by step, before anybody sends it."""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec import Struct

from ..server import Break, Head

__all__ = ["FOR_EVER", "Ask", "Plan", "Step", "Wait"]


class Wait(Struct, frozen=True):
    """Nothing for so many seconds of the script's time."""

    seconds: float


class Ask(Struct, frozen=True):
    """The client is asked to wait so many seconds of its time, though no header may say so."""

    seconds: float


#: Nothing more comes, and the connection stays until the client closes it.
FOR_EVER = Wait(math.inf)

Step = Head | bytes | Ask | Wait | Break
Plan = Iterable[Step]
"""Lazy, so that a huge body is never in memory as a whole. Played once."""
