"""The verdict: good clients are acquitted, bad ones are not, and it says why."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from simulator_world import World, question

from seawall.errors import Fault
from seawall.ports import Outbound
from seawall.simulator import Conduct, Quota, Rule, Script, Seen, judge


def seen(number: int, at: float, **fields: Any) -> Seen:
    """A refused request; ``took`` seconds pass until it has ended."""
    ended = at + fields.pop("took", 0.0)
    usual = {"status": 500, "leaves": "nothing", "how": "refused", "question": "q"}
    return Seen(number=number, at=at, ended=ended, method="POST", path="/", **{**usual, **fields})


def offences(*requests: Seen, claims: tuple[str, ...] = ()) -> list[str]:
    return [charge.offence for charge in judge(requests, claims).charges]


def test_backoff_is_good_conduct() -> None:
    assert offences(seen(1, 0), seen(2, 0.4), seen(3, 1.2), seen(4, 3)) == []


def test_a_lucky_draw_of_jitter_is_no_hammering_but_a_row_of_them_is() -> None:
    assert offences(seen(1, 0), seen(2, 0.01), seen(3, 0.02), seen(4, 1)) == []
    hasty = [seen(n, n * 0.01) for n in range(4)]
    verdict = judge(hasty)
    assert [charge.offence for charge in verdict.charges] == ["hammering"]
    assert verdict.charges[0].requests == (0, 1, 2, 3)
    assert "the same question 4 times in 0.03 s" in str(verdict)


def test_pauses_count_from_the_failures_end() -> None:
    slow = [seen(n, n * 5.05, took=5.0) for n in range(4)]
    assert offences(*slow) == ["hammering"]


def test_other_questions_are_no_retries() -> None:
    assert offences(*[seen(n, n * 0.01, question=f"{n}") for n in range(50)]) == []


def test_many_who_ask_the_same_at_the_same_time_each_have_their_own_retries() -> None:
    firsts = [seen(n, 0, took=0.1) for n in range(20)]
    seconds = [seen(20 + n, 0.6 + n / 100, took=0.1) for n in range(20)]
    thirds = [
        seen(40 + n, 1.7 + n / 100, took=0.1, status=200, how="answered", leaves="whole")
        for n in range(20)
    ]
    lenient = Conduct(storm=1000)
    assert judge([*firsts, *seconds, *thirds], (), lenient).good


def test_what_cannot_be_cured_is_not_asked_again() -> None:
    verdict = judge([seen(1, 0, status=401, final=True), seen(2, 3, status=401, final=True)])
    assert [charge.offence for charge in verdict.charges] == ["retried the hopeless"]
    assert "401" in str(verdict)
    assert verdict.charges[0].requests == (1, 2)
    later = seen(2, 100, status=401, final=True)
    assert offences(seen(1, 0, status=401, final=True), later) == []


@pytest.mark.parametrize(("back", "good"), [(1.96, True), (2.0, True), (1.9, False), (0.5, False)])
def test_retry_after_is_kept_to_the_tick(back: float, good: bool) -> None:
    found = offences(seen(1, 0, status=429, wait=2.0), seen(2, back))
    assert found == ([] if good else ["ignored Retry-After"])


def test_a_short_retry_after_that_is_kept_is_no_hammering() -> None:
    assert offences(*[seen(n, n * 0.05, wait=0.04) for n in range(5)]) == []


def test_a_question_may_be_asked_so_often() -> None:
    patient = [seen(n, n * 5.0) for n in range(7)]
    assert offences(*patient) == ["retried too often"]
    assert offences(*patient[:6]) == []
    spread = [seen(n, n * 70.0) for n in range(20)]
    assert offences(*spread) == []


def test_an_answer_ends_the_chain() -> None:
    assert offences(*[seen(n, n * 0.01, **WHOLE) for n in range(20)]) == []


def test_a_storm_is_hammering_though_each_call_is_patient() -> None:
    requests = [
        seen(100 * k + n, n * 0.01 + k * 1.5, question=f"{n}") for k in range(3) for n in range(15)
    ]
    assert offences(*requests) == ["hammering"]
    retried_a_little = [*requests[:15], *requests[15:30]]
    assert offences(*retried_a_little) == []


def test_leaving_and_asking_again_is_a_retry_too() -> None:
    gone = [seen(n, n * 0.05, status=0, leaves="whole", how="left") for n in range(4)]
    assert offences(*gone) == ["hammering"]


PART = {"status": 200, "leaves": "part", "how": "broken", "text": "High water at noon"}
WHOLE = {"status": 200, "leaves": "whole", "how": "answered"}


def test_a_part_given_out_as_the_whole_is_proved_by_who_gave_it_out() -> None:
    cut = seen(1, 0, **PART)
    for claim in ("High water", "", "High water at noon"):
        assert offences(cut, claims=(claim,)) == ["accepted a truncated answer"]
    assert offences(cut, claims=("Something else",)) == []
    assert offences(cut) == []


async def naive(world: World, name: str) -> None:
    """Asks until there is an answer, as fast as it can."""
    body = msgspec.json.encode(question(model=f"fault/{name}"))
    for _ in range(10):
        inbound = await world.transport(Outbound(url="http://sim/v1/chat/completions", body=body))
        while await inbound.read():
            pass


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("500", {"hammering", "retried too often"}),
        ("429", {"ignored Retry-After", "retried too often"}),
        ("401", {"retried the hopeless", "hammering", "retried too often"}),
        ("429-quota", {"retried the hopeless", "hammering", "retried too often"}),
    ],
)
async def test_a_naive_loop_is_condemned_where_seawall_is_acquitted(
    name: str, expected: set[str]
) -> None:
    world = World()
    await world.run(naive(world, name))
    assert {charge.offence for charge in world.simulator.verdict().charges} == expected
    good = World()
    assert isinstance((await good.outcome(model=f"sim/fault/{name}"))[0], Fault)
    assert good.simulator.verdict().good


async def test_a_storm_of_calls_stays_within_the_retry_budget() -> None:
    world = World(Script(faults=(Rule(fault="500"),)))

    async def storm() -> None:
        options = {"deadline": 60, "breaker": False}
        calls = (world.client.chat(f"question {n}", **options) for n in range(100))
        await asyncio.gather(*calls, return_exceptions=True)

    await world.run(storm())
    assert world.simulator.verdict().good, world.simulator.verdict()
    assert 100 < len(world.simulator.log) <= 130


async def test_waiting_at_a_quota_is_good_conduct() -> None:
    world = World(Script(quota=Quota(requests=2)))
    for number in range(6):
        await world.ask(f"{number}", deadline=300, retry={"patience": 60})
    assert world.simulator.verdict().good, world.simulator.verdict()


async def stream(world: World, **fields: Any) -> str:
    """The text of a stream as a trusting client reads it: to its end, whatever the end is."""
    _, _, body = await world.raw(question(stream=True, **fields))
    chunks = [line[6:] for line in body.split(b"\n\n") if line and line != b"data: [DONE]"]
    deltas = [msgspec.json.decode(chunk)["choices"][0]["delta"] for chunk in chunks]
    return "".join(delta.get("content") or "" for delta in deltas)


async def test_a_conversation_built_on_a_truncated_answer_gives_the_client_away() -> None:
    world = World(Script(faults=(Rule(fault="cut-clean", requests=(1,)),)))
    part = await stream(world)
    history = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": part},
        {"role": "user", "content": "and then?"},
    ]
    assert await stream(world, messages=history)
    verdict = world.simulator.verdict()
    assert [charge.offence for charge in verdict.charges] == ["accepted a truncated answer"]
    assert verdict.charges[0].requests == (1, 2)


async def test_asking_for_the_rest_is_no_acceptance() -> None:
    world = World(Script(faults=(Rule(fault="cut-clean", requests=(1,)),)))
    part = await stream(world)
    prefill = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": part}]
    await stream(world, messages=prefill)
    assert world.simulator.verdict().good


async def test_nor_is_an_answer_that_came_whole_in_the_end() -> None:
    world = World(Script(faults=(Rule(fault="no-finish", requests=(1,)),)))
    await stream(world)
    text = await stream(world)
    history = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": text},
        {"role": "user", "content": "and then?"},
    ]
    await stream(world, messages=history)
    world.simulator.claim(text)
    assert world.simulator.verdict().good


async def test_the_code_under_test_tells_what_it_gave_out() -> None:
    world = World()
    text = await stream(world, model="fault/cut-clean")
    assert world.simulator.verdict().good
    world.simulator.claim(text)
    verdict = world.simulator.verdict()
    assert [charge.offence for charge in verdict.charges] == ["accepted a truncated answer"]
    assert "was given out as a whole answer" in str(verdict)


async def test_no_key_and_no_content_is_kept() -> None:
    world = World()
    secret = Outbound(
        url="http://sim/v1/chat/completions",
        headers=(("authorization", "Bearer sk-very-secret"),),
        body=msgspec.json.encode(question("my diary")),
    )

    async def ask() -> None:
        inbound = await world.transport(secret)
        while await inbound.read():
            pass

    await world.run(ask())
    kept = msgspec.json.encode(list(world.simulator.log))
    assert b"secret" not in kept
    assert b"diary" not in kept


async def test_the_log_is_bounded_and_counts_on() -> None:
    world = World(most=10)
    for number in range(25):
        await world.raw(question(f"{number}"))
    log = world.simulator.log
    assert (len(log), log.total, log[0].number) == (10, 25, 16)


async def test_listeners_hear_of_each_request_three_times() -> None:
    heard: list[tuple[int, str, int]] = []
    world = World(tell=lambda one: heard.append((one.number, one.how, one.status)))
    await world.raw(question())
    assert heard == [(1, "open", 0), (1, "open", 200), (1, "answered", 200)]


def test_a_verdict_reads_well() -> None:
    verdict = judge([seen(1, 0, status=401, final=True), seen(2, 0.5, status=401, final=True)])
    assert str(verdict).splitlines() == [
        "bad conduct: 2 requests, 2 failed",
        "- retried the hopeless: asked again after 401, which no retry cures (#1, #2)",
    ]
    assert str(judge([])) == "good conduct: 0 requests, 0 failed"
