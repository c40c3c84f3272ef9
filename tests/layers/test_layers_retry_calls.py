"""Retry as calls live it, on a virtual clock: waits, budgets, grants, deadlines, cancelling."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from layers_world import Answer, World, error, events, finish, piece, whole

from seawall import AsyncSeawall, Fault, OverloadedError, RateLimitError, TimeoutFault
from seawall.core import ATTEMPTS_HEADER, DEADLINE_HEADER
from seawall.dialects.openai_chat import FACE
from seawall.errors import ConnectionFault
from seawall.ports import Headers, Inbound, Outbound
from seawall.sinks import Ledger

DEAD = error(503)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_retry_is_unseen_but_on_record(stream: bool) -> None:
    good = events(piece("fi"), piece("ne"), finish()) if stream else whole("fine")
    world = World(a=[error(503, "overloaded"), Answer(fault=ConnectionFault("reset")), good])
    client = world.client()
    if stream:
        reply = await world.clock.run(client.stream("?").reply())
    else:
        reply = await world.clock.run(client.chat("?"))
    assert reply.text == "fine"
    first, second, third = reply.decision.attempts
    assert [first.outcome, second.outcome, third.outcome] == [
        "overloaded",
        "connection",
        "finished",
    ]
    assert [first.status, second.status, third.status] == [503, None, 200]
    assert "overloaded" in first.reason
    assert "reset" in second.reason
    assert (first.waited, first.wait_reason) == (0.0, "")
    assert 0 <= second.waited <= 0.5
    assert 0 <= third.waited <= 1.0
    assert second.wait_reason == third.wait_reason == "backoff"
    assert world.times("a") == pytest.approx([first.at, second.at, third.at], abs=1e-5)
    # What failed is not billed.
    assert reply.usage is not None
    assert reply.usage.total_tokens == 15


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "500"}, 500.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1250"}, 1.25),
        ({"retry-after": "Tue, 14 Nov 2023 22:14:05 GMT"}, 45.0),
        (
            {
                "retry-after": "Mon, 23 Nov 2026 10:00:30 GMT",
                "date": "Mon, 23 Nov 2026 10:00:00 GMT",
            },
            30.0,
        ),
    ],
)
async def test_retry_after_is_waited_for_to_the_second(
    headers: dict[str, str], seconds: float
) -> None:
    world = World(a=[error(429, headers=headers), whole()])
    reply = await world.ask()
    assert world.times("a") == pytest.approx([0.0, seconds])
    assert reply.decision.attempts[1].wait_reason == "retry-after"


async def test_a_retry_after_beyond_the_deadline_is_refused_at_once_and_told() -> None:
    world = World(a=[error(429, headers={"retry-after": "30"}), whole()])
    with pytest.raises(RateLimitError) as raised:
        await world.ask(deadline=20)
    assert world.clock.now() == 0.0
    assert raised.value.after == 30.0
    assert "does not fit" in raised.value.decision.notes[0]


@pytest.mark.parametrize("attempts", [1, 2, 5])
async def test_attempts_are_never_exceeded(attempts: int) -> None:
    world = World(a=DEAD)
    with pytest.raises(OverloadedError) as raised:
        await world.ask(retry={"attempts": attempts}, breaker=False)
    assert len(world.asked) == len(raised.value.decision.attempts) == attempts


async def test_without_retry_there_is_one_attempt() -> None:
    world = World(a=DEAD)
    with pytest.raises(OverloadedError):
        await world.ask(retry=False)
    assert len(world.asked) == 1


async def test_the_total_deadline_covers_waits_and_attempts() -> None:
    world = World(a=error(503, headers={"retry-after": "4"}), b=whole())
    with pytest.raises(OverloadedError):
        await world.ask(model="a/m", deadline=10, retry={"attempts": 99})
    assert world.times("a") == [0.0, 4.0, 8.0]


async def test_a_silent_last_route_is_asked_again_until_time_is_up() -> None:
    world = World(a=Answer(after=1e9))
    with pytest.raises(TimeoutFault) as raised:
        await world.ask(deadline={"first_byte": 4, "total": 10}, retry={"base": 0})
    assert raised.value.phase == "total"
    assert world.times("a") == [0.0, 4.0, 8.0]
    assert world.clock.now() == 10.0


async def test_a_silent_route_is_asked_once_if_another_can_take_over() -> None:
    world = World(a=Answer(after=1e9), b=whole("from b"))
    reply = await world.ask(deadline={"first_byte": 5})
    assert (reply.text, reply.model) == ("from b", "b/m")
    assert world.times("a") == [0.0]
    assert world.times("b") == [5.0]


async def test_nobody_is_asked_when_no_time_is_left() -> None:
    world = World(a=Answer(after=1e9), b=whole())
    with pytest.raises(TimeoutFault) as raised:
        await world.ask(deadline={"total": 5, "first_byte": None})
    assert raised.value.phase == "total"
    assert world.times("b") == []
    assert "no time is left" in raised.value.decision.refused[0].reason


# The retry budget.


async def test_a_thousand_calls_at_once_against_a_dead_provider_make_no_storm() -> None:
    world = World(a=DEAD)
    client = world.client()
    calls = [client.chat("?", breaker=False, retry={"attempts": 5}) for _ in range(1000)]
    done = await world.clock.run(_all(calls))
    assert all(isinstance(fault, OverloadedError) for fault in done)
    retries = len(world.asked) - 1000
    assert 0 < retries <= 10 + 200
    spent = [fault for fault in done if "the retry budget is spent" in str(fault.decision.notes)]
    assert len(spent) == 1000 - sum(len(f.decision.attempts) == 5 for f in done)


async def _all(calls: Sequence[Any]) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_a_thousand_calls_in_a_row_keep_the_budget_in_every_minute() -> None:
    world = World(a=DEAD)
    client = world.client()
    first, again = [], []
    for _ in range(1000):
        before = len(world.asked)
        with pytest.raises(OverloadedError):
            await world.clock.run(client.chat("?", breaker=False))
        first.append(world.asked[before].at)
        again += [asked.at for asked in world.asked[before + 1 :]]
        world.clock.advance(0.2)
    for at in again:
        calls = sum(at - 60 <= t <= at for t in first)
        retries = sum(at - 50 < t <= at for t in again)
        # A call counts when it begins, its retries when they are allowed, a wait earlier.
        assert retries <= 10 + calls * 0.2 + 3
    assert 0.15 < len(again) / 1000 < 0.35


async def test_the_budget_recovers() -> None:
    world = World(a=[*[DEAD] * 40, whole()])
    client = world.client()
    for _ in range(20):
        with pytest.raises(OverloadedError):
            await world.clock.run(client.chat("?", breaker=False, retry={"base": 0}))
    assert len(world.asked) < 40
    world.scripts["a"] = [DEAD, DEAD, whole("back")]
    with pytest.raises(OverloadedError):
        await world.clock.run(client.chat("?", breaker=False))
    world.scripts["a"] = [DEAD, DEAD, whole("back")]
    world.clock.advance(60)
    assert (await world.clock.run(client.chat("?", breaker=False))).text == "back"


async def test_a_route_that_fails_does_not_spend_the_budget_of_another() -> None:
    world = World(a=DEAD, b=[DEAD, whole()])
    client = world.client()
    for _ in range(30):
        with pytest.raises(OverloadedError):
            await world.clock.run(client.chat("?", model="a/m", breaker=False))
    assert (await world.clock.run(client.chat("?", model="b/m", breaker=False))).text == "fine"


# What travels to nested layers.


async def test_attempts_left_and_deadline_travel() -> None:
    world = World(a=[error(503, headers={"retry-after": "2"})] * 2 + [whole()])
    await world.ask(deadline=60)
    assert [a.headers[ATTEMPTS_HEADER] for a in world.asked] == ["3", "2", "1"]
    assert [a.headers[DEADLINE_HEADER] for a in world.asked] == ["60000", "58000", "56000"]


async def test_nothing_travels_that_is_not_limited() -> None:
    world = World(a=whole())
    await world.ask(deadline=False, retry=False)
    assert not {ATTEMPTS_HEADER, DEADLINE_HEADER} & set(world.asked[0].headers)


@pytest.mark.parametrize("granted", ["1", "2", "3", "4"])
@pytest.mark.parametrize("retry", [{"attempts": 2}, False])
async def test_a_grant_bounds_all_routes_together(granted: str, retry: Any) -> None:
    world = World(a=DEAD, b=DEAD, c=DEAD)
    with pytest.raises(OverloadedError) as raised:
        await world.ask(inherited={ATTEMPTS_HEADER.title(): granted}, retry=retry, breaker=False)
    most = min(int(granted), 6 if retry else 3)
    assert len(world.asked) == most
    lefts = [int(asked.headers[ATTEMPTS_HEADER]) for asked in world.asked]
    assert all(left <= int(granted) - n for n, left in enumerate(lefts))
    assert min(lefts) >= 1
    if int(granted) < 3:
        assert "granted by the caller" in raised.value.decision.refused[-1].reason


async def test_a_grant_bounds_re_asks_too() -> None:
    world = World(a=whole("no JSON"))
    with pytest.raises(Fault) as raised:
        await world.ask(inherited={ATTEMPTS_HEADER: "2"}, output=list[int], reasks=5)
    assert len(world.asked) == 2
    assert raised.value.kind == "output"


async def test_an_inherited_deadline_only_ever_shortens() -> None:
    for millis, total, wanted in (("5000", 60, 5.0), ("90000", 60, 60.0)):
        world = World(a=Answer(after=1e9))
        with pytest.raises(TimeoutFault) as raised:
            await world.ask(inherited={DEADLINE_HEADER: millis}, deadline=total)
        assert raised.value.phase == "total"
        assert world.clock.now() == wanted


@pytest.mark.parametrize("value", ["", "-1", "soon", "1e3", "9" * 5000, "١", "0.5", " 3"])
async def test_inherited_headers_that_are_no_numbers_say_nothing(value: str) -> None:
    world = World(a=[DEAD, whole()])
    reply = await world.ask(inherited={ATTEMPTS_HEADER: value, DEADLINE_HEADER: value})
    assert reply.text == "fine"


class Service:
    """A service between two Seawalls: it asks ``inner`` what it is asked, with what it inherits."""

    def __init__(self, inner: AsyncSeawall, *, courteous: bool) -> None:
        self._inner = inner
        self._courteous = courteous

    async def __call__(self, outbound: Outbound, /) -> Inbound:
        headers = {name: str(value) for name, value in outbound.headers}
        try:
            await self._inner.chat("?", inherited=headers)
        except Fault as fault:
            if self._courteous:
                return _Told(*FACE.complain(fault))
        return _Told(502, Headers(), b"upstream failed")

    async def aclose(self) -> None:
        return


class _Told:
    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self.status, self.headers, self._body = status, headers, [b"", body]

    async def read(self) -> bytes:
        return self._body.pop()

    def release(self) -> None: ...

    def abort(self, fault: Fault | None = None, /) -> None: ...


@pytest.mark.parametrize(("courteous", "most"), [(True, 3), (False, 3 + 2 + 1)])
async def test_nested_layers_do_not_multiply(courteous: bool, most: int) -> None:
    world = World(a=DEAD, b=DEAD)
    service = Service(world.client(), courteous=courteous)
    outer = AsyncSeawall(
        vendors={"service": {"base_url": "http://service.test"}},
        model="service/m",
        transports={"http": service},
        clock=world.clock,
        ledger=False,
    )
    with pytest.raises(Fault):
        await world.clock.run(outer.chat("?", breaker=False))
    assert len(world.asked) == most


# Cancelling.


async def test_a_cancelled_wait_ends_the_call_once(tmp_path: Path) -> None:
    world = World(a=error(429, headers={"retry-after": "100"}))
    client = world.client(ledger={"dir": str(tmp_path)})
    task = asyncio.ensure_future(client.chat("?"))
    await world.clock.settle()
    world.clock.advance(50)
    await world.clock.settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    world.clock.advance(100)
    await world.clock.settle()
    assert len(world.asked) == 1
    await client.aclose()
    with Ledger.open(tmp_path) as ledger:
        (call,) = ledger.calls(contents=True)
    assert call.outcome == "cancelled"
    assert call.decision is not None
    assert [attempt.outcome for attempt in call.decision.attempts] == ["rate_limit"]
    assert not call.total_tokens
