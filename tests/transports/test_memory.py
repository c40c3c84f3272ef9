"""The memory transport behaves as a transport must."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from seawall.errors import ConnectionFault, StreamCutError, TimeoutFault
from seawall.ports import Outbound
from seawall.transports.memory import Memory

ASK = Outbound(url="http://memory/v1/chat/completions", body=b"{}")


async def test_a_whole_body_is_read_once_and_then_ends() -> None:
    memory = Memory(lambda outbound: (200, {"X-Id": "7"}, outbound.body))
    inbound = await memory(ASK)
    assert (inbound.status, inbound.headers["x-id"]) == (200, "7")
    assert [await inbound.read(), await inbound.read(), await inbound.read()] == [b"{}", b"", b""]
    assert (memory.requests, memory.open) == ([ASK], 0)


async def test_pieces_come_one_by_one_and_a_fault_among_them_is_raised_for_good() -> None:
    memory = Memory(lambda _: (200, {}, [b"a", b"", StreamCutError("cut")]))
    inbound = await memory(ASK)
    assert await inbound.read() == b"a"
    for _ in range(2):
        with pytest.raises(StreamCutError, match="cut"):
            await inbound.read()
    assert memory.open == 0


async def test_an_abort_wakes_the_reader_with_its_fault() -> None:
    async def hang() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.Event().wait()

    inbound = await Memory(lambda _: (200, {}, hang()))(ASK)
    assert await inbound.read() == b"a"
    asyncio.get_running_loop().call_soon(inbound.abort, TimeoutFault("idle", 1.0))
    with pytest.raises(TimeoutFault, match="stalled"):
        await inbound.read()
    inbound.abort()
    with pytest.raises(TimeoutFault):
        await inbound.read()


async def test_a_cancelled_reader_closes_the_reply() -> None:
    async def hang() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    memory = Memory(lambda _: (200, {}, hang()))
    inbound = await memory(ASK)
    reading = asyncio.create_task(inbound.read())
    await asyncio.sleep(0)
    assert memory.open == 1
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert memory.open == 0
    with pytest.raises(ConnectionFault):
        await inbound.read()


async def test_an_answer_may_take_its_time_or_fail() -> None:
    async def answer(outbound: Outbound) -> tuple[int, dict[str, str], bytes]:
        await asyncio.sleep(0)
        raise ConnectionFault("no route")

    with pytest.raises(ConnectionFault, match="no route"):
        await Memory(answer)(ASK)
