"""Circuits shared through a real Redis: between processes, and when that Redis dies or hangs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pybreaker import (
    STATE_CLOSED,
    STATE_OPEN,
    CircuitBreaker,
    CircuitBreakerListener,
    CircuitRedisStorage,
)
from redis_server import MISSING, RedisServer, redis_server

from layers.layers_world import Answer, World, error, whole
from seawall import CircuitOpenError, OverloadedError
from seawall.layers.bridges.pybreaker import PATIENCE

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

DOWN = error(503, "down")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as running:
        yield running


def _breaker(server: RedisServer, fallback: str = STATE_CLOSED, **options: Any) -> CircuitBreaker:
    """A breaker of its own on the circuit ``wall``, as another process would have."""
    storage = CircuitRedisStorage(
        STATE_CLOSED, server.client(), namespace="wall", fallback_circuit_state=fallback
    )
    return CircuitBreaker(**{"fail_max": 2, "state_storage": storage, **options})


def _elapse(server: RedisServer) -> None:
    """Let the ``reset_timeout`` pass: it counts from a moment that Redis keeps."""
    with server.client() as client:
        client.set("wall:pybreaker:opened_at", 1)


async def _ask(world: World, breaker: CircuitBreaker, **more: Any) -> Any:
    return await world.clock.run(world.client().chat("?", retry=False, breaker=breaker, **more))


async def _fail(world: World, breaker: CircuitBreaker) -> OverloadedError:
    with pytest.raises(OverloadedError) as got:
        await _ask(world, breaker)
    return got.value


async def test_those_who_share_it_share_the_circuit(server: RedisServer) -> None:
    one, other = _breaker(server), _breaker(server)
    world = World(a=[DOWN, DOWN, whole()])
    for each in (one, other):
        fault = await _fail(world, each)
        assert fault.decision.notes == []
    # What a call told counts when it returns: nobody waits for it here.
    assert one.current_state == other.current_state == "open"
    with pytest.raises(CircuitOpenError) as got:
        await _ask(world, one)
    assert 50 < got.value.after <= 60  # type: ignore[operator]
    assert len(world.asked) == 2
    _elapse(server)
    assert (await _ask(world, other)).text == "fine"
    await _settled(one, "closed")
    assert (await _ask(world, one)).text == "fine"


async def _settled(breaker: CircuitBreaker, state: str) -> None:
    until = time.monotonic() + 5
    while breaker.current_state != state:
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


async def test_the_event_loop_is_not_held_up(server: RedisServer) -> None:
    class Slow(CircuitBreakerListener):
        def before_call(self, cb: Any, func: Any, *args: Any, **kwargs: Any) -> None:
            time.sleep(0.2)

    breaker = _breaker(server, listeners=[Slow()])
    longest = await _longest_pause(_ask(World(a=whole()), breaker))
    assert longest < 0.15


async def _longest_pause(work: Any) -> float:
    """The longest time for which the loop did nothing else while ``work`` ran."""
    task = asyncio.ensure_future(work)
    longest, last = 0.0, time.monotonic()
    while not task.done():
        await asyncio.sleep(0.005)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    await task
    return longest


async def test_a_process_that_ends_at_once_has_told(server: RedisServer) -> None:
    script = f"""
import asyncio
from pybreaker import CircuitBreaker, CircuitRedisStorage
from redis import Redis
from seawall import AsyncSeawall, Fault
from seawall.transports.memory import Memory

breaker = CircuitBreaker(
    fail_max=9, state_storage=CircuitRedisStorage("closed", Redis(port={server.port}), "wall")
)
event = b'data: {{"choices": [{{"index": 0, "delta": {{"content": "half"}}}}]}}\\n\\n'
transport = Memory(lambda asked: (200, {{"content-type": "text/event-stream"}}, event))
client = AsyncSeawall(
    vendors={{"wall": {{"base_url": "http://wall.test"}}}}, model="wall/m", ledger=False,
    transports={{"http": transport}},
)

async def main():
    try:
        await client.stream("?", breaker=breaker).reply()
    except Fault as fault:
        print(fault.kind)

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout, done.stderr) == ("stream_cut\n", "")
    assert _breaker(server).fail_counter == 1


async def test_of_many_calls_at_once_only_one_probes(server: RedisServer) -> None:
    breaker = _breaker(server)
    world = World(a=[DOWN, DOWN, whole(after=5.0)])
    for _ in range(2):
        await _fail(world, breaker)
    _elapse(server)
    client = world.client()
    calls = [client.chat("?", retry=False, breaker=breaker) for _ in range(20)]
    done = await world.clock.run(_all(calls))
    assert sum(isinstance(each, CircuitOpenError) for each in done) == 19
    await _settled(breaker, "closed")


async def _all(calls: Any) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize("fallback", [STATE_CLOSED, STATE_OPEN])
async def test_a_redis_that_died_takes_no_call_down(
    server: RedisServer, fallback: str, caplog: pytest.LogCaptureFixture
) -> None:
    breaker = _breaker(server, fallback)
    world = World(a=whole())
    assert (await _ask(world, breaker)).decision.notes == []
    server.stop()
    begun = time.monotonic()
    with caplog.at_level(logging.CRITICAL, "asyncio"):
        replies = [await _ask(world, breaker) for _ in range(4)]
    assert time.monotonic() - begun < 4 * PATIENCE + 1
    for reply in replies:
        (note,) = reply.decision.notes
        assert note.startswith("a/m: the call went on without its circuit breaker: ")
        assert "did not answer within 0.5 s" in note or "Error" in note
    server.start()
    await _guarded_again(world, breaker)


async def _guarded_again(world: World, breaker: CircuitBreaker) -> None:
    until = time.monotonic() + 30
    while (await _ask(world, breaker)).decision.notes:
        assert time.monotonic() < until
        await asyncio.sleep(0.1)


async def test_a_redis_that_refuses_is_named(server: RedisServer) -> None:
    breaker = _breaker(server)
    world = World(a=whole())
    await _ask(world, breaker)
    with server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "default", "-get")
        (note,) = (await _ask(world, breaker)).decision.notes
        assert "without its circuit breaker: NoPermissionError: " in note
        admin.execute_command("ACL", "SETUSER", "default", "+get")
    assert (await _ask(world, breaker)).decision.notes == []


async def test_a_redis_that_hangs_holds_up_neither_calls_nor_the_loop(server: RedisServer) -> None:
    breaker = _breaker(server)
    world = World(a=whole())
    await _ask(world, breaker)
    server.freeze()
    try:
        begun = time.monotonic()
        longest = await _longest_pause(_several(world, breaker, 20))
        took = time.monotonic() - begun
    finally:
        server.thaw()
    assert longest < 0.3
    assert took < 2 * PATIENCE + 1  # the first wait for it, those after them do not
    await _guarded_again(world, breaker)


async def _several(world: World, breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        (note,) = (await _ask(world, breaker)).decision.notes
        assert "did not answer within 0.5 s" in note


async def test_ends_are_kept_while_it_hangs(server: RedisServer) -> None:
    """Calls that were let through before count once it is back."""
    breaker = _breaker(server)
    world = World(a=[Answer(status=503, after=1.0)])
    client = world.client()
    calls = [client.chat("?", retry=False, breaker=breaker) for _ in range(2)]
    flying = asyncio.gather(*calls, return_exceptions=True)
    while len(world.asked) < 2:
        await asyncio.sleep(0.01)
    server.freeze()
    try:
        begun = time.monotonic()
        world.clock.advance(1.0)
        done = await flying
        assert time.monotonic() - begun < 2 * PATIENCE + 1
    finally:
        server.thaw()
    assert [type(each) for each in done] == [OverloadedError] * 2
    await _settled(breaker, "open")


async def test_a_call_that_is_cancelled_while_it_waits_frees_its_place(server: RedisServer) -> None:
    breaker = _breaker(server)
    world = World(a=[DOWN, DOWN, whole("back")])
    for _ in range(2):
        await _fail(world, breaker)
    _elapse(server)
    server.freeze()
    try:
        probe = asyncio.ensure_future(world.client().chat("?", retry=False, breaker=breaker))
        await asyncio.sleep(0.1)
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe
    finally:
        server.thaw()
    await _settled(breaker, "half-open")
    until = time.monotonic() + 5
    while breaker.current_state != "closed":
        assert time.monotonic() < until
        with contextlib.suppress(CircuitOpenError):  # its place is given back just now
            assert (await _ask(world, breaker)).text == "back"
        await asyncio.sleep(0.01)
