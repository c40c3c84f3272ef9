"""The decision record: what a call considered, refused and tried, and why."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

__all__ = ["Attempt", "Decision", "Refused", "Resumed"]


class Refused(Struct, omit_defaults=True):
    """A candidate that was not asked. ``at``: seconds since the call began."""

    model: str
    reason: str
    at: float = 0.0


class Attempt(Struct, omit_defaults=True):
    """One asking of one route. Times are seconds; ``at`` since the call began.

    ``outcome`` is ``finished``, ``cut``, ``cancelled``, or a fault's ``kind``. ``waited`` is the
    pause before this attempt and ``wait_reason`` why it was that long.
    """

    n: int
    model: str
    at: float
    waited: float = 0.0
    wait_reason: str = ""
    status: int | None = None
    first_token: float | None = None
    took: float | None = None
    outcome: str = "open"
    reason: str = ""
    request_id: str | None = None


class Resumed(Struct, frozen=True, omit_defaults=True):
    """A stream was cut and ``model`` went on with it.

    ``offset``: how many characters of the answer's text had been given out. ``by``: ``prefill``
    if the model was shown them and continued, ``repeat`` if it was asked anew and its answer
    began with them. ``at``: seconds since the call began.
    """

    model: str
    offset: int
    by: Literal["prefill", "repeat"]
    at: float = 0.0


class Decision(Struct, omit_defaults=True):
    """``candidates``: the routes in order. ``notes``: what was adapted, repaired or alarming.
    ``resumed``: where a stream that was cut was taken up again."""

    candidates: list[str] = field(default_factory=list[str])
    refused: list[Refused] = field(default_factory=list[Refused])
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    notes: list[str] = field(default_factory=list[str])
    resumed: list[Resumed] = field(default_factory=list[Resumed])
