"""One ``pybreaker.CircuitBreaker`` as a circuit: who may pass, and what is counted of it.

pybreaker guards a function from call to return, under a lock. Ours begins in one place and ends in
another, perhaps much later, and many are under way at once. So each call becomes a generator that
pybreaker has let through and that has not begun (``CircuitBreaker.call`` of a generator function):
begun at the end of the call it tells pybreaker what became of it, closed unbegun it tells nothing.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakSet, ref

from ...errors import CircuitOpenError, Fault
from ..breaker import Breaker, Verdict
from ..echo import echo

__all__ = ["Guard", "Ticket", "is_breaker"]

_LIMITS = Breaker().limits


class Ticket:
    """One call that was let through. ``epoch``: the state of the circuit that let it through."""

    __slots__ = ("at", "epoch", "fault", "passage", "told")

    def __init__(self) -> None:
        self.at = time.monotonic()
        self.epoch = 0
        self.fault: Fault | None = None
        self.passage: Any = None
        self.told = False

    def outcome(self) -> Generator[None, None, None]:
        """What pybreaker takes for the guarded function."""
        if self.fault is not None:
            raise self.fault
        yield from ()


class Guard:
    """The circuit of ``breaker`` for all calls of this process that share it.

    It adds what pybreaker leaves to its lock: at most ``success_threshold`` probes at a time in a
    half-open circuit (one that takes longer than another ``reset_timeout`` lets one more pass),
    and no counting of ends that belong to an earlier state. Both methods wait for pybreaker's lock
    and for its storage.
    """

    def __init__(self, breaker: Any) -> None:
        self._breaker: Callable[[], Any] = ref(breaker)
        self._seen = "closed"
        self._epoch = 0
        self._limited = 0
        self._probes: list[Ticket] = []
        _all.add(self)

    def admit(self) -> Ticket:
        """Let a call through. Raises ``CircuitOpenError``, and what storage and listeners do."""
        breaker: Any = self._breaker()
        with breaker._lock:
            state = self._look(breaker)
            if state == "half-open":
                self._check_probes(breaker)
            ticket = Ticket()
            try:
                ticket.passage = breaker.call(ticket.outcome)
            except sys.modules["pybreaker"].CircuitBreakerError:
                raise _refusal(breaker, _until_probe(breaker)) from None
            if state != "closed":
                # An open circuit lets somebody through by becoming half-open.
                self._become("half-open")
                self._probes.append(ticket)
            ticket.epoch = self._epoch
            return ticket

    def tell(self, ticket: Ticket, verdict: Verdict, fault: Fault | None = None) -> None:
        """Tell pybreaker how the call of ``ticket`` ended. A 429 counts from the third in a row, as
        in ours. Raises whatever storage and listeners do."""
        breaker: Any = self._breaker()
        with breaker._lock:
            self._look(breaker)
            if ticket in self._probes:
                self._probes.remove(ticket)
            counted = self._counted(verdict)
            if counted == "none" or ticket.epoch != self._epoch:
                ticket.passage.close()
                return
            if counted == "bad" and fault is not None:
                ticket.fault = echo(fault)
            try:
                next(ticket.passage)
            except (StopIteration, Fault, sys.modules["pybreaker"].CircuitBreakerError):
                return  # what the guarded function would have given its caller

    def hold(self) -> bool:
        """Take pybreaker's lock if that is to be had at once; ``let_go`` gives it back. Its owner
        may use the same breaker elsewhere, and then holds it for as long as his function runs."""
        return self._breaker()._lock.acquire(blocking=False)

    def let_go(self) -> None:
        self._breaker()._lock.release()

    def renew(self) -> None:
        """In a forked child, where whoever held the lock is gone."""
        breaker: Any = self._breaker()
        if breaker is not None:
            breaker._lock = threading.RLock()

    def _look(self, breaker: Any) -> str:
        state: str = breaker.current_state
        self._become(state)
        return state

    def _become(self, state: str) -> None:
        if state != self._seen:
            self._seen = state
            self._epoch += 1
            self._limited = 0
            self._probes.clear()

    def _check_probes(self, breaker: Any) -> None:
        most = max(1, getattr(breaker, "success_threshold", 1))
        stale = time.monotonic() - breaker.reset_timeout
        self._probes = [probe for probe in self._probes if probe.at > stale]
        if len(self._probes) >= most:
            raise _refusal(breaker, self._probes[0].at - stale, probing=True)

    def _counted(self, verdict: Verdict) -> Verdict:
        if verdict == "limited":
            self._limited += 1
            late = self._limited >= _LIMITS or self._seen == "half-open"
            return "bad" if late else "none"
        if verdict != "none":
            self._limited = 0
        return verdict


def _until_probe(breaker: Any) -> float:
    """Seconds until pybreaker lets a probe through."""
    opened: datetime | None = breaker._state_storage.opened_at
    if opened is None:
        return 0.0
    if opened.tzinfo is None:  # before pybreaker 1.1
        opened = opened.replace(tzinfo=UTC)
    due = opened + timedelta(seconds=breaker.reset_timeout)
    return max(0.0, (due - datetime.now(UTC)).total_seconds())


def _refusal(breaker: Any, after: float, *, probing: bool = False) -> CircuitOpenError:
    name = f" {breaker.name!r}" if breaker.name else ""
    when = f"in {after:.3g} s"
    if probing:
        when = f"as soon as the probe under way has ended, at the latest {when}"
    return CircuitOpenError(f"the circuit{name} is open; it probes next {when}", after=after)


def is_breaker(given: Any) -> bool:
    """Whether ``given`` is a ``pybreaker.CircuitBreaker``, told without importing pybreaker."""
    return any(
        kind.__name__ == "CircuitBreaker" and kind.__module__ == "pybreaker"
        for kind in type(given).__mro__
    )


_all: WeakSet[Guard] = WeakSet()


def _after_fork() -> None:
    for guard in _all:
        guard.renew()


os.register_at_fork(after_in_child=_after_fork)
