"""A caller's pybreaker circuit guards calls as ours does, and its listeners hear of it."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import traceback
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from weakref import ref

import pytest
from pybreaker import CircuitBreaker, CircuitBreakerError, CircuitBreakerListener

from layers.layers_world import HOLD, Answer, World, error, events, finish, piece, whole
from seawall import (
    AsyncSeawall,
    CircuitOpenError,
    ConfigError,
    Fault,
    OverloadedError,
    RateLimitError,
    StreamCutError,
)

DOWN = error(503, "down")


class Listener(CircuitBreakerListener):
    """Keeps what it hears. ``spoil``: the method that raises."""

    def __init__(self, spoil: str = "") -> None:
        self.heard: list[str] = []
        self.faults: list[BaseException] = []
        self._spoil = spoil

    def _hear(self, what: str, method: str) -> None:
        self.heard.append(what)
        if method == self._spoil:
            raise LookupError("this listener is broken")

    def before_call(self, cb: Any, func: Any, *args: Any, **kwargs: Any) -> None:
        self._hear("call", "before_call")

    def success(self, cb: Any) -> None:
        self._hear("success", "success")

    def failure(self, cb: Any, exc: BaseException) -> None:
        self.faults.append(exc)
        self._hear("failure", "failure")

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        self._hear(new_state.name, "state_change")


def _breaker(**options: Any) -> CircuitBreaker:
    return CircuitBreaker(**{"fail_max": 2, "reset_timeout": 60, "name": "wall", **options})


def _elapse(breaker: CircuitBreaker) -> None:
    """Let its ``reset_timeout`` pass: pybreaker goes by the system's clock."""
    storage: Any = breaker._state_storage
    storage.opened_at -= timedelta(seconds=breaker.reset_timeout)


class Caller:
    """Asks a world's vendors under one breaker, without retries."""

    def __init__(self, world: World, breaker: CircuitBreaker, **settings: Any) -> None:
        self.world = world
        self.client: AsyncSeawall = world.client(**settings)
        self.options: dict[str, Any] = {"retry": False, "breaker": breaker}

    async def ask(self, **more: Any) -> Any:
        return await self.world.clock.run(self.client.chat("?", **self.options, **more))

    async def fail(self, times: int = 1) -> None:
        for _ in range(times):
            with pytest.raises(Fault) as got:
                await self.ask()
            assert not isinstance(got.value, CircuitOpenError)


async def test_it_opens_refuses_and_tells_its_listeners() -> None:
    listener = Listener()
    breaker = _breaker(listeners=[listener])
    caller = Caller(World(a=DOWN), breaker)
    await caller.fail(2)
    assert breaker.current_state == "open"
    assert listener.heard == ["call", "failure", "call", "failure", "open"]
    with pytest.raises(
        CircuitOpenError, match=r"^a/m: the circuit 'wall' is open; it probes"
    ) as no:
        await caller.ask()
    assert 59 < no.value.after < 60.1  # type: ignore[operator]
    assert len(caller.world.asked) == 2
    assert [refused.model for refused in no.value.decision.refused] == ["a/m"]
    assert len(listener.heard) == 5


async def test_a_success_is_counted_and_forgives() -> None:
    listener = Listener()
    breaker = _breaker(listeners=[listener])
    caller = Caller(World(a=[DOWN, whole(), DOWN, whole()]), breaker)
    await caller.fail()
    assert breaker.fail_counter == 1
    await caller.ask()
    assert breaker.fail_counter == 0
    await caller.fail()
    assert breaker.current_state == "closed"
    assert listener.heard == ["call", "failure", "call", "success", "call", "failure"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_the_callers_mistakes_do_not_count(status: int) -> None:
    breaker = _breaker()
    await Caller(World(a=error(status)), breaker).fail(10)
    assert (breaker.current_state, breaker.fail_counter) == ("closed", 0)


async def test_a_429_counts_from_the_third_in_a_row() -> None:
    breaker = _breaker()
    caller = Caller(World(a=error(429)), breaker)
    await caller.fail(2)
    assert breaker.fail_counter == 0
    await caller.fail(2)
    assert breaker.current_state == "open"


@pytest.mark.parametrize("rule", [OverloadedError, lambda fault: fault.status == 503])
async def test_what_it_excludes_does_not_count(rule: Any) -> None:
    breaker = _breaker(exclude=[rule])
    await Caller(World(a=DOWN), breaker).fail(9)
    assert breaker.current_state == "closed"


async def test_without_a_new_error_on_trip() -> None:
    breaker = _breaker(throw_new_error_on_trip=False)
    caller = Caller(World(a=DOWN), breaker)
    await caller.fail(2)
    with pytest.raises(CircuitOpenError):
        await caller.ask()


async def test_one_probe_decides() -> None:
    listener = Listener()
    breaker = _breaker(listeners=[listener])
    caller = Caller(World(a=[DOWN, DOWN, DOWN, whole("back")]), breaker)
    await caller.fail(2)
    _elapse(breaker)
    await caller.fail()
    assert breaker.current_state == "open"
    _elapse(breaker)
    assert (await caller.ask()).text == "back"
    assert breaker.current_state == "closed"
    assert listener.heard[5:] == [
        *("half-open", "call", "failure", "open"),
        *("half-open", "call", "closed", "success"),
    ]


async def test_several_successes_where_it_wants_several() -> None:
    breaker = _breaker(success_threshold=2)
    caller = Caller(World(a=[DOWN, DOWN, whole()]), breaker)
    await caller.fail(2)
    _elapse(breaker)
    await caller.ask()
    assert breaker.current_state == "half-open"
    await caller.ask()
    assert breaker.current_state == "closed"


@pytest.mark.parametrize("threshold", [1, 3])
async def test_of_a_hundred_calls_at_once_only_the_probes_pass(threshold: int) -> None:
    breaker = _breaker(success_threshold=threshold)
    world = World(a=[DOWN, DOWN, whole(after=5.0)])
    caller = Caller(world, breaker)
    await caller.fail(2)
    _elapse(breaker)
    calls = [caller.client.chat("?", **caller.options) for _ in range(100)]
    done = await world.clock.run(_all(calls))
    refused = [each for each in done if isinstance(each, CircuitOpenError)]
    assert len(refused) == 100 - threshold
    assert "as soon as the probe under way has ended" in str(refused[0])
    assert len(world.asked) == 2 + threshold
    assert breaker.current_state == "closed"


async def _all(calls: Any) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_a_cancelled_probe_frees_its_place_and_counts_for_nothing() -> None:
    listener = Listener()
    breaker = _breaker(listeners=[listener])
    world = World(a=[DOWN, DOWN, Answer(after=1e6), whole("back")])
    caller = Caller(world, breaker)
    await caller.fail(2)
    _elapse(breaker)
    probe = asyncio.ensure_future(caller.client.chat("?", **caller.options))
    await world.clock.settle()
    with pytest.raises(CircuitOpenError):
        await caller.ask()
    probe.cancel()
    await asyncio.wait({probe})
    del probe
    gc.collect()
    assert listener.heard[5:] == ["half-open", "call"]
    assert (await caller.ask()).text == "back"


async def test_a_probe_that_nobody_reads_does_not_lock_the_route() -> None:
    breaker = _breaker(reset_timeout=0.05)
    world = World(a=[DOWN, DOWN, events(piece("token"), HOLD), whole("back")])
    caller = Caller(world, breaker)
    await caller.fail(2)
    _elapse(breaker)
    stream = caller.client.stream("?", **caller.options)
    await world.clock.run(anext(stream))  # type: ignore[arg-type]
    with pytest.raises(CircuitOpenError, match=r"at the latest in 0\.0"):
        await caller.ask()
    await asyncio.sleep(0.06)
    assert (await caller.ask()).text == "back"
    await stream.aclose()


async def test_late_ends_of_an_earlier_state_do_not_count() -> None:
    listener = Listener()
    breaker = _breaker(listeners=[listener])
    late = [error(503, after=1.0), error(503, after=1.0), error(503, after=9.0), whole(after=9.0)]
    world = World(a=late)
    caller = Caller(world, breaker)
    calls = [caller.client.chat("?", **caller.options) for _ in late]
    done = await world.clock.run(_all(calls))
    assert [type(each).__name__ for each in done][:3] == ["OverloadedError"] * 3
    assert (breaker.current_state, breaker.fail_counter) == ("open", 2)
    assert listener.heard == [*["call"] * 4, "failure", "failure", "open"]


async def test_streams_count_when_they_end() -> None:
    listener = Listener()
    breaker = _breaker(listeners=[listener])
    scripts = [events(piece("half")), events(piece("fine"), finish()), events(piece("x"), HOLD)]
    world = World(a=scripts)
    client = world.client()
    options: Any = {"retry": False, "breaker": breaker}
    with pytest.raises(StreamCutError):
        await world.clock.run(client.stream("?", **options).reply())
    assert breaker.fail_counter == 1
    stream = client.stream("?", **options)
    assert (await world.clock.run(anext(stream))) is not None  # type: ignore[arg-type]
    assert breaker.fail_counter == 1
    await world.clock.run(stream.reply())
    assert breaker.fail_counter == 0
    stream = client.stream("?", **options)
    await world.clock.run(anext(stream))  # type: ignore[arg-type]
    await stream.aclose()
    assert listener.heard == ["call", "failure", "call", "success", "call"]


async def test_each_attempt_is_guarded_and_a_breaker_that_opens_does_not_hide_why() -> None:
    breaker = _breaker()
    world = World(a=DOWN)
    with pytest.raises(OverloadedError) as got:
        await world.ask(retry={"attempts": 9}, breaker=breaker)
    assert len(world.asked) == 2
    assert [refused.model for refused in got.value.decision.refused] == ["a/m"]


async def test_it_is_the_first_routes_circuit_and_the_others_keep_ours() -> None:
    breaker = _breaker()
    caller = Caller(World(a=DOWN, b=whole("from b")), breaker)
    for _ in range(4):
        assert (await caller.ask()).text == "from b"
    assert (len(caller.world.times("a")), len(caller.world.times("b"))) == (2, 4)
    assert list(caller.client.assembly.circuits) == ["b/m"]
    caller = Caller(World(a=DOWN, b=whole()), _breaker(), defaults={"breaker": False})
    await caller.ask()
    assert caller.client.assembly.circuits == {}


async def test_a_client_has_one_until_a_call_says_otherwise() -> None:
    breaker, other = _breaker(), _breaker()
    world = World(a=DOWN)
    client = world.client().with_options(breaker=breaker, retry=False)
    for options in ({}, {}, {"breaker": False}, {"breaker": other}, {"breaker": {"failures": 9}}):
        with pytest.raises(OverloadedError):
            await world.clock.run(client.chat("?", **options))  # type: ignore[arg-type]
    assert (breaker.fail_counter, other.fail_counter) == (2, 1)
    with pytest.raises(CircuitOpenError):
        await world.clock.run(client.chat("?"))


async def test_it_is_shared_with_whoever_else_uses_it() -> None:
    breaker = _breaker()

    def query() -> None:
        raise OSError("the owner's own call fails")

    for kind in (OSError, CircuitBreakerError):
        with pytest.raises(kind):
            breaker.call(query)
    caller = Caller(World(a=whole()), breaker)
    with pytest.raises(CircuitOpenError):
        await caller.ask()
    breaker.close()
    assert (await caller.ask()).text == "fine"


@pytest.mark.parametrize("method", ["before_call", "success", "failure", "state_change"])
async def test_a_listener_that_raises_harms_no_call(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    breaker = _breaker(listeners=[Listener(method)])
    caller = Caller(World(a=[DOWN, DOWN, whole("fine")]), breaker)
    with caplog.at_level(logging.WARNING, "seawall.breaker"):
        await caller.fail(2)
        _ = breaker._state_storage.opened_at and _elapse(breaker)
        reply = await caller.ask()
    assert reply.text == "fine"
    told = (caplog.text, *reply.decision.notes)
    assert any("LookupError: this listener is broken" in each for each in told)


async def test_a_listener_may_keep_and_raise_what_it_hears() -> None:
    listener = Listener()
    caller = Caller(World(a=error(503, "down", code="busy")), _breaker(listeners=[listener]))
    with pytest.raises(OverloadedError) as got:
        await caller.ask()
    (heard,) = listener.faults
    assert heard is not got.value
    assert isinstance(heard, OverloadedError)
    assert (heard.status, heard.code, heard.model) == (503, "busy", "a/m")
    assert str(heard) == str(got.value)
    frames = [frame.filename for frame in traceback.extract_tb(got.value.__traceback__)]
    assert not [name for name in frames if "site-packages/pybreaker" in name]


async def test_listeners_hear_no_key() -> None:
    key = "wall-5ecret-0123456789-key"
    listener = Listener()
    world = World(a=error(503, f"the key {key} is busy"))
    client = world.client(vendors={"a": {"key": key}})
    breaker = _breaker(listeners=[listener])
    with pytest.raises(OverloadedError):
        await world.clock.run(client.chat("?", breaker=breaker, retry=False))
    assert key not in str(listener.faults[0])


@pytest.fixture
def held() -> Iterator[CircuitBreaker]:
    """A breaker that a slow function of its owner holds on another thread."""
    breaker = _breaker()
    inside, leave = threading.Event(), threading.Event()

    def slow() -> None:
        inside.set()
        leave.wait(30)

    thread = threading.Thread(target=breaker.call, args=[slow])
    thread.start()
    assert inside.wait(5)
    yield breaker
    leave.set()
    thread.join(5)


async def test_a_breaker_held_by_its_owners_own_call_holds_up_nobody(held: CircuitBreaker) -> None:
    caller = Caller(World(a=DOWN), held)
    for _ in range(3):
        with pytest.raises(OverloadedError) as got:
            await caller.ask()
        (note,) = got.value.decision.notes[:1]
        assert note.startswith("a/m: the call went on without its circuit breaker: it did not answ")
    assert held.fail_counter == 0


async def test_a_breaker_and_what_was_kept_for_it_can_be_let_go() -> None:
    breaker = _breaker()
    await Caller(World(a=DOWN), breaker).fail()
    gone = ref(breaker)
    del breaker
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("wrong", [CircuitBreaker, "closed", 3, lambda: None])
async def test_what_is_no_breaker_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match=r"breaker is .*; give a Breaker, a dict"):
        await World(a=whole()).ask(breaker=wrong)


async def test_a_rate_limit_in_a_half_open_circuit_opens_it() -> None:
    breaker = _breaker()
    caller = Caller(World(a=[DOWN, DOWN, error(429)]), breaker)
    await caller.fail(2)
    _elapse(breaker)
    with pytest.raises(RateLimitError):
        await caller.ask()
    assert breaker.current_state == "open"
