"""tenacity's waits and stops decide when and how often; what may be retried stays ours."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest
import tenacity
from hypothesis import given
from hypothesis import strategies as st
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    Retrying,
    stop_after_attempt,
    stop_after_delay,
    stop_all,
    stop_any,
    stop_before_delay,
    stop_never,
    stop_when_event_set,
    wait_chain,
    wait_combine,
    wait_exception,
    wait_exponential,
    wait_fixed,
    wait_incrementing,
    wait_none,
    wait_random,
    wait_random_exponential,
)

from layers.layers_world import World, error, events, finish, piece, whole
from seawall import BadRequestError, ConfigError, Fault, OverloadedError, RateLimitError, Retry
from seawall.layers.bridges.tenacity import MOST, TenacityRetry, retry_by, take_apart

DOWN = error(503, "down")


async def _times(retry: Any, world: World | None = None, **options: Any) -> list[float]:
    """When the first vendor was asked by a call that fails."""
    world = world or World(a=DOWN)
    options.setdefault("breaker", False)
    with pytest.raises(Fault):
        await world.ask(retry=retry, **options)
    return world.times("a")


@pytest.mark.parametrize(
    ("wait", "times"),
    [
        (wait_none(), [0, 0, 0]),
        (wait_fixed(2), [0, 2, 4]),
        (wait_incrementing(start=1, increment=2), [0, 1, 4]),
        (wait_exponential(multiplier=3), [0, 3, 9]),
        (wait_chain(wait_fixed(1), wait_fixed(5)), [0, 1, 6]),
        (wait_fixed(1) + wait_fixed(2), [0, 3, 6]),
        (wait_combine(wait_fixed(1), lambda state: state.attempt_number), [0, 2, 5]),
        (wait_exception(lambda fault: 7 if isinstance(fault, OverloadedError) else 1), [0, 7, 14]),
    ],
    ids=lambda each: type(each).__name__,
)
async def test_a_wait_says_when(wait: Any, times: list[float]) -> None:
    assert await _times(wait) == times


async def test_random_waits_are_theirs() -> None:
    first, second, third = await _times(wait_random(min=3, max=4))
    assert 3 <= second - first <= 4
    assert 3 <= third - second <= 4
    first, second, third = await _times(wait_random_exponential(multiplier=8, max=60, min=5))
    assert 5 <= second - first <= 8


@pytest.mark.parametrize(
    ("stop", "asked"),
    [
        (stop_after_attempt(1), 1),
        (stop_after_attempt(7), 7),
        (stop_after_delay(5), 4),
        (stop_before_delay(5), 3),
        (stop_any(stop_after_attempt(6), stop_after_delay(3)), 3),
        (stop_after_attempt(2) & stop_after_delay(5), 4),
        (stop_after_attempt(6) | stop_never, 6),
        (lambda state: state.idle_for >= 8, 5),
        (lambda state: state.outcome.exception().status == 503, 1),
    ],
    ids=lambda each: type(each).__name__,
)
async def test_a_stop_says_how_often(stop: Any, asked: int) -> None:
    assert await _times({"wait": wait_fixed(2), "stop": stop}) == [2 * n for n in range(asked)]


async def test_a_stop_by_an_event_from_outside() -> None:
    event = threading.Event()
    event.set()
    assert len(await _times(stop_when_event_set(event))) == 1


@pytest.mark.parametrize("kind", [Retrying, AsyncRetrying])
async def test_a_retrying_object_gives_both(kind: Callable[..., Any]) -> None:
    assert await _times(kind(wait=wait_fixed(3), stop=stop_after_attempt(4))) == [0, 3, 6, 9]


async def test_one_that_is_switched_off_asks_once() -> None:
    assert await _times(Retrying(wait=wait_fixed(3), enabled=False)) == [0]


async def test_a_stop_alone_keeps_our_backoff_and_a_wait_alone_our_count() -> None:
    times = await _times(stop_after_attempt(5))
    assert len(times) == 5
    assert all(0 < wait <= 8 for wait in _gaps(times))
    assert await _times({"wait": wait_fixed(1), "attempts": 2}) == [0, 1]


def _gaps(times: list[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise(times)]


async def test_the_decision_record_says_whose_wait_it_was() -> None:
    world = World(a=[DOWN, error(429, headers={"retry-after": "30"}), whole()])
    reply = await world.ask(retry=wait_fixed(2))
    assert [(a.waited, a.wait_reason) for a in reply.decision.attempts] == [
        (0.0, ""),
        (2.0, "tenacity's wait"),
        (30.0, "retry-after"),
    ]
    with pytest.raises(OverloadedError) as got:
        await World(a=DOWN).ask(retry=stop_after_attempt(2))
    assert "a/m: all 2 attempts are spent" in got.value.decision.notes


async def test_a_longer_retry_after_wins_and_a_shorter_one_does_not() -> None:
    world = World(a=error(429, headers={"retry-after": "30"}))
    assert await _times(wait_fixed(2), world) == [0, 30, 60]
    world = World(a=error(429, headers={"retry-after": "1"}))
    assert await _times(wait_fixed(2), world) == [0, 2, 4]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_what_may_never_be_retried_is_not(status: int) -> None:
    theirs = {"wait": wait_none(), "stop": stop_never}
    assert len(await _times(theirs, World(a=error(status)))) == 1


async def test_nothing_is_asked_again_once_the_caller_has_a_token() -> None:
    world = World(a=events(piece("half")))
    client = world.client()
    with pytest.raises(Fault):
        await world.clock.run(client.stream("?", retry=stop_never).reply())
    assert len(world.asked) == 1


async def test_a_stream_that_fails_before_its_first_token_is_asked_again() -> None:
    world = World(a=[DOWN, events(piece("fine"), finish())])
    reply = await world.clock.run(world.client().stream("?", retry=wait_fixed(4)).reply())
    assert (reply.text, world.times("a")) == ("fine", [0, 4])


async def test_the_deadline_holds() -> None:
    theirs = {"wait": wait_fixed(4), "stop": stop_never}
    assert await _times(theirs, deadline=10) == [0, 4, 8]
    world = World(a=DOWN)
    with pytest.raises(OverloadedError) as got:
        await world.ask(retry=theirs, deadline=10, breaker=False)
    assert "a/m: a wait of 4 s does not fit the 2 s left" in got.value.decision.notes


async def test_the_retry_budget_holds() -> None:
    times = await _times({"wait": wait_none(), "stop": stop_never, "allowance": 6})
    assert len(times) == 7


async def test_a_silent_route_is_not_asked_twice_while_another_exists() -> None:
    world = World(a=error(504, after=1e6), b=whole("from b"))
    reply = await world.ask(retry={"stop": stop_never}, deadline={"first_byte": 5})
    assert (reply.text, len(world.times("a"))) == ("from b", 1)


async def test_the_attempts_of_whoever_is_served_hold() -> None:
    world = World(a=DOWN)
    with pytest.raises(OverloadedError):
        await world.ask(
            retry={"wait": wait_none(), "stop": stop_after_attempt(9)},
            inherited={"x-seawall-attempts-left": "2"},
        )
    assert [asked.headers["x-seawall-attempts-left"] for asked in world.asked] == ["2", "1"]


async def test_a_client_and_an_alias_keep_their_own_until_a_call_says_otherwise() -> None:
    world = World(a=DOWN)
    client = world.client(defaults={"breaker": False}).with_options(retry=wait_fixed(5))
    with pytest.raises(OverloadedError):
        await world.clock.run(client.chat("?"))
    assert world.times("a") == [0, 5, 10]
    with pytest.raises(OverloadedError):
        await world.clock.run(client.chat("?", retry=False))
    assert world.times("a") == [0, 5, 10, 10]


@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        ({"wait": 2}, r"retry.wait is 2\. Give a wait"),
        ({"stop": "never"}, r"retry.stop is 'never'"),
        (wait_fixed, "give a Retry, a dict of its fields, or False"),
        (lambda state: 1.0, "give a Retry"),
        ({"wait": wait_fixed(1), "attemps": 2}, "retry has no 'attemps'"),
    ],
)
async def test_what_is_no_policy_is_refused(theirs: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        await World(a=whole()).ask(retry=theirs)


async def test_what_would_have_to_be_awaited_is_refused() -> None:
    async def later(state: RetryCallState) -> float:
        return 1.0

    class Later:
        async def __call__(self, state: RetryCallState) -> bool:
            return True

    for theirs in ({"wait": later}, {"stop": Later()}):
        with pytest.raises(ConfigError, match="is asynchronous"):
            await World(a=whole()).ask(retry=theirs)


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
async def test_a_wait_that_is_no_span_of_time_is_named(seconds: float) -> None:
    with pytest.raises(ConfigError, match="tenacity's wait gave"):
        await World(a=DOWN).ask(retry={"wait": lambda state: seconds})


def test_how_many_attempts_a_stop_allows() -> None:
    def attempts(stop: Any) -> int:
        policy = retry_by(Retry(attempts=5), None, stop)
        assert isinstance(policy, TenacityRetry)
        return policy.attempts

    assert attempts(stop_after_attempt(4)) == 4
    assert attempts(stop_after_attempt(0)) == 1
    assert attempts(stop_any(stop_after_attempt(4), stop_after_attempt(2), stop_never)) == 2
    assert attempts(stop_all(stop_after_attempt(4), stop_after_attempt(2))) == 4
    assert attempts(stop_all(stop_after_attempt(4), stop_never)) == MOST
    assert attempts(lambda state: True) == MOST
    waiting = retry_by(Retry(attempts=5), wait_none(), None)
    assert waiting is not None
    assert waiting.attempts == 5


def test_what_is_ours_is_left_alone() -> None:
    for ours in (Retry(), {"attempts": 2}, False, None):
        assert take_apart(ours) == (None, None, ours)
    assert retry_by(None, wait_none(), None) is None
    retry = Retry()
    assert retry_by(retry, None, None) is retry


@given(
    tried=st.integers(1, 20),
    seconds=st.floats(0, 100),
    after=st.none() | st.floats(0, 100),
    left=st.none() | st.floats(0.001, 100),
    alone=st.booleans(),
    status=st.sampled_from([429, 503, 400]),
)
def test_it_never_allows_what_our_own_policy_forbids(
    tried: int,
    seconds: float,
    after: float | None,
    left: float | None,
    alone: bool,
    status: int,
) -> None:
    kind = {429: RateLimitError, 503: OverloadedError, 400: BadRequestError}[status]
    fault = kind("no", status=status, after=after)
    ours = Retry(attempts=5)
    theirs = retry_by(ours, wait_fixed(seconds), None)
    assert theirs is not None
    again = theirs.decide(tried, fault, 0.0, left=left, alone=alone)
    plain = ours.decide(tried, fault, 0.0, left=left, alone=alone)
    if plain.wait is None:
        assert again.wait is None
    if again.wait is not None:
        assert again.wait == max(seconds, after or 0.0)
        assert left is None or again.wait < left


@given(tried=st.integers(1, 50), elapsed=st.floats(0, 1000))
def test_a_state_reads_as_tenacitys_own(tried: int, elapsed: float) -> None:
    """Every public name of theirs is there, with what theirs would say."""
    seen: list[Any] = []
    policy = retry_by(Retry(attempts=100), lambda state: seen.append(state) or 1.5, stop_never)
    fault = OverloadedError("down")
    assert policy is not None
    policy.decide(tried, fault, 0.0, elapsed=elapsed, slept=elapsed / 2)
    (state,) = seen
    real = RetryCallState(Retrying(), None, (), {})
    names = {name for name in dir(real) if not name.startswith("_")}
    methods = {"get_fn_name", "prepare_for_next_attempt", "set_exception", "set_result"}
    assert names - methods <= set(dir(state))
    assert (state.attempt_number, state.seconds_since_start) == (tried, elapsed)
    assert (state.upcoming_sleep, state.idle_for) == (1.5, elapsed / 2)
    assert state.outcome.failed
    assert state.outcome.exception() is fault
    assert tenacity.retry_if_exception_type(OverloadedError)(state)
