"""Streams that are held back until they are whole: what breaks off before is retried unseen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from recovery_world import How, Model, World, refusal

import seawall.core.stream
from seawall import Fault, MalformedReplyError, Reply, StreamCutError, TextDelta, TimeoutFault
from seawall.sinks import Ledger
from seawall.types import Event, Finish

PIECES = ("The ", "harbour ", "of ", "Trieste.")
TEXT = "".join(PIECES)
CALL = {"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f", "arguments": "{}"}}]}


def cut(after: int, how: How = "close", **more: Any) -> Model:
    return Model(pieces=PIECES, cut=after, how=how, **more)


def whole(**more: Any) -> Model:
    return Model(pieces=PIECES, **more)


async def held(world: World, **options: Any) -> tuple[str, Reply | Fault]:
    return await world.tell(world.client(recovery="hold"), **options)


@pytest.mark.parametrize("how", ["close", "reset", "stall", "error", "mark"])
@pytest.mark.parametrize("after", range(1, 6))
async def test_what_is_cut_before_its_finish_was_never_given_out(after: int, how: How) -> None:
    world = World(a=cut(after, how), b=whole())
    text, reply = await held(world, retry={"attempts": 1}, deadline={"idle": 5, "first_token": 5})
    assert isinstance(reply, Reply)
    assert (text, reply.text, reply.model, reply.resumed) == (TEXT, TEXT, "b/m", ())
    assert world.names() == ["a", "b"]
    assert world.heard[1].shown is None


async def test_the_same_route_is_retried_as_before_any_answer() -> None:
    world = World(a=[cut(5, "reset"), whole()])
    text, reply = await held(world)
    assert isinstance(reply, Reply)
    assert (text, [a.outcome for a in reply.decision.attempts]) == (
        TEXT,
        ["stream_cut", "finished"],
    )


MORE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a tool call": ({"deltas": [CALL], "reason": "tool_calls"}, {}),
    "reasoning": ({"deltas": [{"reasoning_content": "hm"}]}, {}),
    "a refusal": ({"deltas": [{"refusal": "no"}]}, {}),
    "structured output": ({}, {"response_format": {"type": "json_object"}}),
    "log probabilities": ({}, {"logprobs": True}),
}


@pytest.mark.parametrize("name", MORE)
async def test_whatever_was_under_way_may_be_asked_again(name: str) -> None:
    said, options = MORE[name]
    world = World(a=cut(4, **said), b=whole(**said))
    text, reply = await held(world, **options)
    assert isinstance(reply, Reply)
    assert (text, reply.model) == (TEXT, "b/m")
    assert len(reply.tool_calls) == ("tool_calls" in str(said))


async def test_nothing_is_given_out_before_the_finish_and_everything_after_it() -> None:
    world = World(a=whole(pause=1.0))
    client = world.client(recovery="hold")
    at: list[tuple[float, type[Event]]] = []

    async def ask() -> None:
        async for event in client.stream("?"):
            at.append((world.clock.now(), type(event)))

    await world.clock.run(ask())
    assert [when for when, _ in at[:-1]] == [6.0] * (len(at) - 1)
    assert [kind for _, kind in at].count(TextDelta) == len(PIECES)
    assert Finish in [kind for _, kind in at]


async def test_when_every_route_breaks_off_the_fault_is_one_before_the_answer() -> None:
    text, fault = await held(World(a=cut(4, "reset"), b=refusal(503)), retry={"attempts": 1})
    assert isinstance(fault, StreamCutError)
    assert (text, fault.delivered, fault.model) == ("", False, "a/m")
    text, reply = await held(World(a=cut(4)), fallback_reply="We are having trouble.")
    assert isinstance(reply, Reply)
    assert (text, reply.canned) == ("We are having trouble.", True)


@pytest.mark.parametrize(
    ("model", "phase", "at"),
    [
        (cut(1, "stall"), "first_token", 7.0),
        (cut(3, "stall"), "idle", 5.0),
        (whole(pause=3.0), "total", 11.0),
    ],
)
async def test_its_deadlines_are_those_of_any_stream(model: Model, phase: str, at: float) -> None:
    world = World(a=model)
    _, fault = await held(
        world, retry=False, deadline={"first_token": 7, "idle": 5, "total": 11, "first_byte": 6}
    )
    assert isinstance(fault, TimeoutFault)
    assert (fault.phase, world.clock.now()) == (phase, at)


async def test_an_answer_too_long_to_be_held_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seawall.core.stream, "HELD", 5000)
    world = World(a=Model(pieces=["x" * 100] * 100), b=whole())
    text, reply = await held(world)
    assert isinstance(reply, Reply)
    assert (text, world.names()) == (TEXT, ["a", "b"])
    assert reply.decision.attempts[0].outcome == "malformed_reply"
    text, fault = await held(World(a=Model(pieces=["x" * 100] * 100)))
    assert isinstance(fault, MalformedReplyError)
    assert "exceeds 5000 bytes" in str(fault)
    assert len(fault.decision.attempts) == 1


async def test_what_a_held_attempt_wrote_is_billed(tmp_path: Path) -> None:
    world = World(a=cut(5, "reset"), b=whole())
    client = world.client(recovery="hold", ledger={"dir": str(tmp_path)})
    _, reply = await world.tell(client, retry={"attempts": 1})
    assert isinstance(reply, Reply)
    # a: five prompt tokens and six of text, estimated; b: metered.
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (15, 6 + len(TEXT))
    with Ledger.open(tmp_path) as ledger:
        (row,) = ledger.calls(contents=True)
    assert (row.outcome, row.prompt_tokens, row.attempts) == ("finished", 15, 2)


async def test_a_whole_answer_is_as_ever() -> None:
    world = World(a=whole())
    client = world.client(recovery="hold")
    reply = await world.clock.run(client.stream("?").reply())
    assert (reply.text, reply.finish_reason, len(reply.decision.attempts)) == (TEXT, "stop", 1)
