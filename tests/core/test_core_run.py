"""A call, its one end, and what it cost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from core_scripted import DONE, OPEN, Scripted, chunk, request
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.core import Attempt, Call, End, Handler, Reply, Route, compose, run, send
from seawall.dialects.openai_chat import WIRE
from seawall.errors import BadRequestError, ConnectionFault, Fault
from seawall.folding import estimate_tokens
from seawall.ports import Outbound, Timeouts
from seawall.testing import VirtualClock
from seawall.types import (
    Choice,
    Image,
    Message,
    Price,
    Request,
    Response,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from seawall.vendors import Prices

# The end


def _call() -> tuple[Call, list[End]]:
    call, ends = Call(Request(model="m", messages=()), VirtualClock()), list[End]()
    call.on_end(ends.append)
    return call, ends


async def _answer(call: Call) -> Reply:
    return Reply(call, response=Response(id="r"))


async def test_an_answer_ends_its_call_as_finished() -> None:
    call, ends = _call()
    reply = await run(_answer, call)
    assert ends == [End(outcome="finished", response=reply.response)]


async def test_a_canned_reply_is_no_answer() -> None:
    async def canned(call: Call) -> Reply:
        return Reply(call, response=Response(id="r"), canned=True)

    call, ends = _call()
    reply = await run(canned, call)
    assert [end.outcome for end in ends] == ["fallback_reply"]
    assert reply.model == ""


async def test_a_fault_ends_its_call_and_brings_the_decision() -> None:
    async def refused(call: Call) -> Reply:
        raise BadRequestError("no")

    call, ends = _call()
    with pytest.raises(BadRequestError) as caught:
        await run(refused, call)
    assert [(end.outcome, end.fault) for end in ends] == [("fault", caught.value)]
    assert caught.value.decision is call.decision


async def test_a_bug_ends_its_call_too() -> None:
    async def broken(call: Call) -> Reply:
        raise ZeroDivisionError("a bug")

    call, ends = _call()
    with pytest.raises(ZeroDivisionError):
        await run(broken, call)
    assert [end.outcome for end in ends] == ["fault"]
    assert "ZeroDivisionError: a bug" in str(ends[0].fault)


async def test_a_cancelled_call_ends_as_cancelled() -> None:
    async def waiting(call: Call) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    call, ends = _call()
    task = asyncio.create_task(run(waiting, call))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [end.outcome for end in ends] == ["cancelled"]


def test_the_first_end_counts_and_the_last_listener_hears_first() -> None:
    call, heard = Call(Request(model="m", messages=()), VirtualClock()), list[str]()
    for name in "abc":
        call.on_end(lambda end, name=name: heard.append(f"{name} {end.outcome}"))
    call.end(End(outcome="cut"))
    call.end(End(outcome="finished"))
    assert heard == ["c cut", "b cut", "a cut"]
    with pytest.raises(RuntimeError, match="already ended"):
        call.on_end(lambda end: None)


async def test_layers_wrap_from_the_outside_in() -> None:
    order = list[str]()

    def layer(name: str) -> Any:
        def wrap(inner: Handler) -> Handler:
            async def handler(call: Call) -> Reply:
                order.append(f"{name} in")
                reply = await inner(call)
                order.append(f"{name} out")
                return reply

            return handler

        return wrap

    call, _ = _call()
    await compose([layer("a"), layer("b")], _answer)(call)
    assert order == ["a in", "b in", "b out", "a out"]


def test_a_fork_has_its_own_ends_and_shares_the_rest() -> None:
    call, ends = _call()
    call.attempts_left, call.waited = 3, 1.5
    child = call.fork(request=Request(model="other", messages=()))
    child.end(End(outcome="fault", fault=Fault("x")))
    assert ends == []
    assert (child.id, child.deadline, child.decision) == (call.id, call.deadline, call.decision)
    assert (child.attempts_left, child.waited, child.request.model) == (3, 1.5, "other")


# What it cost

_counts = st.integers(0, 10**9)
_picos = st.integers(0, 10**9)
usages = st.builds(
    Usage,
    prompt_tokens=_counts,
    completion_tokens=_counts,
    total_tokens=_counts,
    cached_tokens=_counts,
    cache_write_tokens=_counts,
    reasoning_tokens=_counts,
)
prices = st.builds(
    Price,
    input=_picos,
    output=_picos,
    cached=st.none() | _picos,
    cache_write=st.none() | _picos,
)


@settings(deadline=None)
@given(prices, usages)
def test_a_price_is_exact_and_rounded_up_once(price: Price, usage: Usage) -> None:
    plain = max(0, usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens)
    cached = price.input if price.cached is None else price.cached
    write = price.input if price.cache_write is None else price.cache_write
    nano = sum(
        Fraction(tokens * pico, 1000)
        for tokens, pico in (
            (plain, price.input),
            (usage.cached_tokens, cached),
            (usage.cache_write_tokens, write),
            (usage.completion_tokens, price.output),
        )
    )
    cost = price.cost(usage)
    assert type(cost) is int
    assert cost == ceil(nano)


@settings(deadline=None)
@given(prices, usages, st.integers(1, 1000))
def test_more_tokens_never_cost_less(price: Price, usage: Usage, more: int) -> None:
    longer = usage + Usage(completion_tokens=more)
    asked = usage + Usage(prompt_tokens=more)
    assert min(price.cost(longer), price.cost(asked)) >= price.cost(usage)


@settings(deadline=None)
@given(usages, usages, prices)
def test_usage_adds_up(one: Usage, other: Usage, price: Price) -> None:
    both = one + other
    for name in ("prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens"):
        assert getattr(both, name) == getattr(one, name) + getattr(other, name)
    assert price.cost(Usage()) == 0


def test_a_dollar_a_million_tokens_is_a_million_picos_a_token() -> None:
    price = Price(input=150_000, output=600_000, cached=75_000)
    usage = Usage(prompt_tokens=1_000_000, cached_tokens=400_000, completion_tokens=500_000)
    # 0.6 M at $0.15, 0.4 M at $0.075, 0.5 M at $0.60: $0.42
    assert price.cost(usage) == 420_000_000
    assert price.cost(Usage(prompt_tokens=1)) == 150
    assert Price(input=1, output=0).cost(Usage(prompt_tokens=1)) == 1


def test_a_long_prompt_is_charged_whole_at_the_prices_for_long_ones() -> None:
    long = Price(input=500_000, output=2_500_000, cached=50_000)
    price = Price(input=100_000, output=500_000, above=100_000, long=long)
    short, over = Usage(prompt_tokens=100_000), Usage(prompt_tokens=100_001, completion_tokens=10)
    assert price.cost(short) == 10_000_000
    assert price.cost(over) == long.cost(over) == 50_025_500


def test_what_is_cached_for_an_hour_has_a_price_of_its_own() -> None:
    price = Price(input=4_000, output=0, cache_write=5_000, cache_write_1h=8_000)
    used = Usage(prompt_tokens=100, cache_write_tokens=50, cache_write_1h_tokens=20)
    assert price.cost(used) == 50 * 4 + 30 * 5 + 20 * 8


def test_a_price_holds_until_its_day_is_over() -> None:
    prices = Prices(input="1", output="0", until="2026-12-31", then=Prices(input="2", output="0"))
    price = prices.price()
    last = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    used = Usage(prompt_tokens=1_000_000)
    assert price.at(last).cost(used) == 1_000_000_000
    assert price.at(last + 1).cost(used) == 2_000_000_000
    with pytest.raises(ValueError, match="isoformat"):
        Prices("1", "1", until="soon", then=prices).price()
    with pytest.raises(ValueError, match="until and then"):
        Prices("1", "1", until="2026-12-31").price()


class _Carrier:
    """A transport whose replies are given."""

    def __init__(self, *replies: Any) -> None:
        self._replies = list(replies)

    async def __call__(self, outbound: Outbound, /) -> Scripted:
        return self._replies.pop(0)

    async def aclose(self) -> None: ...


PRICE = Price(input=1, output=1_000)
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
QUESTION = Message("user", (Text("x" * 40),))


async def _attempt(call: Call, carrier: _Carrier, price: Price | None = PRICE) -> Reply:
    """One attempt of ``call``, read to its end."""
    child = call.fork(Route(name="v/m", model="m", wire=WIRE, transport=carrier, price=price))
    child.attempt = Attempt(n=1, model="v/m", at=0.0)
    reply = await run(send, child)
    assert reply.stream is not None
    async for _ in reply.stream:
        pass
    return reply


def _asked() -> Call:
    return Call(Request(model="m", messages=(QUESTION,), stream=True), VirtualClock())


async def test_reported_usage_is_what_counts() -> None:
    call = _asked()
    script = (chunk("hello", finish="stop", usage=USAGE), DONE)
    reply = await _attempt(call, _Carrier(Scripted(call.clock, *script)))
    assert reply.usage == call.usage == Usage(prompt_tokens=3, completion_tokens=2, total_tokens=5)
    # 3 x 1 + 2 x 1,000 picos are 2,003: 3 nanos, rounded up.
    assert (reply.cost, reply.cost_estimated) == (3, False)


async def test_each_attempt_is_billed_and_rounded_once() -> None:
    call = _asked()
    for _ in range(3):
        script = (chunk("hello", finish="stop", usage=USAGE), DONE)
        await _attempt(call, _Carrier(Scripted(call.clock, *script)))
    assert call.usage == Usage(prompt_tokens=9, completion_tokens=6, total_tokens=15)
    assert call.cost == 9


async def test_usage_that_never_came_is_estimated_and_says_so() -> None:
    call = _asked()
    script = (chunk("hello you", finish="stop"), DONE)
    reply = await _attempt(call, _Carrier(Scripted(call.clock, *script)))
    # 40 characters and one message: 14 tokens; 9 characters: 3 tokens.
    assert reply.usage == Usage(prompt_tokens=14, completion_tokens=3, total_tokens=17)
    assert (reply.cost, reply.cost_estimated) == (4, True)


@pytest.mark.parametrize(
    ("script", "tokens"),
    [
        pytest.param((chunk("hello you"), ConnectionFault("x")), 3, id="cut"),
        pytest.param((chunk("hello you"), OPEN), 3, id="given up"),
    ],
)
async def test_what_broke_off_is_billed_as_far_as_it_came(script: Any, tokens: int) -> None:
    call = _asked()
    call.timeouts = Timeouts(idle=None, total=None)
    call.deadline = None
    inbound = Scripted(call.clock, *script)
    task = asyncio.create_task(_attempt(call, _Carrier(inbound)))
    for _ in range(9):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises((Fault, asyncio.CancelledError)):
        await task
    assert call.usage is not None
    assert call.usage.completion_tokens == tokens
    assert call.cost_estimated


async def test_an_attempt_that_failed_before_an_answer_costs_nothing() -> None:
    call = _asked()
    with pytest.raises(Fault):
        await _attempt(call, _Carrier(Scripted(call.clock, chunk(role="assistant"))))
    assert (call.usage, call.cost, call.cost_estimated) == (None, None, False)


async def test_a_model_without_a_price_has_usage_and_no_cost() -> None:
    call = _asked()
    script = (chunk("a", finish="stop", usage=USAGE), DONE)
    reply = await _attempt(call, _Carrier(Scripted(call.clock, *script)), price=None)
    assert reply.usage is not None
    assert reply.cost is None


async def test_the_first_token_is_timed_for_the_attempt_and_the_call() -> None:
    call = _asked()
    clock = call.clock
    assert isinstance(clock, VirtualClock)
    clock.advance(2.0)
    script = (1.5, chunk("a", finish="stop"), DONE)
    await clock.run(_attempt(call, _Carrier(Scripted(clock, *script))))
    assert call.first_token == 3.5


def test_an_estimate_looks_at_everything_that_is_read() -> None:
    messages = (
        Message("user", (Text("x" * 10), Image(url="https://example.test/a.png"))),
        Message("assistant", (ToolCall("c", "f", "y" * 6),)),
        Message("tool", (ToolResult("c", (Text("z" * 5),)),)),
    )
    assert estimate_tokens(request()) == 0
    # 21 characters, one image, three messages
    assert estimate_tokens(Request(model="m", messages=messages)) == 6 + 800 + 12


def test_a_choice_knows_its_message() -> None:
    response = Response(choices=(Choice(message=Message("assistant", (Text("a"),))),))
    assert (response.text, response.finish_reason, Response().text) == ("a", None, "")


async def test_a_call_is_charged_by_the_price_of_its_day() -> None:
    call = _asked()
    script = (chunk("hello", finish="stop", usage=USAGE), DONE)
    price = Price(input=1_000, output=0, until=call.wall, then=Price(input=2_000, output=0))
    reply = await _attempt(call, _Carrier(Scripted(call.clock, *script)), price)
    assert reply.cost == 2 * 3
