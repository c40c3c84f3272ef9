"""The breaker as calls live it: routes, replies and errors while it is open, and its probes."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from layers_world import HOLD, Answer, World, error, events, finish, piece, whole

from seawall import (
    AsyncSeawall,
    AuthenticationError,
    CircuitOpenError,
    Fault,
    LedgerError,
    OverloadedError,
    StreamCutError,
)
from seawall.layers.breaker import Circuit

DEAD = error(503, "down")
QUICK = {"failures": 2, "cooldown": 10.0}
BARE: Any = {"retry": False, "breaker": QUICK}


async def _trip(world: World, client: AsyncSeawall, model: str = "a/m") -> None:
    for _ in range(2):
        with pytest.raises(Fault):
            await world.clock.run(client.chat("?", model=model, **BARE))
    assert client.assembly.circuits[model].state == "open"


async def test_while_it_is_open_the_next_route_is_asked_at_once() -> None:
    world = World(a=DEAD, b=whole("from b"))
    client = world.client()
    await _trip(world, client)
    world.clock.advance(4.0)
    reply = await world.clock.run(client.chat("?", **BARE))
    assert (reply.text, reply.model) == ("from b", "b/m")
    assert len(world.times("a")) == 2
    (refused,) = reply.decision.refused
    assert refused.model == "a/m"
    assert "probes next in 6 s" in refused.reason
    assert "down" in refused.reason
    assert [attempt.model for attempt in reply.decision.attempts] == ["b/m"]
    assert reply.decision.attempts[0].n == 1


async def test_while_it_is_open_an_only_route_gives_a_clear_error() -> None:
    world = World(a=DEAD)
    client = world.client()
    await _trip(world, client)
    world.clock.advance(3.5)
    with pytest.raises(CircuitOpenError, match=r"^a/m: the circuit is open.*next in 6\.5 s") as got:
        await world.clock.run(client.chat("?", model="a/m", breaker=QUICK))
    assert got.value.after == 6.5
    assert world.clock.now() == 3.5  # nothing was waited for
    assert got.value.decision.attempts == []


@pytest.mark.parametrize("stream", [False, True])
async def test_while_it_is_open_the_configured_reply_is_given(stream: bool) -> None:
    world = World(a=DEAD)
    client = world.client(models={"all": {"fallback_reply": "Back soon."}})
    await _trip(world, client)
    ask = client.stream("?", **BARE).reply() if stream else client.chat("?", **BARE)
    reply = await world.clock.run(ask)
    assert (reply.text, reply.model, reply.canned) == ("Back soon.", "", True)
    assert (reply.usage, reply.cost) == (None, None)
    assert len(world.asked) == 2


async def test_it_opens_for_all_who_share_the_client_and_for_nobody_else() -> None:
    world = World(a=DEAD)
    client, other = world.client(), world.client()
    await _trip(world, client)
    with pytest.raises(CircuitOpenError):
        await world.clock.run(client.with_options(feature="x").chat("?", **BARE))
    with pytest.raises(OverloadedError):
        await world.clock.run(other.chat("?", **BARE))


async def test_models_of_one_vendor_have_circuits_of_their_own() -> None:
    world = World(a=[DEAD, DEAD, whole()])
    client = world.client()
    await _trip(world, client, "a/one")
    assert (await world.clock.run(client.chat("?", model="a/two", **BARE))).text == "fine"


async def test_a_breaker_that_opens_between_retries_does_not_hide_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(a=DEAD)
    with caplog.at_level(logging.WARNING, "seawall"), pytest.raises(OverloadedError) as raised:
        await world.ask(retry={"attempts": 9}, breaker=QUICK)
    assert len(world.asked) == 2
    assert [refused.model for refused in raised.value.decision.refused] == ["a/m"]
    assert "the circuit of a/m is open" in caplog.text


async def test_after_the_cooldown_one_probe_decides() -> None:
    world = World(a=[DEAD, DEAD, whole("back")])
    client = world.client()
    await _trip(world, client)
    world.clock.advance(10.0)
    assert (await world.clock.run(client.chat("?", **BARE))).text == "back"
    assert client.assembly.circuits["a/m"].state == "closed"


async def test_a_failed_probe_opens_it_again_for_a_whole_cooldown() -> None:
    world = World(a=DEAD)
    client = world.client()
    await _trip(world, client)
    world.clock.advance(10.0)
    with pytest.raises(OverloadedError):
        await world.clock.run(client.chat("?", **BARE))
    world.clock.advance(9.0)
    with pytest.raises(CircuitOpenError, match=r"in 1 s"):
        await world.clock.run(client.chat("?", **BARE))


@pytest.mark.parametrize("probes", [1, 3])
async def test_of_a_hundred_calls_at_once_only_the_probes_pass(probes: int) -> None:
    world = World(a=[DEAD, DEAD, whole(after=5.0)])
    client = world.client()
    await _trip(world, client)
    world.clock.advance(10.0)
    options: Any = {"retry": False, "breaker": QUICK | {"probes": probes}}
    calls = [client.chat("?", **options) for _ in range(100)]
    done = await world.clock.run(_all(calls))
    assert sum(isinstance(each, CircuitOpenError) for each in done) == 100 - probes
    assert len(world.asked) == 2 + probes
    assert client.assembly.circuits["a/m"].state == "closed"


async def _all(calls: Any) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_a_hundred_calls_in_flight_open_it_once_and_their_late_answers_do_not_count() -> None:
    late = [*[error(503, after=1.0)] * 50, *[whole(after=15.0)] * 50]
    world = World(a=[*late, DEAD])
    client = world.client()
    calls = [client.chat("?", **BARE) for _ in range(100)]
    flying = asyncio.gather(*calls, return_exceptions=True)
    await world.clock.settle()
    world.clock.advance(1.0)
    await world.clock.settle()
    circuit = client.assembly.circuits["a/m"]
    assert (circuit.state, circuit.opened) == ("open", 1.0)
    world.clock.advance(14.0)  # the others answer, in the time of the open circuit
    await world.clock.settle()
    assert client.assembly.circuits["a/m"] == circuit
    done = await flying
    assert sum(isinstance(each, OverloadedError) for each in done) == 50
    with pytest.raises(OverloadedError):  # the cooldown is over: this one is a probe
        await world.clock.run(client.chat("?", **BARE))


async def test_a_cancelled_probe_frees_its_place() -> None:
    world = World(a=[DEAD, DEAD, Answer(after=1e6), whole("back")])
    client = world.client()
    await _trip(world, client)
    world.clock.advance(10.0)
    probe = asyncio.ensure_future(client.chat("?", **BARE))
    await world.clock.settle()
    with pytest.raises(CircuitOpenError, match="as soon as the probe"):
        await client.chat("?", **BARE)
    probe.cancel()
    await asyncio.wait({probe})
    assert (await world.clock.run(client.chat("?", **BARE))).text == "back"


async def test_a_probe_whose_stream_nobody_reads_does_not_lock_the_route() -> None:
    world = World(a=[DEAD, DEAD, events(piece("token"), HOLD), whole("back")])
    client = world.client()
    await _trip(world, client)
    world.clock.advance(10.0)
    stream = client.stream("?", **BARE)
    await world.clock.run(anext(stream))  # type: ignore[arg-type]
    with pytest.raises(CircuitOpenError, match="at the latest in 10 s"):
        await client.chat("?", **BARE)
    world.clock.advance(10.0)
    assert (await world.clock.run(client.chat("?", **BARE))).text == "back"
    await stream.aclose()


async def test_a_call_that_was_refused_for_want_of_a_ledger_proves_nothing(tmp_path: Path) -> None:
    world = World(a=whole())
    (tmp_path / "no directory").write_text("")
    client = world.client(ledger={"dir": str(tmp_path / "no directory")})
    client.assembly.circuits["a/m"] = Circuit("open", 1, world.clock.now(), "down")
    world.clock.advance(10.0)
    with pytest.raises(LedgerError):
        await world.clock.run(client.chat("?", **BARE))
    assert client.assembly.circuits["a/m"].state == "half_open"
    assert client.assembly.circuits["a/m"].probing == ()
    assert world.asked == []
    await client.aclose()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_the_callers_mistakes_never_open_it(status: int) -> None:
    world = World(a=error(status))
    client = world.client()
    for _ in range(50):
        with pytest.raises(Fault):
            await world.clock.run(client.chat("?", **BARE))
    assert len(world.asked) == 50
    assert client.assembly.circuits["a/m"].state == "closed"


async def test_sustained_429s_open_it() -> None:
    world = World(a=error(429))
    client = world.client()
    for _ in range(4):
        with pytest.raises(Fault):
            await world.clock.run(client.chat("?", **BARE))
    assert len(world.asked) == 4
    with pytest.raises(CircuitOpenError):
        await world.clock.run(client.chat("?", **BARE))


async def test_streams_that_break_count_though_they_cannot_be_retried() -> None:
    world = World(a=events(piece("half an ans")))
    client = world.client()
    for _ in range(2):
        with pytest.raises(StreamCutError):
            await world.clock.run(client.stream("?", breaker=QUICK).reply())
    with pytest.raises(CircuitOpenError):
        await world.clock.run(client.stream("?", breaker=QUICK).reply())


async def test_streams_that_their_reader_leaves_do_not_count() -> None:
    world = World(a=events(piece("one"), piece("two"), HOLD))
    client = world.client()
    for _ in range(20):
        stream = client.stream("?", **BARE)
        await world.clock.run(anext(stream))  # type: ignore[arg-type]
        await stream.aclose()
    assert client.assembly.circuits["a/m"].state == "closed"
    assert {asked.ended for asked in world.asked} == {"aborted"}


async def test_without_breaker_a_dead_route_is_asked_every_time() -> None:
    world = World(a=DEAD)
    client = world.client(defaults={"breaker": False})
    for _ in range(20):
        with pytest.raises(OverloadedError):
            await world.clock.run(client.chat("?", retry=False))
    assert len(world.asked) == 20
    assert client.assembly.circuits == {}


async def test_an_alarm_is_no_outage(caplog: pytest.LogCaptureFixture) -> None:
    world = World(a=error(401, "bad key"), b=whole("from b"))
    with caplog.at_level(logging.ERROR, "seawall"):
        reply = await world.ask(breaker=QUICK)
    assert reply.text == "from b"
    assert "check the key" in caplog.text
    with pytest.raises(AuthenticationError):
        await World(a=error(401)).ask()


async def test_a_stream_that_ends_well_closes_it() -> None:
    world = World(a=[DEAD, DEAD, events(piece("fine"), finish())])
    client = world.client()
    await _trip(world, client)
    world.clock.advance(10.0)
    await world.clock.run(client.stream("?", **BARE).reply())
    assert client.assembly.circuits["a/m"].state == "closed"
