"""A caller's ``pybreaker.CircuitBreaker`` in place of our circuit, with its listeners, its
exclusions and its storage.

A circuit kept in memory is asked on the spot. One kept elsewhere (Redis) blocks whoever asks, so a
thread does; while it is silent or fails, calls go on without a breaker, and their decision records
say so: a breaker protects calls from a provider, and must not be what takes them down.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from msgspec import structs

from ...core import Call, End, Handler, Layer, Reply
from ...errors import CircuitOpenError, Fault
from ..breaker import Breaker, BreakerLayer, Circuit, Verdict, verdict
from .guard import Guard, Ticket, is_breaker
from .worker import Worker

__all__ = ["PATIENCE", "Pybreaker", "PybreakerLayer", "breaker_by", "breaker_layer"]

_log = logging.getLogger("seawall.breaker")

#: Seconds a call waits for the storage of its circuit.
PATIENCE = 0.5


class Pybreaker(Breaker, frozen=True, kw_only=True):
    """``circuit``, a ``pybreaker.CircuitBreaker``, for a call's first route. The others keep our
    own policy, whose fields these are, unless it is off (``others`` is false)."""

    circuit: Any
    others: bool = True


def breaker_by(given: Any, before: Breaker | None) -> Any:
    """``given`` as it is, but a ``pybreaker.CircuitBreaker`` as a policy; ``before``: ours."""
    if not is_breaker(given):
        return given
    fields = structs.asdict(before or Breaker())
    return Pybreaker(**fields, circuit=given, others=before is not None)


def breaker_layer(breaker: Breaker, circuits: dict[str, Circuit]) -> Layer:
    """The layer of ``breaker``, ours or a caller's."""
    if not isinstance(breaker, Pybreaker):
        return BreakerLayer(breaker, circuits)
    return PybreakerLayer(
        breaker.circuit, BreakerLayer(breaker, circuits) if breaker.others else None
    )


class PybreakerLayer:
    """Guards each attempt at a call's first route with ``circuit``: it is one circuit, and what
    it says of one provider must not keep calls from the next. ``others`` guards the rest."""

    def __init__(self, circuit: Any, others: Layer | None) -> None:
        self._keeper = _keeper(circuit)
        self._others = others

    def __call__(self, inner: Handler, /) -> Handler:
        elsewhere = inner if self._others is None else self._others(inner)

        async def handler(call: Call) -> Reply:
            candidates = call.decision.candidates
            if candidates and call.model != candidates[0]:
                return await elsewhere(call)
            ticket = await self._keeper.admit(call)
            if ticket is None:
                return await inner(call)
            call.on_end(partial(self._told, ticket))
            try:
                return await inner(call)
            except Fault as fault:
                # Before the end is told: whoever is refused next should be refused for this.
                call.blame(fault)
                self._told(ticket, End(outcome="fault", fault=fault))
                await self._keeper.settle()
                raise

        return handler

    def _told(self, ticket: Ticket, end: End) -> None:
        if not ticket.told:
            ticket.told = True
            self._keeper.tell(ticket, verdict(end), end.fault)


def _unguarded(call: Call, why: str) -> None:
    call.note(f"{call.model}: the call went on without its circuit breaker: {why}")


class _Aside:
    """For a circuit in a storage that blocks: a thread asks and tells, in order.

    ``admit`` raises ``CircuitOpenError``, and gives ``None`` for a call that goes on without.
    ``settle`` returns when what was told counts, or after the patience.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._worker = Worker("seawall-pybreaker", PATIENCE)
        logging.getLogger("pybreaker").addFilter(_overhear)

    async def admit(self, call: Call) -> Ticket | None:
        answer = await self._ask()
        if answer is None:
            _unguarded(call, f"it did not answer within {PATIENCE:g} s")
            return None
        return self._judge(call, answer)

    def _judge(self, call: Call, answer: _Answer) -> Ticket | None:
        if not answer.trouble:
            if answer.refusal is not None:
                raise answer.refusal
            return answer.ticket
        _unguarded(call, answer.trouble)
        self._give_back(answer)
        return None

    def tell(self, ticket: Ticket, verdict: Verdict, fault: Fault | None) -> None:
        self._worker.submit(partial(_tell, self._guard, ticket, verdict, fault))

    async def settle(self) -> None:
        if not self._worker.late():
            told = asyncio.wrap_future(self._worker.idle())
            await asyncio.wait({told}, timeout=PATIENCE)

    async def _ask(self) -> _Answer | None:
        """``None``: it did not answer in time. An answer that comes later is given back."""
        if self._worker.late():
            return None
        asked = self._worker.submit(partial(_admit, self._guard))
        answer = asyncio.wrap_future(asked)
        in_time = False
        try:
            await asyncio.wait({answer}, timeout=PATIENCE)
            in_time = answer.done()
        finally:
            if not in_time:
                answer.cancel()
                if not asked.cancel():
                    asked.add_done_callback(lambda late: self._give_back(late.result()))
        return answer.result() if in_time else None

    def _give_back(self, answer: _Answer) -> None:
        if answer.ticket is not None:
            self.tell(answer.ticket, "none", None)


class _Here(_Aside):
    """For a circuit in memory: on the spot, unless its owner's own call holds it."""

    async def admit(self, call: Call) -> Ticket | None:
        if not self._guard.hold():
            return await super().admit(call)
        try:
            answer = _admit(self._guard)
        finally:
            self._guard.let_go()
        return self._judge(call, answer)

    def tell(self, ticket: Ticket, verdict: Verdict, fault: Fault | None) -> None:
        if not self._guard.hold():
            super().tell(ticket, verdict, fault)
            return
        try:
            _tell(self._guard, ticket, verdict, fault)
        finally:
            self._guard.let_go()

    async def settle(self) -> None: ...


class _Answer(NamedTuple):
    """``trouble``: what the storage complained of, empty if nothing."""

    ticket: Ticket | None
    refusal: CircuitOpenError | None
    trouble: str


def _admit(guard: Guard) -> _Answer:
    _heard.trouble = ""
    try:
        return _Answer(guard.admit(), None, _heard.trouble)
    except CircuitOpenError as refusal:
        return _Answer(None, refusal, _heard.trouble)
    except Exception as error:
        return _Answer(None, None, _said(error))


def _tell(guard: Guard, ticket: Ticket, verdict: Verdict, fault: Fault | None) -> None:
    try:
        guard.tell(ticket, verdict, fault)
    except Exception as error:
        # A listener's or the storage's: the call is over, and has its answer.
        _log.warning("a circuit breaker could not be told: %s", _said(error), exc_info=error)


_heard = threading.local()


def _overhear(record: logging.LogRecord) -> bool:
    """pybreaker's Redis storage swallows its errors and takes the circuit for closed; only its
    log says so."""
    if hasattr(_heard, "trouble"):
        error = record.exc_info[1] if record.exc_info else None
        _heard.trouble = record.getMessage() if error is None else _said(error)
    return True


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


_keepers: WeakKeyDictionary[Any, _Aside] = WeakKeyDictionary()


def _keeper(circuit: Any) -> _Aside:
    """The one keeper of ``circuit``, which lives as long as that."""
    keeper = _keepers.get(circuit)
    if keeper is None:
        kinds = type(circuit._state_storage).__mro__
        in_memory = any(kind.__name__ == "CircuitMemoryStorage" for kind in kinds)
        made = _Here(Guard(circuit)) if in_memory else _Aside(Guard(circuit))
        keeper = _keepers.setdefault(circuit, made)
    return keeper
