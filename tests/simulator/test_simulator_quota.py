"""Quotas: what is refused is refused until the moment that was told, and not a moment longer."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator_world import World, question

from seawall.errors import QuotaExceededError
from seawall.simulator import Quota, Rule, Script
from seawall.simulator.apis.openai import duration
from seawall.simulator.quota import Meter


def quota(**limits: int) -> World:
    return World(Script(quota=Quota(**limits)))


async def test_headers_tell_what_is_left() -> None:
    world = quota(requests=3, tokens=1000)
    _, first, body = await world.raw(question())
    used = msgspec.json.decode(body)["usage"]["total_tokens"]
    assert first["x-ratelimit-limit-requests"] == "3"
    assert first["x-ratelimit-remaining-requests"] == "2"
    assert first["x-ratelimit-reset-requests"] == "20s"
    assert first["x-ratelimit-limit-tokens"] == "1000"
    assert first["x-ratelimit-remaining-tokens"] == str(1000 - used)
    assert first["x-ratelimit-reset-tokens"] == duration(used * 60 / 1000)
    world.clock.advance(10)
    _, second, _ = await world.raw(question())
    assert second["x-ratelimit-remaining-requests"] == "1"
    assert second["x-ratelimit-reset-requests"] == "30s"


async def test_without_a_quota_nothing_is_told() -> None:
    _, headers, _ = await World().raw(question())
    assert [name for name in headers if name.startswith("x-ratelimit")] == []


async def test_it_is_free_when_it_was_said_to_be_and_not_before() -> None:
    world = quota(requests=2)
    found = [(await world.raw(question(f"{n}")))[0] for n in range(3)]
    assert found == [200, 200, 429]
    status, headers, body = await world.raw(question("x"))
    millis = int(headers["retry-after-ms"])
    assert (status, millis, headers["retry-after"]) == (429, 30_000, "30")
    assert "try again in 30s" in msgspec.json.decode(body)["error"]["message"]
    world.clock.advance(millis / 1000 - 0.002)
    assert (await world.raw(question("y")))[0] == 429
    world.clock.advance(0.002)
    assert (await world.raw(question("z")))[0] == 200


async def test_tokens_count_with_what_may_still_come() -> None:
    world = quota(tokens=100)
    assert (await world.raw(question(max_tokens=90)))[0] == 200
    _, headers, _ = await world.raw(question(max_tokens=1, n=1))
    left = int(headers["x-ratelimit-remaining-tokens"])
    assert left > 50, "what was reserved and not used is given back"
    assert (await world.raw(question("later", max_tokens=90)))[0] == 429


async def test_more_than_a_whole_minutes_worth_never_fits() -> None:
    world = quota(tokens=50)
    with pytest.raises(QuotaExceededError, match="Request too large for sim on tokens per min"):
        await world.ask(max_tokens=100)
    assert len(world.simulator.log) == 1
    assert world.simulator.log[0].final


async def test_a_client_that_waits_as_told_gets_through() -> None:
    world = quota(requests=1)
    for number in range(4):
        await world.ask(f"question {number}", deadline=200, retry={"patience": 100})
    assert world.clock.now() == pytest.approx(180)
    assert world.simulator.verdict().good, world.simulator.verdict()
    assert [seen.fault for seen in world.simulator.log] == ["", *["quota", ""] * 3]


async def test_speed_shortens_the_minute() -> None:
    world = World(Script(quota=Quota(requests=1)), speed=60)
    await world.raw(question())
    _, headers, _ = await world.raw(question())
    assert headers["retry-after-ms"] == "1000"
    assert headers["x-ratelimit-reset-requests"] == "1s"
    world.clock.advance(1)
    assert (await world.raw(question()))[0] == 200


async def test_refused_requests_cost_nothing_and_failed_ones_do() -> None:
    rules = (Rule(fault="500", requests=(1,)),)
    world = World(Script(quota=Quota(requests=2), faults=rules))
    found = [(await world.raw(question(f"{n}")))[0] for n in range(5)]
    assert found == [500, 200, 429, 429, 429]
    world.clock.advance(30)
    assert (await world.raw(question("later")))[0] == 200


@given(
    st.integers(1, 1000),
    st.lists(st.tuples(st.floats(0, 30), st.integers(0, 1200)), min_size=1, max_size=40),
)
def test_no_minute_sees_more_than_two_buckets_and_waits_are_true(
    limit: int, asked: list[tuple[float, int]]
) -> None:
    meter, now, let = Meter(Quota(tokens=limit), 0.0), 0.0, 0
    for pause, tokens in asked:
        now += pause
        name, wait = meter.take(now, tokens)
        if not name:
            let += tokens
        elif tokens <= limit:
            now += wait
            assert meter.take(now, tokens) == ("", 0.0)
            let += tokens
        else:
            assert wait == float("inf")
    assert let <= limit + now * limit / 60 + 1


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0ms"), (0.12, "120ms"), (1, "1s"), (1.5, "1.5s"), (60, "1m0s"), (361.2, "6m1.2s")],
)
def test_durations_are_written_as_openai_does(seconds: float, said: str) -> None:
    assert duration(seconds) == said
