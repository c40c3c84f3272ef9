"""Requests and tokens per minute, as a provider counts them.

Each is a bucket that holds a minute's allowance and is refilled evenly, as the providers'
documentation describes theirs. So what is refused is refused until a moment that can be told, and
each API tells it in its own way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from .apis import Level

__all__ = ["Bucket", "Meter", "Quota"]

_MINUTE = 60.0
#: Less than any provider counts: what is short by a rounding error is not short.
_CRUMB = 1e-6


class Quota(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most so many requests and tokens per minute; ``None`` for as many as you like."""

    requests: Annotated[int, Meta(ge=1)] | None = None
    tokens: Annotated[int, Meta(ge=1)] | None = None


class Bucket(Struct):
    """``level`` of ``limit`` were left at ``at`` (seconds)."""

    limit: int
    level: float
    at: float

    def refill(self, now: float) -> None:
        self.level = min(self.limit, self.level + (now - self.at) * self.limit / _MINUTE)
        self.at = now

    def wait(self, amount: float) -> float:
        """Seconds until ``amount`` is there; infinite for more than ever will be."""
        if amount > self.limit:
            return math.inf
        short = amount - self.level
        return 0.0 if short <= _CRUMB else short * _MINUTE / self.limit

    @property
    def left(self) -> int:
        return max(0, math.floor(self.level + _CRUMB))

    def full(self) -> float:
        """Seconds until nothing is missing."""
        return (self.limit - self.level) * _MINUTE / self.limit


class Meter:
    """What is left of a quota. Only requests that are let through count."""

    def __init__(self, quota: Quota, now: float) -> None:
        limits = {"requests": quota.requests, "tokens": quota.tokens}
        self._buckets = {
            name: Bucket(limit, limit, now) for name, limit in limits.items() if limit is not None
        }

    def take(self, now: float, tokens: int) -> tuple[str, float]:
        """Let a request of ``tokens`` through, or say which quota refuses it and for how many
        seconds (infinite when it is larger than a whole minute's)."""
        wanted = {"requests": 1, "tokens": tokens}
        for bucket in self._buckets.values():
            bucket.refill(now)
        waits = {name: bucket.wait(wanted[name]) for name, bucket in self._buckets.items()}
        worst = max(waits, key=lambda name: waits[name], default="")
        if worst and waits[worst] > 0:
            return worst, waits[worst]
        for name, bucket in self._buckets.items():
            bucket.level -= wanted[name]
        return "", 0.0

    def settle(self, reserved: int, used: int) -> None:
        """The request took ``used`` tokens instead of those ``reserved`` for it."""
        bucket = self._buckets.get("tokens")
        if bucket is not None:
            bucket.level = min(bucket.limit, bucket.level + reserved - used)

    def limit(self, name: str) -> int:
        return self._buckets[name].limit

    def levels(self, speed: float) -> Sequence[Level]:
        """What is left, for the client; times are in its own seconds."""
        return [
            Level(name, bucket.limit, bucket.left, bucket.full() / speed)
            for name, bucket in self._buckets.items()
        ]
