"""Recovery through real clients, both kinds, over real sockets."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recovery_sockets import Served, served
from recovery_world import How, Model, World

from seawall import Reply, StreamCutError, TextDelta, TimeoutFault
from seawall.sinks import Ledger

PIECES = ("The ", "harbour ", "of ", "Trieste.")
TEXT = "".join(PIECES)
HOW: tuple[How, ...] = ("close", "reset", "stall", "error", "mark")


def two(how: How = "reset", prefilled: Any = "continue", **more: Any) -> World:
    """The first breaks off after two words, the second knows the text."""
    cut = Model(pieces=PIECES, cut=3, how=how, pause=0.01)
    return World(a=cut, b=Model(pieces=PIECES, prefilled=prefilled, **more), prefill=["b"])


async def eventually(true: Callable[[], bool], seconds: float = 5.0) -> None:
    due = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < due
        await asyncio.sleep(0.01)


async def read(server: Served, **options: Any) -> Reply:
    client = server.client()
    try:
        return await client.stream("?", **options).reply()
    finally:
        await client.aclose()


@pytest.mark.parametrize("prefilled", ["continue", "echo", "refuse"])
@pytest.mark.parametrize("how", HOW)
async def test_a_stream_is_taken_up_again(how: How, prefilled: str) -> None:
    with served(two(how, prefilled)) as server:
        reply = await read(server, recovery="resume")
        assert (reply.text, reply.model, reply.resumed[0].offset) == (TEXT, "b/m", 12)
        assert server.world.names() == ["a", "b"] + ["b"] * (prefilled != "continue")
        await eventually(lambda: server.open == 0)


@pytest.mark.parametrize("how", HOW)
async def test_a_stream_is_held_back(how: How) -> None:
    with served(two(how)) as server:
        reply = await read(server, recovery="hold")
        assert (reply.text, reply.model, reply.resumed) == (TEXT, "b/m", ())


async def test_unless_asked_for_it_is_not() -> None:
    with served(two()) as server:
        with pytest.raises(StreamCutError):
            await read(server)
        assert server.world.names() == ["a"]


async def test_a_reader_who_leaves_while_it_is_taken_up_leaves_no_connection() -> None:
    silent = Model(pieces=PIECES, cut=1, how="stall")
    world = World(a=Model(pieces=PIECES, cut=3), b=silent, prefill=["b"])
    with served(world) as server:
        client = server.client()
        task = asyncio.create_task(client.stream("?", recovery="resume").reply())
        await eventually(lambda: server.world.names()[-1:] == ["b"])
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(lambda: server.left == 1)
        await client.aclose()


def test_the_synchronous_client_sees_one_stream(tmp_path: Path) -> None:
    with served(two("stall", "echo")) as server:
        client = server.sync_client(defaults={"recovery": "resume"}, ledger={"dir": str(tmp_path)})
        with client.stream("?") as stream:
            texts = [event.text for event in stream if type(event) is TextDelta]
            reply = stream.reply()
        client.close()
    assert ("".join(texts), reply.text) == (TEXT, TEXT)
    assert [(r.model, r.offset, r.by) for r in reply.resumed] == [("b/m", 12, "repeat")]
    with Ledger.open(tmp_path) as ledger:
        (row,) = ledger.calls(contents=True)
    assert (row.outcome, row.model, row.attempts) == ("finished", "b/m", 3)


@pytest.mark.parametrize("recovery", ["resume", "hold"])
def test_another_thread_may_close_it(recovery: Any) -> None:
    silent = Model(pieces=PIECES, cut=1, how="stall")
    world = World(a=Model(pieces=PIECES, cut=3), b=silent, prefill=["b"])
    with served(world) as server:
        client = server.sync_client(
            defaults={"recovery": recovery, "deadline": {"first_token": 60, "idle": 60}}
        )
        stream = client.stream("?")
        raised: list[BaseException] = []

        def reads() -> None:
            try:
                stream.reply()
            except BaseException as error:
                raised.append(error)

        reader = threading.Thread(target=reads)
        reader.start()
        asyncio.run(eventually(lambda: server.world.names()[-1:] == ["b"]))
        stream.close()
        reader.join(5)
        assert [type(error) for error in raised] == [StreamCutError]
        asyncio.run(eventually(lambda: server.left == 1))
        client.close()


async def test_all_routes_silent_end_at_the_deadline() -> None:
    world = World(
        a=Model(pieces=PIECES, cut=3, how="stall"),
        b=Model(pieces=PIECES, cut=3, how="stall"),
        prefill=["b"],
    )
    with served(world) as server:
        began = time.monotonic()
        with pytest.raises(TimeoutFault):
            await read(server, recovery="resume", deadline={"idle": 5, "total": 1.0})
        assert time.monotonic() - began < 3
