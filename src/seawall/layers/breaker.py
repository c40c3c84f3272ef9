"""The circuit breaker: a route that keeps failing is left alone for a while.

States after Nygard, "Release It!" (2007): closed, open, half-open. All transitions are pure:
``admit`` and ``told`` take a ``Circuit`` and return the next one.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from ..core import Call, End, Handler, Reply
from ..errors import CircuitOpenError, Fault
from .room import make_room

__all__ = ["Breaker", "BreakerLayer", "Circuit", "Verdict", "verdict"]

_log = logging.getLogger("seawall.breaker")

Verdict = Literal["good", "bad", "limited", "none"]


class Circuit(Struct, frozen=True, omit_defaults=True):
    """One route's circuit. ``epoch`` grows with each change of state, so that answers to
    questions asked before it are not counted after it. ``probing``: when each probe under way
    was let through."""

    state: Literal["closed", "open", "half_open"] = "closed"
    epoch: int = 0
    opened: float = 0.0
    reason: str = ""
    probing: tuple[float, ...] = ()
    passed: int = 0
    limited: int = 0
    since: float = 0.0
    good: int = 0
    bad: int = 0
    earlier_good: int = 0
    earlier_bad: int = 0


class Breaker(Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """When a route's circuit opens, and how it closes again.

    It opens at ``failures`` failures within ``window`` seconds if they are at least ``ratio`` of
    the calls then. A 429 counts from the ``limits``-th in a row. After ``cooldown`` seconds
    ``probes`` calls may pass at a time; as many answers close the circuit, one failure opens it
    again. A probe that takes longer than another ``cooldown`` (a stream nobody reads) lets one
    more pass. A failure is remembered for between half a window and a whole one.
    """

    failures: Annotated[int, Meta(ge=1)] = 5
    window: Annotated[float, Meta(gt=0)] = 30.0
    ratio: Annotated[float, Meta(ge=0, le=1)] = 0.5
    limits: Annotated[int, Meta(ge=1)] = 3
    cooldown: Annotated[float, Meta(gt=0)] = 15.0
    probes: Annotated[int, Meta(ge=1)] = 1

    def admit(self, circuit: Circuit, now: float) -> tuple[Circuit, bool]:
        """The next circuit, and whether the call may pass."""
        if circuit.state == "closed":
            return circuit, True
        if circuit.state == "open":
            if now < circuit.opened + self.cooldown:
                return circuit, False
            half = Circuit("half_open", circuit.epoch + 1, circuit.opened, circuit.reason)
            return replace(half, probing=(now,)), True
        probing = tuple(at for at in circuit.probing if now < at + self.cooldown)
        if len(probing) >= self.probes:
            return circuit, False
        return replace(circuit, probing=(*probing, now)), True

    def told(
        self, circuit: Circuit, admitted: Circuit, verdict: Verdict, now: float, reason: str = ""
    ) -> Circuit:
        """The circuit after the call ended whose ``admit`` had returned ``admitted``."""
        if admitted.epoch != circuit.epoch or circuit.state == "open":
            return circuit
        limited = circuit.limited + 1 if verdict == "limited" else 0
        bad = verdict == "bad" or (verdict == "limited" and limited >= self.limits)
        if circuit.state == "half_open":
            return self._probed(circuit, admitted, verdict, now, reason)
        if verdict == "none":
            return circuit
        circuit = replace(self._slide(circuit, now), limited=limited)
        if not bad:
            return replace(circuit, good=circuit.good + (verdict == "good"))
        circuit = replace(circuit, bad=circuit.bad + 1)
        failed = circuit.bad + circuit.earlier_bad
        calls = failed + circuit.good + circuit.earlier_good
        if failed >= self.failures and failed >= self.ratio * calls:
            return Circuit("open", circuit.epoch + 1, now, reason)
        return circuit

    def _probed(
        self, circuit: Circuit, admitted: Circuit, verdict: Verdict, now: float, reason: str
    ) -> Circuit:
        if verdict in ("bad", "limited"):
            return Circuit("open", circuit.epoch + 1, now, reason)
        passed = circuit.passed + (verdict == "good")
        if passed >= self.probes:
            return Circuit("closed", circuit.epoch + 1, since=now)
        probing = list(circuit.probing)
        if admitted.probing[-1] in probing:
            probing.remove(admitted.probing[-1])
        return replace(circuit, probing=tuple(probing), passed=passed)

    def _slide(self, circuit: Circuit, now: float) -> Circuit:
        """Counts are kept in two halves of the window, the older of which is dropped."""
        half = self.window / 2
        if now < circuit.since + half:
            return circuit
        if now >= circuit.since + self.window:
            return replace(circuit, since=now, good=0, bad=0, earlier_good=0, earlier_bad=0)
        return replace(
            circuit,
            since=circuit.since + half,
            good=0,
            bad=0,
            earlier_good=circuit.good,
            earlier_bad=circuit.bad,
        )


def verdict(end: End) -> Verdict:
    """What an attempt's end says of the provider. The caller's own mistakes show that it
    answers; a cancelled attempt, one that was never sent and an error of ours show nothing."""
    if end.fault is None:
        return "none" if end.outcome == "cancelled" else "good"
    if type(end.fault) is Fault:
        return "none"
    return _VERDICTS[end.fault.blames]


_VERDICTS: dict[str, Verdict] = {
    "provider": "bad",
    "limit": "limited",
    "caller": "good",
    "nobody": "none",
}


def _at_rest(circuit: Circuit) -> bool:
    failed = circuit.bad + circuit.earlier_bad + circuit.limited
    return circuit.state == "closed" and not failed


class BreakerLayer:
    """Guards each attempt. ``circuits`` is shared by all calls of a client, by route name."""

    def __init__(self, breaker: Breaker, circuits: dict[str, Circuit]) -> None:
        self._breaker = breaker
        self._circuits = circuits

    def __call__(self, inner: Handler, /) -> Handler:
        async def handler(call: Call) -> Reply:
            name, now = call.model, call.clock.now()
            circuit, passes = self._breaker.admit(self._circuits.get(name, Circuit()), now)
            if not passes:
                raise self._refusal(circuit, now)
            make_room(self._circuits, name, _at_rest)
            self._circuits[name] = circuit
            call.on_end(partial(self._told, call, circuit))
            return await inner(call)

        return handler

    def _told(self, call: Call, admitted: Circuit, end: End) -> None:
        name, reason = call.model, "" if end.fault is None else str(end.fault)
        before = self._circuits.get(name, admitted)
        after = self._breaker.told(before, admitted, verdict(end), call.clock.now(), reason)
        self._circuits[name] = after
        if after.state != before.state:
            level = logging.WARNING if after.state == "open" else logging.INFO
            _log.log(level, "the circuit of %s is %s %s", name, after.state, reason)

    def _refusal(self, circuit: Circuit, now: float) -> CircuitOpenError:
        since = circuit.opened if circuit.state == "open" else circuit.probing[0]
        after = max(0.0, since + self._breaker.cooldown - now)
        when = f"in {after:.3g} s"
        if circuit.state == "half_open":
            when = f"as soon as the probe under way has ended, at the latest {when}"
        why = f" (last failure: {circuit.reason})" if circuit.reason else ""
        return CircuitOpenError(f"the circuit is open{why}; it probes next {when}", after=after)
