"""Each deadline over real sockets: its own fault, in time, and the connection is closed."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from client_upstream import (
    HOLD,
    STREAM,
    Answer,
    Upstream,
    chunk,
    piece,
    sends,
    streams,
    upstream,
)

from seawall import AsyncSeawall, Fault, OverloadedError, Seawall, TimeoutFault

#: What a fault may come later than its deadline, in seconds.
LATE = 0.25
SHORT = 0.2
BARE: Any = {"retry": False, "breaker": False}

_STATUS = b"HTTP/1.1 200 OK\r\n"
_HEAD = _STATUS + b"content-type: application/json\r\ncontent-length: 999\r\n\r\n"


def _forever(step: bytes, every: float = 0.05) -> list[Any]:
    return [step, every] * 400


def _drip(data: bytes) -> list[Any]:
    return [step for byte in data for step in (bytes([byte]), 0.05)]


CASES: dict[str, tuple[Answer, str, bool]] = {
    "no answer": (sends(HOLD), "first_byte", False),
    "no answer to a stream": (sends(HOLD), "first_byte", True),
    "a head byte by byte": (sends(*_drip(_HEAD)), "first_byte", False),
    "a head that never ends": (sends(_STATUS, *_forever(b"x: y\r\n")), "first_byte", False),
    "no body": (sends(_HEAD, HOLD), "idle", False),
    "half a body": (sends(_HEAD, b'{"choices": [', HOLD), "idle", False),
    "a body that drips": (sends(_HEAD, *_forever(b" ")), "total", False),
    "nothing after the head": (sends(STREAM, HOLD), "first_token", True),
    "a role alone": (streams(piece(role="assistant"), HOLD), "first_token", True),
    "comments before the first token": (streams(*_forever(b": ping\n\n")), "first_token", True),
    "empty pieces before the first token": (streams(*_forever(piece(""))), "first_token", True),
    "a token and nothing more": (streams(piece("x"), HOLD), "idle", True),
    "a token and half an event": (streams(piece("x"), b'data: {"cho', HOLD), "idle", True),
    "a token and comments": (streams(piece("x"), *_forever(b": ping\n\n")), "idle", True),
    "a token and an event that drips": (streams(piece("x"), *_forever(b"d")), "idle", True),
    "tokens for ever": (streams(*_forever(piece("x"))), "total", True),
    "half a chunk": (sends(STREAM, chunk(piece("x")), b"ff\r\ndata", HOLD), "idle", True),
}  # fmt: skip


@pytest.fixture
def up() -> Iterator[Upstream]:
    with upstream() as served:
        yield served


async def _timed(client: AsyncSeawall, stream: bool, **options: Any) -> tuple[TimeoutFault, float]:
    began = time.monotonic()
    ask = client.stream("?", **options).reply() if stream else client.chat("?", **options)
    with pytest.raises(TimeoutFault) as raised:
        await ask
    return raised.value, time.monotonic() - began


@pytest.mark.parametrize("name", CASES)
async def test_a_deadline_is_kept(name: str, up: Upstream) -> None:
    answer, phase, stream = CASES[name]
    up.usual = answer
    client = AsyncSeawall(**up.settings())
    took = []
    for attempt in range(3):  # a busy machine may be late once
        fault, seconds = await _timed(client, stream, deadline={phase: SHORT}, **BARE)
        assert (fault.phase, fault.seconds, fault.kind) == (phase, SHORT, "timeout")
        assert f"deadline.{phase}" in str(fault)
        assert await asyncio.to_thread(up.asked[attempt].gone.wait, 5)
        took.append(seconds)
        if seconds < SHORT + LATE:
            break
    assert SHORT * 0.9 <= min(took) < SHORT + LATE
    await client.aclose()


@pytest.mark.parametrize("name", CASES)
async def test_the_whole_call_has_a_deadline_whatever_happens_in_it(
    name: str, up: Upstream
) -> None:
    answer, _, stream = CASES[name]
    up.usual = answer
    client = AsyncSeawall(**up.settings())
    began = time.monotonic()
    fault, _ = await _timed(client, stream, deadline=SHORT, breaker=False)
    assert fault.phase == "total"
    assert time.monotonic() - began < SHORT + 3 * LATE
    await client.aclose()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_connection_has_a_deadline(scheme: str) -> None:
    """A host that does not answer the first packet, and one that does not speak TLS."""
    with socket.socket() as deaf, socket.socket() as other, socket.socket() as third:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0 if scheme == "http" else 5)
        if scheme == "http":  # its queue is full: further connections are not answered
            for filler in (other, third):
                filler.setblocking(False)
                filler.connect_ex(deaf.getsockname())
        client = AsyncSeawall(
            vendors={"wall": {"base_url": f"{scheme}://127.0.0.1:{deaf.getsockname()[1]}"}},
            model="wall/m",
            ledger=False,
        )
        for _ in range(3):
            fault, seconds = await _timed(client, False, deadline={"connect": SHORT}, **BARE)
            assert fault.phase == "connect"
            if seconds < SHORT + LATE:
                break
        assert seconds < SHORT + LATE
        await client.aclose()


async def test_an_error_whose_body_drips_is_told_in_time(up: Upstream) -> None:
    head = b"HTTP/1.1 503 x\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n"
    up.usual = sends(head, *_forever(b" "))
    client = AsyncSeawall(**up.settings())
    began = time.monotonic()
    with pytest.raises(OverloadedError):
        await client.chat("?", deadline=SHORT, **BARE)
    assert time.monotonic() - began < SHORT + 3 * LATE
    await client.aclose()


async def test_a_reply_that_is_whole_but_not_ended_is_not_waited_for(up: Upstream) -> None:
    """Neither by silence nor by comments can a server hold back a stream that has finished."""
    for tail in ([HOLD], _forever(b": ping\n\n")):
        up.usual = streams(piece("x"), piece(reason="stop"), *tail)
        client = AsyncSeawall(**up.settings())
        began = time.monotonic()
        assert (await client.stream("?", **BARE).reply()).text == "x"
        assert time.monotonic() - began < 3.0
        await client.aclose()


async def test_retries_and_routes_share_the_total(up: Upstream) -> None:
    up.usual = sends(HOLD)
    vendors = {name: {"base_url": up.url} for name in ("a", "b", "c")}
    client = AsyncSeawall(
        vendors=vendors, models={"all": {"route": ["a/m", "b/m", "c/m"]}}, model="all", ledger=False
    )
    fault, seconds = await _timed(client, False, deadline={"first_byte": 0.2, "total": 0.5})
    # The fault of the first route is the one to tell; the last was cut short by the total.
    assert fault.phase == "first_byte"
    assert seconds < 0.5 + 3 * LATE
    outcomes = [attempt.reason for attempt in fault.decision.attempts]
    assert len(outcomes) == 3
    assert "deadline.total" in outcomes[-1]
    await client.aclose()


def test_the_sync_client_keeps_them_too(up: Upstream) -> None:
    up.usual = sends(HOLD)
    with Seawall(**up.settings()) as client:
        for options in ({"deadline": SHORT}, {"deadline": {"first_byte": SHORT}}):
            began = time.monotonic()
            with pytest.raises(TimeoutFault):
                client.chat("?", **options, **BARE)
            assert time.monotonic() - began < SHORT + 3 * LATE


async def test_a_cancelled_task_is_not_taken_for_a_deadline(up: Upstream) -> None:
    up.usual = sends(HOLD)
    client = AsyncSeawall(**up.settings())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.chat("?", deadline=30, **BARE)
    with pytest.raises((TimeoutError, TimeoutFault)):  # whichever comes first
        async with asyncio.timeout(0.2):
            await client.chat("?", deadline=0.2, **BARE)
    task = asyncio.ensure_future(client.chat("?", deadline=30, **BARE))
    await asyncio.to_thread(up.wait_for, 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(Fault):
        await client.chat("?", deadline=0.1, **BARE)
    await client.aclose()
