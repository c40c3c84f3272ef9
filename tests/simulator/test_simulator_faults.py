"""Every fault of the table does what it says, to streams and to whole answers."""

from __future__ import annotations

import asyncio
from email.utils import parsedate_to_datetime

import msgspec
import pytest
from simulator_world import WEATHER, World, question

from seawall.errors import (
    AuthenticationError,
    ConnectionFault,
    ContentFilterError,
    ContextLengthError,
    QuotaExceededError,
    RateLimitError,
    StreamCutError,
    TimeoutFault,
)
from seawall.ports import Outbound
from seawall.simulator import KINDS, Rule, Script
from seawall.simulator.answers import TEXT

STREAMED = [False, True]
EACH = [
    (name, stream)
    for name, kind in KINDS.items()
    for stream in STREAMED
    if (kind.streamed if stream else kind.whole)
]


@pytest.mark.parametrize(("name", "stream"), EACH)
async def test_what_a_fault_leaves_is_what_a_careful_client_gets(name: str, stream: bool) -> None:
    kind = KINDS[name]
    size = {"huge-body": 300_000, "huge-event": 17_000_000}.get(name)
    world = World(Script(faults=(Rule(fault=name, size=size),)))
    options = {"tools": [WEATHER]} if kind.calls > 1 else {}
    fault, reply = await world.outcome(stream=stream, **options)
    if kind.leaves == "whole" and name != "huge-event":
        assert fault is None
        assert reply is not None
        assert len(reply.tool_calls) == 2 or "sea has 14 °C 🌊." in reply.text
    else:
        assert fault is not None or reply.damaged, "a part is never presented as if it were all"
    first = world.simulator.log[0]
    assert (first.fault, first.leaves) == (name, kind.leaves)
    assert world.simulator.verdict().good, world.simulator.verdict()
    assert world.transport.open == 0


EXPECTED = {
    "429": RateLimitError,
    "429-quota": QuotaExceededError,
    "401": AuthenticationError,
    "context-length": ContextLengthError,
    "content-filter": ContentFilterError,
    "reset": ConnectionFault,
    "silent": TimeoutFault,
    "stall": TimeoutFault,
}


@pytest.mark.parametrize("stream", STREAMED)
@pytest.mark.parametrize("name", EXPECTED)
async def test_a_fault_is_known_by_its_own_name(name: str, stream: bool) -> None:
    world = World()
    with pytest.raises(EXPECTED[name]):
        await world.ask(model=f"sim/fault/{name}", stream=stream)


@pytest.mark.parametrize(("at", "pieces"), [(0, 0), (0.5, 3), (1, 1), (2, 2), (1.0, 6), (99, 6)])
async def test_a_cut_comes_where_it_is_wanted(at: float, pieces: int) -> None:
    world = World(Script(answer="a b c d e f", faults=(Rule(fault="cut-clean", at=at),)))
    _, _, body = await world.raw(question(stream=True))
    assert body.count(b"data: ") == pieces


async def test_a_reset_in_the_middle_is_a_connection_fault() -> None:
    for name in ("cut", "cut-reset"):
        world = World()
        with pytest.raises(StreamCutError, match="connection was lost") as caught:
            await world.ask(model=f"sim/fault/{name}", stream=True)
        assert isinstance(caught.value.__cause__, ConnectionFault)


async def test_retry_after_takes_every_form() -> None:
    for name in ("429", "429-float", "429-date", "429-ms", "429-bare"):
        world = World(Script(faults=(Rule(fault=name, retry_after=1.5),)))
        _, headers, _ = await world.raw(question())
        said = headers.get("retry-after"), headers.get("retry-after-ms")
        expected = {
            "429": ("2", None),
            "429-float": ("1.5", None),
            "429-ms": (None, "1500"),
            "429-bare": (None, None),
        }
        if name == "429-date":
            at = parsedate_to_datetime(said[0] or "").timestamp()
            assert 1.5 <= at - world.clock.time() < 2.5
        else:
            assert said == expected[name]
        seen = world.simulator.log[0]
        assert seen.wait is None if name == "429-bare" else seen.wait and seen.wait >= 1.5


async def test_a_stall_may_end_and_the_answer_is_whole_then() -> None:
    world = World(Script(faults=(Rule(fault="stall", seconds=5),)))
    reply = await world.ask(stream=True)
    assert (reply.text, world.clock.now()) == (TEXT, 5.0)


async def test_slow_first_token_comes_after_the_head_of_a_stream_only() -> None:
    for stream in STREAMED:
        world = World()
        asked = question(model="fault/slow-start", stream=stream)

        async def first(world: World = world, asked: object = asked) -> float:
            outbound = Outbound(
                url="http://sim/v1/chat/completions", body=msgspec.json.encode(asked)
            )
            inbound = await world.transport(outbound)
            head = world.clock.now()
            assert await inbound.read()
            inbound.release()
            return head

        assert await world.run(first()) == (0.0 if stream else 5.0)
        assert world.clock.now() == 5.0


async def test_split_code_points_really_are_split() -> None:
    world = World()
    outbound = Outbound(
        url="http://sim/v1/chat/completions",
        body=msgspec.json.encode(question(model="fault/split-utf8", stream=True)),
    )

    async def pieces() -> list[bytes]:
        inbound = await world.transport(outbound)
        found: list[bytes] = []
        while piece := await inbound.read():
            found.append(piece)
        return found

    found = await world.run(pieces())
    broken = 0
    for piece in found:
        try:
            piece.decode()
        except UnicodeDecodeError:
            broken += 1
    assert broken >= 2
    assert "🌊" in b"".join(found).decode()


async def test_a_fault_that_cannot_befall_an_answer_leaves_it_alone() -> None:
    world = World()
    assert (await world.ask(model="sim/fault/no-done")).text == TEXT
    assert (await world.ask(model="sim/fault/missing-tool-ids")).text == TEXT
    assert [seen.fault for seen in world.simulator.log] == ["", ""]


async def test_an_unknown_fault_is_a_model_that_does_not_exist() -> None:
    status, _, body = await World().raw(question(model="fault/cutt"))
    error = msgspec.json.decode(body)["error"]
    assert (status, error["code"]) == (404, "model_not_found")
    assert "Did you mean 'cut'?" in error["message"]


async def test_a_client_that_leaves_is_seen_leaving() -> None:
    world = World()

    async def leave() -> None:
        inbound = await world.transport(
            Outbound(
                url="http://sim/v1/chat/completions",
                body=msgspec.json.encode(question(model="fault/stall", stream=True)),
            )
        )
        assert await inbound.read()
        inbound.abort()
        await world.clock.settle()

    await world.run(leave())
    assert [(seen.how, seen.status) for seen in world.simulator.log] == [("left", 200)]
    assert world.transport.open == 0


async def test_a_call_cancelled_while_it_waits_for_a_head_leaves_too() -> None:
    world = World()
    asking = asyncio.create_task(world.client.chat("hi", model="sim/fault/silent"))
    await world.clock.settle()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert [seen.how for seen in world.simulator.log] == ["left"]
