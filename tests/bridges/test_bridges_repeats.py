"""Whoever asks again what has just failed, from outside, stays inside our retry budget."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import tenacity
from hypothesis import given
from hypothesis import strategies as st

from layers.layers_world import HOLD, Answer, World, error, events, finish, piece, whole
from seawall import (
    AsyncSeawall,
    BadRequestError,
    CircuitOpenError,
    Fault,
    OverloadedError,
    RateLimitError,
    Retry,
    StreamCutError,
    TimeoutFault,
)
from seawall.layers.repeats import Failed, Repeats
from seawall.layers.retry import RetryBudget

FULL = error(429, "slow down")
DOWN = error(503, "down")
RETRY = {"repeats": True, "base": 0.1, "cap": 0.1}


def _client(world: World, **retry: Any) -> AsyncSeawall:
    return world.client(defaults={"retry": RETRY | retry, "breaker": False})


def _decorated(world: World, client: AsyncSeawall, times: int, wait: float = 1.0) -> Any:
    """``client.chat`` under a tenacity decorator that sleeps on the world's clock."""

    @tenacity.retry(
        stop=tenacity.stop_after_attempt(times),
        wait=tenacity.wait_fixed(wait),
        sleep=world.clock.sleep,
        reraise=True,
    )
    async def ask(text: str = "?", **options: Any) -> Any:
        return await client.chat(text, **options)

    return ask


async def _fails(world: World, asking: Any) -> Fault:
    with pytest.raises(Fault) as got:
        await world.clock.run(asking)
    return got.value


async def test_a_decorator_round_a_permanent_429_stays_inside_the_budget() -> None:
    world = World(a=FULL)
    client = _client(world)
    fault = await _fails(world, _decorated(world, client, 50, wait=0.2)())
    assert isinstance(fault, RateLimitError)
    assert fault.status == 429
    # The first asking, and what the budget allows after it: the retries and the repeats.
    assert len(world.asked) == 1 + 10
    assert fault.blames == "nobody"
    assert fault.after is None
    assert "the same question failed" in str(fault)
    assert "the retry budget is spent: slow down" in str(fault)
    (refused,) = fault.decision.refused
    assert refused.model == "a/m"
    assert "the retry budget is spent" in refused.reason
    assert fault.decision.attempts == []


async def test_without_it_the_decorator_multiplies() -> None:
    world = World(a=FULL)
    client = world.client(defaults={"retry": RETRY | {"repeats": None}, "breaker": False})
    await _fails(world, _decorated(world, client, 50, wait=0.2)())
    assert len(world.asked) > 50


async def test_the_breaker_opens() -> None:
    world = World(a=FULL)
    client = world.client(defaults={"retry": RETRY})
    fault = await _fails(world, _decorated(world, client, 10)())
    assert client.assembly.circuits["a/m"].state == "open"
    assert len(world.asked) == 7
    assert isinstance(fault, (CircuitOpenError, RateLimitError))


async def test_the_retry_after_of_the_last_answer_is_waited_for() -> None:
    world = World(a=error(429, headers={"retry-after": "5"}))
    client = _client(world, attempts=1)
    await _fails(world, _decorated(world, client, 4)())
    assert world.times("a") == [0, 5, 10, 15]


async def test_its_wait_is_on_record() -> None:
    world = World(a=[error(429, headers={"retry-after": "5"}), whole()])
    reply = await world.clock.run(_decorated(world, _client(world, attempts=1), 2)())
    (attempt,) = reply.decision.attempts
    assert (attempt.waited, attempt.wait_reason) == (4.0, "retry-after")
    assert reply.decision.notes == [
        "a/m: the same question failed 1 s ago; this is its retry",
    ]


async def test_a_retry_after_that_does_not_fit_the_deadline_is_told_at_once() -> None:
    world = World(a=error(429, headers={"retry-after": "100"}))
    client = _client(world)
    fault = await _fails(world, _decorated(world, client, 3)(deadline=20))
    assert fault.after == 98.0
    assert "a wait of 98 s does not fit the 20 s left" in str(fault)
    assert world.times("a") == [0]


async def test_another_route_is_tried_where_the_first_wants_to_be_left_alone() -> None:
    world = World(a=error(429, headers={"retry-after": "100"}), b=[DOWN, whole("from b")])
    client = _client(world, attempts=1)
    reply = await world.clock.run(_decorated(world, client, 3)())
    assert reply.text == "from b"
    assert world.times("a") == [0]
    assert "another route is tried" in reply.decision.refused[0].reason


async def test_when_the_budget_is_spent_the_next_route_is_asked_at_once() -> None:
    world = World(a=DOWN, b=whole("from b"))
    client = _client(world, attempts=1, allowance=1)
    for _ in range(4):
        assert (await world.clock.run(client.chat("?"))).text == "from b"
        world.clock.advance(1.0)
    assert (len(world.times("a")), len(world.times("b"))) == (2, 4)


async def test_it_is_forgotten_after_a_while() -> None:
    world = World(a=[DOWN, DOWN, whole("back")])
    client = _client(world, attempts=1, allowance=0, budget=0)
    await _fails(world, client.chat("?"))
    world.clock.advance(14.9)
    refused = await _fails(world, client.chat("?"))
    assert refused.blames == "nobody"
    world.clock.advance(0.2)  # being refused does not make it last
    assert (await _fails(world, client.chat("?"))).blames == "provider"
    world.clock.advance(15.0)
    assert (await world.clock.run(client.chat("?"))).text == "back"
    assert client.assembly._failures == {}


async def test_it_is_forgotten_on_success() -> None:
    world = World(a=[DOWN, whole(), DOWN, whole(), whole()])
    client = _client(world, attempts=1)
    for _ in range(2):
        await _fails(world, client.chat("?"))
        world.clock.advance(1.0)
        repeated = await world.clock.run(client.chat("?"))
        assert len(repeated.decision.notes) == 1
        world.clock.advance(1.0)
    assert client.assembly._failures == {}
    later = await world.clock.run(client.chat("?"))
    assert later.decision.notes == []


async def test_another_question_is_no_repeat() -> None:
    world = World(a=[DOWN, whole()])
    client = _client(world, attempts=1, allowance=0, budget=0)
    await _fails(world, client.chat("?"))
    world.clock.advance(1.0)
    for options in ({"temperature": 0.5}, {"system": "Be brief."}, {"model": "a/other"}):
        reply = await world.clock.run(client.chat("?", **options))  # type: ignore[arg-type]
        assert reply.decision.notes == []
    assert (await world.clock.run(client.chat("??"))).text == "fine"


async def test_calls_that_were_under_way_when_it_failed_are_no_repeats() -> None:
    world = World(a=[DOWN, Answer(status=503, after=1.0), whole(after=2.0)])
    client = _client(world, attempts=1, allowance=0, budget=0)
    done = await world.clock.run(_all([client.chat("?") for _ in range(20)]))
    assert sum(isinstance(each, OverloadedError) for each in done) == 2
    assert len(world.asked) == 20


async def _all(calls: Any) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_one_failure_makes_one_repeat() -> None:
    """Of many who ask the same, one counts as the retry of the one that failed."""
    world = World(a=[DOWN, whole(after=1.0)])
    client = _client(world, attempts=1, allowance=1, budget=0)
    await _fails(world, client.chat("?"))
    world.clock.advance(1.0)
    replies = await world.clock.run(_all([client.chat("?") for _ in range(20)]))
    assert sum(len(reply.decision.notes) for reply in replies) == 1


async def test_each_of_many_decorators_is_recognised() -> None:
    world = World(a=FULL)
    client = _client(world, attempts=1)
    askings = [_decorated(world, client, 10)() for _ in range(20)]
    done = await world.clock.run(_all(askings))
    assert all(isinstance(each, RateLimitError) for each in done)
    assert len(world.asked) <= 20 + 10 + 4


async def test_a_repeat_is_no_call_that_raises_the_budget() -> None:
    world = World(a=FULL)
    client = _client(world, attempts=1, allowance=2, budget=50)
    ten = [client.chat(str(number)) for number in range(10)]
    await world.clock.run(_all(ten))
    world.clock.advance(1.0)
    for _ in range(5):
        await world.clock.run(_all([client.chat(str(number)) for number in range(10)]))
        world.clock.advance(1.0)
    # Half of ten calls, and two.
    assert len(world.asked) == 10 + 7


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_what_cannot_be_retried_is_not_hammered_either(status: int) -> None:
    world = World(a=error(status))
    client = _client(world, allowance=2, budget=0)
    fault = await _fails(world, _decorated(world, client, 12)())
    assert (fault.status, len(world.asked)) == (status, 3)


async def test_a_call_that_a_breaker_refused_was_not_asked_again() -> None:
    world = World(a=DOWN)
    client = world.client(
        defaults={"retry": RETRY | {"attempts": 1}, "breaker": {"failures": 2, "cooldown": 5.0}}
    )
    # More often than the budget has retries, which what is not asked does not use up.
    fault = await _fails(world, _decorated(world, client, 40, wait=0.1)())
    assert isinstance(fault, CircuitOpenError)
    (failed,) = client.assembly._failures.values()
    assert (len(world.asked), failed.open) == (2, (0.1,))


async def test_streams() -> None:
    scripts = [events(piece("half")), DOWN, events(piece("fine"), finish())]
    world = World(a=scripts)
    client = _client(world, attempts=1)

    async def ask() -> str:
        return (await client.stream("?").reply()).text

    with pytest.raises(StreamCutError) as cut:
        await world.clock.run(ask())
    assert cut.value.delivered
    world.clock.advance(1.0)
    assert isinstance(await _fails(world, ask()), OverloadedError)
    world.clock.advance(1.0)
    assert await world.clock.run(ask()) == "fine"
    assert client.assembly._failures == {}


async def test_a_refused_repeat_of_a_stream_that_was_cut_may_go_elsewhere() -> None:
    world = World(a=events(piece("half")), b=events(piece("from b"), finish()))
    client = _client(world, attempts=1, allowance=0, budget=0)
    with pytest.raises(StreamCutError):
        await world.clock.run(client.stream("?").reply())
    world.clock.advance(1.0)
    assert (await world.clock.run(client.stream("?").reply())).text == "from b"


async def test_a_reader_that_leaves_has_neither_failed_nor_succeeded() -> None:
    world = World(a=[DOWN, events(piece("one"), HOLD)])
    client = _client(world, attempts=1)
    await _fails(world, client.chat("?"))
    before = dict(client.assembly._failures)
    world.clock.advance(1.0)
    stream = client.stream("?")
    await world.clock.run(anext(stream))  # type: ignore[arg-type]
    await stream.aclose()
    assert client.assembly._failures == before


async def test_a_resumed_stream_is_not_counted_twice() -> None:
    world = World(a=[events(piece("Tri")), events(piece("Trieste"), finish())])
    client = _client(world, allowance=1, budget=0)
    reply = await world.clock.run(client.stream("?", recovery="resume").reply())
    assert reply.text == "Trieste"
    assert len(world.asked) == 2


async def test_timeouts_keep_their_class() -> None:
    world = World(a=Answer(after=1e6))
    client = _client(world, attempts=1, allowance=0, budget=0)
    for _ in range(2):
        with pytest.raises(TimeoutFault) as got:
            await world.clock.run(client.chat("?", deadline={"first_byte": 3}))
        assert got.value.phase == "first_byte"
        world.clock.advance(1.0)
    assert len(world.asked) == 1


async def test_memory_is_bounded() -> None:
    world = World(a=DOWN)
    client = _client(world, attempts=1)
    kept = Repeats().kept
    for number in range(kept + 50):
        await _fails(world, client.chat(f"{number} {'x' * 2000}"))
    failures = client.assembly._failures
    assert len(failures) == kept
    assert all(failed.fault.decision is None for failed in failures.values())
    assert all(failed.fault.__traceback__ is None for failed in failures.values())


async def test_nobody_pays_for_it_while_nothing_fails() -> None:
    world = World(a=whole())
    client = _client(world)
    counted = 0

    def count(call: Any) -> bytes:
        nonlocal counted
        counted += 1
        return b""

    for layer in client.assembly._policies(Retry(repeats=True), None):
        if hasattr(layer, "_fingerprint"):
            layer._fingerprint = count  # type: ignore[attr-defined]
            await layer(_answer)(_call(client))  # type: ignore[operator]
    assert counted == 0


def _call(client: AsyncSeawall) -> Any:
    return client.assembly.prepare("?", {}, stream=False).call


async def _answer(call: Any) -> Any:
    class Reply:
        stream = None

    return Reply()


@given(
    at=st.floats(0, 1e6),
    after=st.none() | st.floats(0, 1000),
    later=st.floats(0, 2000),
    left=st.none() | st.floats(0.001, 2000),
    alone=st.booleans(),
)
def test_a_repeat_never_comes_before_the_provider_allows(
    at: float, after: float | None, later: float, left: float | None, alone: bool
) -> None:
    repeats, retry = Repeats(), Retry()
    failed = repeats.failed(None, RateLimitError("no", after=after), at, 0.0)
    now = at + later
    again = repeats.decide(failed, now, retry, left=left, alone=alone)
    if again.wait is None:
        waits = failed.until - now
        assert (left is not None and waits >= left) or (not alone and waits > retry.patience)
    else:
        assert now + again.wait >= failed.until - 1e-6
        assert not again.wait or left is None or again.wait < left


@given(st.lists(st.sampled_from(["fail", "later"]), max_size=20))
def test_failures_add_up_until_they_are_over(steps: list[str]) -> None:
    repeats = Repeats(window=10.0)
    failed: Failed | None = None
    now, fresh = 0.0, 0
    for step in steps:
        if step == "later":
            now += 10.0
            fresh = 0
        else:
            failed = repeats.failed(failed, BadRequestError("no"), now, 0.0)
            fresh += 1
            assert failed.open == (now,) * fresh


@given(st.lists(st.booleans(), max_size=200))
def test_repeats_and_retries_share_one_budget(repeated: list[bool]) -> None:
    retry, budget = Retry(budget=20, allowance=5), RetryBudget()
    calls = retries = 0
    for repeat in repeated:
        if repeat:
            if budget.repeat(retry, 0.0):
                budget.call(0.0)  # as the retry layer does
                retries += 1
        else:
            budget.call(0.0)
            calls += 1
        assert retries <= 5 + calls * 20 // 100
