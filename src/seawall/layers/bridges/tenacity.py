"""tenacity's ``wait`` and ``stop`` in place of our backoff and our count of attempts.

They are called as tenacity calls them: the wait first, then the stop, which may look at it, both
with a state of the shape of its ``RetryCallState``. What may be retried at all, the deadline, a
provider's Retry-After and the retry budget stay ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from inspect import iscoroutinefunction
from typing import Any, cast

from msgspec import structs

from ...errors import ConfigError, Fault
from ..retry import Again, Retry

__all__ = ["RetryState", "TenacityRetry", "retry_by", "take_apart"]

Wait = Callable[[Any], float]
Stop = Callable[[Any], bool]

#: Attempts when nobody can say how many a stop allows: a bound nobody meets, the budget is first.
MOST = 1000


class _Outcome(Future[Any]):
    failed = True

    def __init__(self, attempt_number: int, fault: Fault) -> None:
        super().__init__()
        self.attempt_number = attempt_number
        self.set_exception(fault)


class RetryState:
    """What tenacity tells a wait or a stop of a call that failed ``attempt_number`` times.
    Seconds count from the first asking, by the clock of the call."""

    fn = retry_object = next_action = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}
    start_time = 0.0

    def __init__(self, tried: int, fault: Fault, elapsed: float, slept: float) -> None:
        self.attempt_number = tried
        self.outcome = _Outcome(tried, fault)
        self.outcome_timestamp = self.seconds_since_start = elapsed
        self.idle_for = slept
        self.upcoming_sleep = 0.0


class TenacityRetry(Retry, frozen=True, kw_only=True):
    """``Retry`` whose pauses are ``wait_by`` and whose end is ``stop_by``, each where given."""

    wait_by: Wait | None = None
    stop_by: Stop | None = None

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
        own = 0.0 if self.wait_by is not None else chance  # no backoff of ours beneath theirs
        again = super().decide(tried, fault, own, left=left, alone=alone, wall=wall)
        if again.wait is None:
            return again
        state = RetryState(tried, fault, elapsed, slept)
        wait, reason = again.wait, again.reason
        if self.wait_by is not None:
            theirs = _seconds(self.wait_by, state)
            if reason == "backoff" or theirs > wait:
                wait, reason = theirs, "tenacity's wait"
        state.upcoming_sleep = wait
        if self.stop_by is not None and self.stop_by(state):
            return Again(None, f"tenacity's stop ends it after {tried} attempts")
        if left is not None and wait >= left:
            return Again(None, f"a wait of {wait:.3g} s does not fit the {left:.3g} s left")
        return Again(wait, reason)


def _seconds(wait: Wait, state: RetryState) -> float:
    seconds = float(wait(state))
    if not seconds >= 0:
        raise ConfigError(f"tenacity's wait gave {seconds!r} s", remedy="Give 0 s or more.")
    return seconds


def take_apart(given: Any) -> tuple[Any, Any, Any]:
    """The tenacity wait and stop in ``given``, and what else it says.

    ``given`` may be a wait, a stop, a ``Retrying`` or ``AsyncRetrying``, or a dict that holds
    ``wait`` or ``stop`` (there also plain functions of the retry state) among fields of ours.
    """
    if isinstance(given, Mapping):
        rest = dict(cast("Mapping[str, Any]", given))
        return rest.pop("wait", None), rest.pop("stop", None), rest
    kinds = {
        kind.__name__
        for kind in type(given).__mro__
        if kind.__module__.partition(".")[0] == "tenacity"
    }
    if "BaseRetrying" in kinds:
        return given.wait, given.stop, {} if getattr(given, "enabled", True) else False
    if "wait_base" in kinds:
        return given, None, {}
    if "stop_base" in kinds:
        return None, given, {}
    return None, None, given


def retry_by(policy: Retry | None, wait: Any, stop: Any) -> Retry | None:
    """``policy`` with a tenacity ``wait`` and ``stop``, each unless ``None``. With a stop the
    attempts are counted by it. Raises ``ConfigError`` for what cannot be called here."""
    if policy is None or (wait is None and stop is None):
        return policy
    for name, given in (("wait", wait), ("stop", stop)):
        if given is None:
            continue
        if not callable(given):
            raise ConfigError(f"retry.{name} is {given!r}", remedy=f"Give a {name} of tenacity's.")
        if iscoroutinefunction(given) or iscoroutinefunction(type(given).__call__):
            raise ConfigError(
                f"retry.{name} is asynchronous, and is asked where nothing can be awaited",
                remedy="Give a plain function of the retry state.",
            )
    fields = structs.asdict(policy)
    if stop is not None:
        limit = _attempts(stop)
        fields["attempts"] = MOST if limit is None else max(1, limit)
    return TenacityRetry(**fields, wait_by=wait, stop_by=stop)


def _attempts(stop: Any) -> int | None:
    """How many attempts ``stop`` allows, as far as one can tell: nested services are told."""
    kind = type(stop).__name__
    if kind == "stop_after_attempt":
        return stop.max_attempt_number
    if kind not in ("stop_any", "stop_all"):
        return None
    limits = [_attempts(each) for each in stop.stops]
    known = [limit for limit in limits if limit is not None]
    if kind == "stop_any":
        return min(known, default=None)
    return max(known) if len(known) == len(limits) else None
