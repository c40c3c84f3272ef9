"""How an attempt or a call ended."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from ..errors import Fault
from ..operations import OperationAnswer
from ..types import Response

__all__ = ["End", "Outcome"]

Outcome = Literal["finished", "cut", "cancelled", "fault", "fallback_reply"]


class End(Struct, frozen=True, kw_only=True):
    """How an attempt or a call ended. Told once, synchronously.

    ``finished``: whole. ``cut``: it broke off after the caller had a part of it. ``fault``: it
    failed before that. ``response`` is what was received, whole or in part; ``answer`` what an
    operation beside chat gave.
    """

    outcome: Outcome
    fault: Fault | None = None
    response: Response | None = None
    answer: OperationAnswer | None = None
    damaged: int = 0
