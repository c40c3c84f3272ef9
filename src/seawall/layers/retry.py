"""Retry: exponential backoff with full jitter, under a budget that stops storms.

Full jitter is ``random() * min(cap, base * 2 ** (tried - 1))``, from "Exponential Backoff And
Jitter" (AWS Architecture Blog, 2015): of the variants measured there it spreads clients best.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import Annotated

from msgspec import Meta, Struct

from ..core import Call, Handler, Reply
from ..errors import Fault, TimeoutFault
from .room import make_room

__all__ = ["Again", "Retry", "RetryBudget", "RetryLayer"]

_log = logging.getLogger("seawall.retry")


class Again(Struct, frozen=True):
    """The verdict on a fault: ask again after ``wait`` seconds, or not (``None``), and why."""

    wait: float | None
    reason: str


class Retry(Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """How often and when the same route is asked again.

    ``attempts`` counts the first asking. ``base`` and ``cap`` bound the backoff in seconds. A
    provider's Retry-After is honoured whatever its length, as long as it fits the deadline;
    beyond ``patience`` seconds another route, if there is one, is asked instead. Retries are at
    most ``budget`` percent of the route's calls in the last minute, after ``allowance``.

    ``repeats``: whether asking the same question again right after it failed counts as a retry
    (see ``layers.repeats``). ``None``: only underneath an SDK, around which others retry.
    """

    attempts: Annotated[int, Meta(ge=1)] = 3
    base: Annotated[float, Meta(ge=0)] = 0.5
    cap: Annotated[float, Meta(ge=0)] = 8.0
    patience: Annotated[float, Meta(ge=0)] = 10.0
    budget: Annotated[int, Meta(ge=0, le=100)] = 20
    allowance: Annotated[int, Meta(ge=0)] = 10
    repeats: bool | None = None

    def wait(self, tried: int, fault: Fault, chance: float) -> float | None:
        """Seconds until the next asking after ``tried`` ones, ``None`` for no more. ``chance``
        is uniform in [0, 1)."""
        if tried >= self.attempts or not fault.retry or fault.delivered:
            return None
        if fault.after is not None:
            return fault.after
        return chance * min(self.cap, self.base * 2.0 ** min(tried - 1, 60))

    def decide(
        self,
        tried: int,
        fault: Fault,
        chance: float,
        *,
        left: float | None = None,
        alone: bool = True,
        wall: float = 0.0,
        elapsed: float = 0.0,
        slept: float = 0.0,
    ) -> Again:
        """``left``: seconds until the call's deadline. ``alone``: no other route can take
        over. ``wall``: epoch seconds, for a provider that named a date. ``elapsed``: seconds
        since this route was first asked, and how many of them were ``slept``, for policies that
        go by these."""
        if not fault.retry or fault.delivered:
            return Again(None, f"{fault.kind} is not retried")
        if tried >= self.attempts:
            return Again(None, f"all {self.attempts} attempts are spent")
        if isinstance(fault, TimeoutFault) and not alone:
            return Again(None, "a silent route is not asked twice while another exists")
        wait = self.wait(tried, fault, chance) or 0.0
        asked = fault.after is not None or fault.until is not None
        if fault.until is not None:
            wait = max(0.0, fault.until - wall)
        if left is not None and wait >= left:
            return Again(None, f"a wait of {wait:.3g} s does not fit the {left:.3g} s left")
        if asked and not alone and wait > self.patience:
            return Again(None, f"the provider asks for {wait:.3g} s; another route is tried")
        return Again(wait, "retry-after" if asked else "backoff")


class RetryBudget:
    """Counts a route's calls and retries over the last minute, in ten-second buckets."""

    _SPAN = 10.0
    _BUCKETS = 6

    __slots__ = ("_buckets",)

    def __init__(self) -> None:
        self._buckets: dict[int, list[int]] = {}

    def call(self, now: float) -> None:
        """A call begins (its first attempt)."""
        self._bucket(now)[0] += 1

    def allow(self, retry: Retry, now: float) -> bool:
        """Whether one more retry stays inside the budget; if so it is counted."""
        bucket = self._bucket(now)
        calls = sum(counts[0] for counts in self._buckets.values())
        retries = sum(counts[1] for counts in self._buckets.values())
        if retries >= retry.allowance + calls * retry.budget // 100:
            return False
        bucket[1] += 1
        return True

    def repeat(self, retry: Retry, now: float) -> bool:
        """``allow`` for a call that repeats another from outside. It will be counted as a call
        too, and is none."""
        allowed = self.allow(retry, now)
        if allowed:
            self._bucket(now)[0] -= 1
        return allowed

    def unused(self, now: float) -> None:
        """A retry that was allowed was not made."""
        self._bucket(now)[1] -= 1

    def at_rest(self) -> bool:
        """Whether nothing was retried of late."""
        return not any(retries for _, retries in self._buckets.values())

    def _bucket(self, now: float) -> list[int]:
        slot = int(now // self._SPAN)
        bucket = self._buckets.get(slot)
        if bucket is None:
            self._buckets = {
                old: counts for old, counts in self._buckets.items() if old > slot - self._BUCKETS
            }
            bucket = self._buckets[slot] = [0, 0]
        return bucket


class RetryLayer:
    """Asks ``inner`` until it answers or ``Retry`` says no. ``budgets`` is shared by all calls
    of a client, one budget a route."""

    def __init__(
        self,
        retry: Retry,
        budgets: dict[str, RetryBudget],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._retry = retry
        self._budgets = budgets
        self._chance = chance

    def __call__(self, inner: Handler, /) -> Handler:
        async def handler(call: Call) -> Reply:
            granted = call.attempts_left
            make_room(self._budgets, call.model, RetryBudget.at_rest)
            budget = self._budgets.setdefault(call.model, RetryBudget())
            budget.call(call.clock.now())
            begun, slept = call.clock.now(), 0.0
            tried = call.tried
            real: Fault | None = None
            while True:
                call.attempts_left = self._left(tried, granted)
                try:
                    return await inner(call)
                except Fault as fault:
                    if real is not None and fault.blames == "nobody":
                        # A breaker that opened meanwhile must not hide why it did.
                        raise real from fault
                    real = fault
                    tried += 1
                    spent = call.clock.now() - begun, slept
                    again = self._decide(call, tried, fault, budget, granted, spent)
                    if again.wait is None:
                        call.note(f"{call.model}: {again.reason}")
                        raise
                    call.waited, call.wait_reason = again.wait, again.reason
                    _log.info("%s; again in %.3g s (%s)", fault, again.wait, again.reason)
                    await call.clock.sleep(again.wait)
                    slept += again.wait

        return handler

    def _left(self, tried: int, granted: int | None) -> int:
        """Attempts this route may still make; a nested Seawall is told no more than that."""
        most = self._retry.attempts if granted is None else min(self._retry.attempts, granted)
        return max(1, most - tried)

    def _decide(
        self,
        call: Call,
        tried: int,
        fault: Fault,
        budget: RetryBudget,
        granted: int | None,
        spent: tuple[float, float],
    ) -> Again:
        again = self._retry.decide(
            tried,
            fault,
            self._chance(),
            left=call.left(),
            alone=call.last_route,
            wall=call.clock.time(),
            elapsed=spent[0],
            slept=spent[1],
        )
        if again.wait is None:
            return again
        if granted is not None and tried >= granted:
            return Again(None, "the attempts granted by the caller are spent")
        if not budget.allow(self._retry, call.clock.now()):
            return Again(None, "the retry budget is spent")
        return again
