"""The refusal to read a text in a way that it may not mean."""

from __future__ import annotations

from typing import Any, Literal

from ..errors import SeawallError

__all__ = ["ExtractError", "Reason"]

Reason = Literal["absent", "truncated", "unreadable", "ambiguous"]


class ExtractError(SeawallError, ValueError):
    """No JSON can be had from a text without changing what it says.

    ``reason``: ``absent``, ``truncated``, ``unreadable`` or ``ambiguous``. ``position``: the
    index of the character where it shows. ``alternatives``: the values between which the text
    leaves the choice.
    """

    def __init__(
        self,
        problem: str,
        *,
        reason: Reason,
        position: int,
        remedy: str,
        alternatives: tuple[Any, ...] = (),
    ) -> None:
        self.problem = problem
        self.reason: Reason = reason
        self.position = position
        self.remedy = remedy
        self.alternatives = alternatives
        super().__init__(f"{problem} (at character {position}). {remedy}")
