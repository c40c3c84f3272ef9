"""The breaker as a state machine, held to what it promises by one that only watches."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import Struct

from seawall import Breaker
from seawall import errors as e
from seawall.core import Call, End, Reply, Route
from seawall.dialects.openai_chat import WIRE
from seawall.errors import CircuitOpenError, Fault
from seawall.layers.breaker import BreakerLayer, Circuit, verdict
from seawall.testing import VirtualClock
from seawall.types import Request

PROVIDER = (
    e.ProviderError("500", status=500),
    e.OverloadedError("529", status=529),
    e.ConnectionFault("reset"),
    e.TimeoutFault("connect", 1),
    e.TimeoutFault("first_byte", 1),
    e.TimeoutFault("idle", 1),
    e.MalformedReplyError("HTML"),
    e.StreamCutError("cut"),
)
LIMIT = (e.RateLimitError("429", status=429), e.QuotaExceededError("429", status=429))
CALLER = (
    e.BadRequestError("400", status=400),
    e.ContextLengthError("400", status=400),
    e.ContentFilterError("400", status=400),
    e.AuthenticationError("401", status=401),
    e.PermissionDeniedError("403", status=403),
    e.NotFoundError("404", status=404),
    e.ConflictError("409", status=409),
)
NOBODY = (
    e.UnsupportedError("n"),
    e.QueueFullError("full"),
    e.TimeoutFault("pool", 1),
    e.Fault("RuntimeError: a transport's own mistake"),
)


@pytest.mark.parametrize("fault", PROVIDER)
def test_the_providers_failures_count(fault: Fault) -> None:
    assert verdict(End(outcome="fault", fault=fault)) == "bad"
    assert verdict(End(outcome="cut", fault=fault)) == "bad"


@pytest.mark.parametrize(
    ("faults", "wanted"), [(LIMIT, "limited"), (CALLER, "good"), (NOBODY, "none")]
)
def test_what_is_not_the_providers_failure_does_not(faults: Any, wanted: str) -> None:
    assert {verdict(End(outcome="fault", fault=fault)) for fault in faults} == {wanted}


def test_an_answer_counts_and_a_cancelled_call_does_not() -> None:
    assert verdict(End(outcome="finished")) == "good"
    assert verdict(End(outcome="cancelled")) == "none"


class Flight(Struct, eq=False):
    call: Any
    route: str
    state: str
    epoch: int
    at: float


class Watched(Struct):
    """What happened on one route, as an outsider sees it. ``failed`` and ``answered``: when, in
    the present state only. ``row``: how many 429s in a row, or since the last other answer."""

    state: str = "closed"
    epoch: int = 0
    opened: float = 0.0
    failed: list[float] = []
    answered: list[float] = []
    row: int = 0
    passed: int = 0


def _drive(coro: Any) -> None:
    """Run to its end what never waits."""
    with pytest.raises(StopIteration):
        coro.send(None)


class Machine(RuleBasedStateMachine):
    """Two routes behind one layer on a virtual clock. ``watched`` follows each by its ends and
    refusals alone; where the layer may decide either way, it is believed and then held to it."""

    breaker = Breaker(failures=3, window=20.0, ratio=0.5, limits=2, cooldown=10.0, probes=2)

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock(start=1000.0)
        self.circuits: dict[str, Circuit] = {}
        self.reached = 0
        self.handler = BreakerLayer(self.breaker, self.circuits)(self._inner)
        self.flying: list[Flight] = []
        self.watched = {"wall/a": Watched(), "wall/b": Watched()}

    async def _inner(self, call: Call) -> Reply:
        self.reached += 1
        return Reply(call)

    def _circuit(self, route: str) -> Circuit:
        return self.circuits.get(route, Circuit())

    @rule(route=st.sampled_from(["wall/a", "wall/b"]))
    def start(self, route: str) -> None:
        watched, now = self.watched[route], self.clock.now()
        call = Call(Request(model="m", messages=()), self.clock)
        call.route = Route(name=route, model="m", wire=WIRE, transport=None)  # type: ignore[arg-type]
        before = self.reached
        try:
            _drive(self.handler(call))
        except CircuitOpenError as refusal:
            assert self.reached == before
            self._may_refuse(route, refusal)
            return
        assert self.reached == before + 1
        if watched.state == "open":
            assert now >= watched.opened + self.breaker.cooldown
            watched.state, watched.passed = "half_open", 0
            watched.epoch += 1
        if watched.state == "half_open":
            assert len(self._probes(route)) < self.breaker.probes
        self.flying.append(Flight(call, route, watched.state, watched.epoch, now))

    def _may_refuse(self, route: str, refusal: CircuitOpenError) -> None:
        watched, now = self.watched[route], self.clock.now()
        assert refusal.after is not None
        assert 0 < refusal.after <= self.breaker.cooldown
        assert f"in {refusal.after:.3g} s" in str(refusal)
        if watched.state == "open":
            assert now + refusal.after == pytest.approx(watched.opened + self.breaker.cooldown)
            return
        assert watched.state == "half_open"
        assert len(self._probes(route)) == self.breaker.probes
        oldest = min(flight.at for flight in self._probes(route))
        assert now + refusal.after == pytest.approx(oldest + self.breaker.cooldown)

    def _probes(self, route: str) -> list[Flight]:
        """The probes under way, but for those that take longer than a cooldown."""
        probe = (route, "half_open", self.watched[route].epoch)
        now = self.clock.now()
        mine = [f for f in self.flying if (f.route, f.state, f.epoch) == probe]
        return [f for f in mine if now < f.at + self.breaker.cooldown]

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        flight = data.draw(st.sampled_from(self.flying))
        kind = data.draw(st.sampled_from(["good", "bad", "bad", "bad", "limited", "none", "mine"]))
        faults = {"bad": PROVIDER, "limited": LIMIT, "none": NOBODY, "mine": CALLER}
        if kind == "good":
            end = End(outcome="finished")
        elif kind == "none" and data.draw(st.booleans()):
            end = End(outcome="cancelled")
        else:
            end = End(outcome="fault", fault=data.draw(st.sampled_from(faults[kind])))
        self.flying.remove(flight)
        flight.call.end(end)
        flight.call.end(End(outcome="finished"))  # a second end changes nothing
        self._ended(flight, "good" if kind == "mine" else kind)

    def _ended(self, flight: Flight, kind: str) -> None:
        watched, now = self.watched[flight.route], self.clock.now()
        if flight.epoch != watched.epoch:
            return
        if watched.state == "half_open":
            self._probed(flight.route, watched, kind)
        elif watched.state == "closed" and kind != "none":
            watched.row = watched.row + 1 if kind == "limited" else 0
            if kind == "good":
                watched.answered.append(now)
            if kind == "bad" or watched.row >= self.breaker.limits:
                watched.failed.append(now)
                self._may_open(flight.route, watched)

    def _may_open(self, route: str, watched: Watched) -> None:
        now, breaker = self.clock.now(), self.breaker

        def within(times: list[float], seconds: float) -> int:
            return sum(now - seconds <= at for at in times)

        recent, all_ = within(watched.failed, breaker.window / 2), within(watched.failed, 20.0)
        must = recent >= breaker.failures and recent >= breaker.ratio * (
            recent + within(watched.answered, breaker.window)
        )
        may = all_ >= breaker.failures and all_ >= breaker.ratio * (
            all_ + within(watched.answered, breaker.window / 2)
        )
        opened = self._circuit(route).state == "open"
        assert opened or not must
        assert may or not opened
        if opened:
            self._open(watched)

    def _probed(self, route: str, watched: Watched, kind: str) -> None:
        if kind in ("bad", "limited"):
            self._open(watched)
        elif kind == "good":
            watched.passed += 1
            if watched.passed >= self.breaker.probes:
                self.watched[route] = Watched(epoch=watched.epoch + 1)

    def _open(self, watched: Watched) -> None:
        watched.state, watched.opened = "open", self.clock.now()
        watched.epoch += 1
        watched.failed, watched.answered, watched.row = [], [], 0

    @precondition(lambda self: self.watched["wall/a"].state == "closed")
    @rule(left=st.integers(0, 2))
    def trip(self, left: int) -> None:
        """Open the circuit while so many calls are in flight, whose answers will be late."""
        first = len(self.flying)
        for _ in range(left + 9):
            self.start("wall/a")
        for flight in self.flying[first + left :]:
            self.flying.remove(flight)
            flight.call.end(End(outcome="fault", fault=PROVIDER[0]))
            self._ended(flight, "bad")

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0, 4.999, 5.0, 9.999, 10.0, 19.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def the_layer_is_where_its_ends_have_brought_it(self) -> None:
        for route, watched in self.watched.items():
            assert self._circuit(route).state == watched.state
            assert self._circuit(route).epoch == watched.epoch

    @invariant()
    def nothing_is_stuck(self) -> None:
        """However many probes never end, after a cooldown another call may pass."""
        for route in self.watched:
            later = self.clock.now() + self.breaker.cooldown
            _, passes = self.breaker.admit(self._circuit(route), later)
            assert passes


TestBreaker = Machine.TestCase
TestBreaker.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_failures_among_many_answers_do_not_open() -> None:
    breaker, circuit = Breaker(failures=5, ratio=0.5), Circuit()
    for _ in range(20):
        circuit = breaker.told(circuit, circuit, "good", 1.0)
    for _ in range(19):
        circuit = breaker.told(circuit, circuit, "bad", 2.0)
    assert circuit.state == "closed"
    assert breaker.told(circuit, circuit, "bad", 2.0).state == "open"


def test_429s_open_only_when_they_last() -> None:
    breaker, circuit = Breaker(failures=2, limits=3), Circuit()
    for _ in range(50):  # two in a row, then an answer: the limit does its work
        for verdict_ in ("limited", "limited", "good"):
            circuit = breaker.told(circuit, circuit, verdict_, 1.0)  # type: ignore[arg-type]
    assert circuit.state == "closed"
    breaker = Breaker(failures=2, limits=3, ratio=0.01)
    for _ in range(3):
        circuit = breaker.told(circuit, circuit, "limited", 1.0)
    assert circuit.state == "closed"
    assert breaker.told(circuit, circuit, "limited", 1.0).state == "open"


def test_old_failures_are_forgotten() -> None:
    breaker, circuit = Breaker(failures=2, window=10), Circuit()
    for now in range(0, 1000, 11):
        circuit = breaker.told(circuit, circuit, "bad", float(now))
        assert circuit.state == "closed"
