"""Outer repeats: whoever asks a question again that has just failed makes a retry by another name.

A decorator around the client, an SDK's own loop or a queue that delivers again knows neither our
budget nor what the provider said. So each failure lets one asking of the same question count as a
retry of its route: it waits for what is left of the provider's Retry-After, and once the retry
budget is spent it is refused with the fault that it repeats.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.json import encode
from msgspec.structs import replace

from ..core import Call, End, Handler, Refused, Reply
from ..errors import Fault
from ..ports import Headers
from .echo import echo
from .retry import Again, Retry, RetryBudget

__all__ = ["Failed", "Question", "Repeats", "RepeatsLayer", "fingerprint"]

#: Failures of one question that may wait to be asked again: what many callers at once leave.
_OPEN = 100

Question = tuple[str, bytes]
"""A route's name and what tells one question from another."""


class Failed(Struct, frozen=True):
    """A question that failed, last at ``at`` with ``fault``; ``open`` holds when it did and was not
    asked again since. The provider wants to be left alone ``until`` then (the clock's seconds)."""

    fault: Fault
    at: float
    until: float
    open: tuple[float, ...]


class Repeats(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A failure is remembered for ``window`` seconds, no more than ``kept`` of them at a time.

    The window is as long as our breaker's cooldown: when that would let a probe through, whoever
    asks again is one.
    """

    window: Annotated[float, Meta(gt=0)] = 15.0
    kept: Annotated[int, Meta(ge=1)] = 512

    def failed(self, before: Failed | None, fault: Fault, now: float, wall: float) -> Failed:
        """What is remembered of ``fault``, which came at ``now``, epoch second ``wall``."""
        until = now + (fault.after or 0.0) if fault.until is None else now + fault.until - wall
        earlier = () if before is None else before.open[1 - _OPEN :]
        earlier = tuple([at for at in earlier if now < at + self.window])
        return Failed(_bare(fault), now, until, (*earlier, now))

    def over(self, failed: Failed, now: float) -> bool:
        """Whether it is forgotten: an asking at ``now`` is no repeat, just a later one."""
        return now >= failed.at + self.window

    def repeats(self, failed: Failed, started: float) -> bool:
        """Whether a call ``started`` then repeats it: those under way at the time do not, and
        each failure is repeated once."""
        return bool(failed.open) and started > failed.open[0]

    def decide(
        self, failed: Failed, now: float, retry: Retry, *, left: float | None, alone: bool
    ) -> Again:
        """When the repeat may be asked: after ``wait`` seconds, or not (``None``). ``left`` and
        ``alone`` as ``Retry.decide`` has them."""
        wait = max(0.0, failed.until - now)
        if wait and left is not None and wait >= left:
            return Again(None, f"a wait of {wait:.3g} s does not fit the {left:.3g} s left")
        if wait and not alone and wait > retry.patience:
            return Again(None, f"the provider asks for {wait:.3g} s; another route is tried")
        return Again(wait, "retry-after" if wait else "")

    def refusal(self, failed: Failed, now: float, reason: str) -> Fault:
        """The fault of a repeat that is not asked: the one it repeats, but nobody's."""
        fault = echo(failed.fault)
        ago = now - failed.at
        fault.message = f"the same question failed {ago:.3g} s ago, and {reason}: {fault.message}"
        fault.args = (fault.message,)
        fault.blames, fault.retry = "nobody", False
        fault.after, fault.until = max(0.0, failed.until - now) or None, None
        return fault


def _bare(fault: Fault) -> Fault:
    """``fault`` without what is about its own reply only."""
    kept = echo(fault)
    kept.body, kept.headers = b"", Headers()
    if kept.delivered:
        # The next asking begins anew: another route may answer it.
        kept.delivered = False
        kept.__dict__.pop("reroute", None)
    return kept


def fingerprint(call: Call) -> bytes:
    """What makes two questions the same: every byte of them, or every field."""
    original = call.original
    said = encode(call.question) if original is None else original.path.encode() + original.body
    return blake2b(said, digest_size=16).digest()


class RepeatsLayer:
    """Round the retries of one route. ``budgets`` are the retry layer's; ``failures`` is shared by
    all calls of a client, by route and ``fingerprint``."""

    def __init__(
        self,
        retry: Retry,
        budgets: dict[str, RetryBudget],
        failures: dict[Question, Failed],
        repeats: Repeats | None = None,
        fingerprint: Callable[[Call], bytes] = fingerprint,
    ) -> None:
        self._retry = retry
        self._budgets = budgets
        self._failures = failures
        self._repeats = repeats or Repeats()
        self._fingerprint = fingerprint

    def __call__(self, inner: Handler, /) -> Handler:
        async def handler(call: Call) -> Reply:
            repeated = await self._repeat(call) if self._failures else None
            told = partial(self._told, call, repeated)
            try:
                reply = await inner(call)
            except Fault as fault:
                told(End(outcome="fault", fault=fault))
                raise
            if reply.stream is not None:
                reply.stream.on_end(told)
            else:
                told(End(outcome="finished"))
            return reply

        return handler

    async def _repeat(self, call: Call) -> float | None:
        """When the call failed that this one repeats, if it does. Waits as long as it must; raises
        the refusal of one that may not be asked."""
        now = call.clock.now()
        self._forget(now)
        question = self._question(call)
        failed = self._failures.get(question)
        # A wait says that whoever asks again here has counted it as a retry already.
        if failed is None or call.wait_reason or not self._repeats.repeats(failed, call.started):
            return None
        again = self._again(call, failed, now)
        if again.wait is None:
            fault = self._repeats.refusal(failed, now, again.reason)
            at = round(call.elapsed(), 6)
            call.decision.refused.append(Refused(call.model, fault.message, at))
            raise fault
        self._failures[question] = replace(failed, open=failed.open[1:])
        ago = now - failed.at
        call.note(f"{call.model}: the same question failed {ago:.3g} s ago; this is its retry")
        if again.wait:
            call.waited, call.wait_reason = again.wait, again.reason
            await call.clock.sleep(again.wait)
        return failed.open[0]

    def _again(self, call: Call, failed: Failed, now: float) -> Again:
        again = self._repeats.decide(
            failed, now, self._retry, left=call.left(), alone=call.last_route
        )
        if again.wait is not None and not self._budget(call).repeat(self._retry, now):
            return Again(None, "the retry budget is spent")
        return again

    def _budget(self, call: Call) -> RetryBudget:
        return self._budgets.setdefault(call.model, RetryBudget())

    def _told(self, call: Call, repeated: float | None, end: End) -> None:
        fault = end.fault
        if fault is None and not self._failures:
            return
        question = self._question(call)
        before = self._failures.get(question)
        if fault is None:
            if end.outcome == "finished":
                self._failures.pop(question, None)
        elif fault.blames != "nobody":
            if type(fault) is not Fault:  # one of ours, no provider's
                self._remember(call, question, fault)
        elif repeated is not None and before is not None:
            # A breaker refused it: it was not asked again after all.
            self._failures[question] = replace(before, open=(repeated, *before.open))
            self._budget(call).unused(call.clock.now())

    def _remember(self, call: Call, question: Question, fault: Fault) -> None:
        before = self._failures.pop(question, None)
        if len(self._failures) >= self._repeats.kept:
            del self._failures[next(iter(self._failures))]
        now, wall = call.clock.now(), call.clock.time()
        self._failures[question] = self._repeats.failed(before, fault, now, wall)

    def _forget(self, now: float) -> None:
        """What is over: the failures stand in the order in which they came."""
        while self._failures:
            question, oldest = next(iter(self._failures.items()))
            if not self._repeats.over(oldest, now):
                return
            del self._failures[question]

    def _question(self, call: Call) -> Question:
        return call.model, self._fingerprint(call)
