"""Which connection carries which call, and when one is closed."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from http_peer import CHUNKED, OK, Peer, Visit, answers, body, once, outbound, peer

from seawall.errors import ClosedError, ConnectionFault, TimeoutFault
from seawall.transports.http import Http, Limits


async def test_calls_share_a_connection() -> None:
    async with peer(answers(OK)) as server:
        http = Http(environ={})
        for _ in range(5):
            assert await body(await http(outbound(server.url))) == b"ok"
        assert len(server.visits) == 1
        await http.aclose()


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nok",
        OK + b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong",
        OK + b"H",
        OK + b"\x00",
        OK + OK,
    ],
    ids=[
        "connection: close",
        "http 1.0",
        "kept for a second",
        "a reply nobody asked for",
        "its first byte",
        "garbage",
        "the same again",
    ],
)
async def test_a_connection_that_may_not_be_used_again_is_not(reply: bytes) -> None:
    async with peer(answers(reply)) as server:
        http = Http(environ={})
        for _ in range(3):
            assert await body(await http(outbound(server.url))) == b"ok"
        assert len(server.visits) == 3
        await http.aclose()


async def test_http_1_0_keeps_alive_when_it_says_so() -> None:
    reply = b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok"
    async with peer(answers(reply)) as server:
        http = Http(environ={})
        for _ in range(3):
            assert await body(await http(outbound(server.url))) == b"ok"
        assert len(server.visits) == 1
        await http.aclose()


async def test_bytes_on_an_idle_connection_close_it() -> None:
    smuggled = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        if visit.number == 1:
            await smuggled.wait()
            await visit.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong")
        await visit.ended()
        ended.set()

    ended = asyncio.Event()
    async with peer(script) as server:
        http = Http(environ={})
        assert await body(await http(outbound(server.url))) == b"ok"
        smuggled.set()
        await ended.wait()
        assert await body(await http(outbound(server.url))) == b"ok"
        assert len(server.visits) == 2
        await http.aclose()


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("size", [2, 3_000_000])
async def test_a_stale_connection_is_replaced_unseen(how: str, size: int) -> None:
    """The server takes the second request on the old connection and drops it unanswered."""
    bodies: list[bytes] = []

    async def script(visit: Visit) -> None:
        _, _, sent = await visit.request()
        bodies.append(sent)
        await visit.send(OK)
        if visit.number == 1:
            await visit.reader.readuntil(b"\r\n\r\n")
            if how == "reset":
                visit.reset()
            return
        await visit.ended()

    async with peer(script) as server:
        http = Http(environ={})
        assert await body(await http(outbound(server.url))) == b"ok"
        assert await body(await http(outbound(server.url, body=b"x" * size))) == b"ok"
        assert len(server.visits) == 2
        assert bodies == [b"{}", b"x" * size]
        await http.aclose()


async def test_a_server_that_dies_over_a_request_is_not_asked_again_unseen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What closes long after it was asked did not cross the request: it was at work on it."""
    monkeypatch.setattr("seawall.transports.http.connection.CROSSED_SECONDS", 0.05)

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        if visit.number == 1:
            await visit.request()
            await asyncio.sleep(0.2)
            visit.reset()

    async with peer(script) as server:
        http = Http(environ={})
        await body(await http(outbound(server.url)))
        with pytest.raises(ConnectionFault, match="before a reply"):
            await http(outbound(server.url))
        assert len(server.visits) == 1
        await http.aclose()


async def test_a_replacement_that_fails_too_is_a_fault() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        if visit.number == 1:
            await visit.send(OK)
            await visit.request()

    async with peer(script) as server:
        http = Http(environ={})
        await body(await http(outbound(server.url)))
        with pytest.raises(ConnectionFault, match="before a reply"):
            await http(outbound(server.url))
        assert len(server.visits) == 2
        await http.aclose()


async def test_a_reply_that_began_is_never_asked_for_again() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        await visit.request()
        await visit.send(b"H")

    async with peer(script) as server:
        http = Http(environ={})
        await body(await http(outbound(server.url)))
        with pytest.raises(ConnectionFault):
            await http(outbound(server.url))
        assert len(server.visits) == 1
        await http.aclose()


async def test_a_new_connection_that_closes_is_not_asked_again() -> None:
    async with peer(once(b"")) as server:
        http = Http(environ={})
        with pytest.raises(ConnectionFault):
            await http(outbound(server.url))
        assert len(server.visits) == 1
        await http.aclose()


async def test_a_stale_connection_keeps_its_place_for_the_replacement() -> None:
    """With one place and another call in the queue, both are answered in turn."""

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        if visit.number > 1:
            while True:
                await visit.request()
                await visit.send(OK)
        await visit.request()

    async with peer(script) as server:
        http = Http(Limits(connections=1), environ={})
        await body(await http(outbound(server.url)))

        async def ask() -> bytes:
            return await body(await http(outbound(server.url)))

        assert await asyncio.gather(ask(), ask(), ask()) == [b"ok"] * 3
        assert len(server.visits) == 2
        await http.aclose()


async def test_calls_beyond_the_limit_wait_in_turn() -> None:
    asked: list[str] = []

    async def script(visit: Visit) -> None:
        while True:
            first, _, _ = await visit.request()
            asked.append(first.split()[1])
            await asyncio.sleep(0)
            await visit.send(OK)

    async with peer(script) as server:
        http = Http(Limits(connections=1), environ={})

        async def ask(n: int) -> None:
            assert await body(await http(outbound(f"{server.url}/{n}"))) == b"ok"

        await asyncio.gather(*[ask(n) for n in range(20)])
        assert len(server.visits) == 1
        assert asked == [f"/v1/chat/{n}" for n in range(20)]
        await http.aclose()


async def test_the_first_calls_of_a_loop_share_its_pool() -> None:
    async with peer(answers(OK)) as server:
        http = Http(Limits(connections=2), environ={})

        async def ask() -> bytes:
            return await body(await http(outbound(server.url)))

        assert await asyncio.gather(*[ask() for _ in range(20)]) == [b"ok"] * 20
        assert len(server.visits) == 2
        await http.aclose()


async def test_waiting_for_a_connection_has_an_end() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.ended()

    async with peer(script) as server:
        http = Http(Limits(connections=1, pool_timeout=0.05), environ={})
        first = asyncio.create_task(http(outbound(server.url)))
        while not server.visits:
            await asyncio.sleep(0.001)
        with pytest.raises(TimeoutFault) as caught:
            await http(outbound(server.url))
        assert (caught.value.phase, caught.value.seconds) == ("pool", 0.05)
        first.cancel()
        await asyncio.wait([first])
        await http.aclose()


async def test_a_cancelled_call_closes_its_connection_and_frees_its_place() -> None:
    ended = asyncio.Event()
    asked = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        if visit.number == 1:
            asked.set()
            await visit.ended()
            ended.set()
        else:
            await visit.send(OK)

    async with peer(script) as server:
        http = Http(Limits(connections=1), environ={})
        first = asyncio.create_task(http(outbound(server.url)))
        await asked.wait()
        second = asyncio.create_task(http(outbound(server.url)))
        await asyncio.sleep(0)
        first.cancel()
        assert await body(await second) == b"ok"
        await ended.wait()
        assert first.cancelled()
        await http.aclose()


async def test_cancelling_at_any_moment_never_loses_a_place() -> None:
    """Calls are cancelled after every possible number of turns of the loop, over one place."""
    async with peer(answers(OK)) as server:
        http = Http(Limits(connections=1), environ={})

        async def ask() -> bytes:
            return await body(await http(outbound(server.url)))

        for turns in range(40):
            tasks = [asyncio.create_task(ask()) for _ in range(3)]
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert results[1] == b"ok"
        assert await ask() == b"ok"
        await http.aclose()


async def test_idle_connections_expire() -> None:
    ended = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        await visit.ended()
        ended.set()

    async with peer(script) as server:
        http = Http(Limits(idle_seconds=0.05), environ={})
        await body(await http(outbound(server.url)))
        await ended.wait()
        assert await body(await http(outbound(server.url))) == b"ok"
        assert len(server.visits) == 2
        await http.aclose()


async def test_no_more_idle_connections_are_kept_than_allowed() -> None:
    left = 0
    both = asyncio.Barrier(3)

    async def script(visit: Visit) -> None:
        nonlocal left
        await visit.request()
        await both.wait()
        await visit.send(OK)
        await visit.ended()
        left += 1

    async with peer(script) as server:
        http = Http(Limits(idle=1), environ={})

        async def ask() -> bytes:
            return await body(await http(outbound(server.url)))

        assert await asyncio.gather(ask(), ask(), ask()) == [b"ok"] * 3
        while left < 2:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        assert left == 2
        await http.aclose()


async def test_a_released_stream_gives_its_connection_back() -> None:
    """The end mark was read; the last chunk comes a moment later."""
    done = asyncio.Event()

    async def script(visit: Visit) -> None:
        while True:
            await visit.request()
            await visit.send(CHUNKED + b"e\r\ndata: [DONE]\n\n\r\n")
            await done.wait()
            await visit.send(b"6\r\n: bye\n\r\n0\r\n\r\n")

    async with peer(script) as server:
        http = Http(Limits(connections=1), environ={})
        for _ in range(3):
            done.clear()
            inbound = await http(outbound(server.url, stream=True))
            assert await inbound.read() == b"data: [DONE]\n\n"
            inbound.release()
            inbound.release()
            done.set()
            await asyncio.sleep(0.01)
            assert await inbound.read() == b""
        assert len(server.visits) == 1
        await http.aclose()


@pytest.mark.parametrize("rest", ["long", "late", "until close"])
async def test_a_released_stream_that_goes_on_is_closed(
    rest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seawall.transports.http.connection.DRAIN_SECONDS", 0.05)
    ended = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(b"HTTP/1.1 200 OK\r\n\r\nx" if rest == "until close" else CHUNKED)
        with suppress(ConnectionError):
            while rest == "long":
                await visit.send(b"400\r\n" + b"x" * 1024 + b"\r\n")
        await visit.ended()
        ended.set()

    async with peer(script) as server:
        http = Http(environ={})
        inbound = await http(outbound(server.url, stream=True))
        inbound.release()
        await ended.wait()
        await http.aclose()


async def test_abort_wakes_a_pending_read_with_its_fault() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(CHUNKED)
        await visit.ended()
        ended.set()

    ended = asyncio.Event()
    async with peer(script) as server:
        http = Http(environ={})
        inbound = await http(outbound(server.url, stream=True))
        reading = asyncio.create_task(inbound.read())
        await asyncio.sleep(0)
        fault = TimeoutFault("idle", 1.0)
        inbound.abort(fault)
        inbound.abort(ConnectionFault("later"))
        for attempt in (reading, inbound.read()):
            with pytest.raises(TimeoutFault) as caught:
                await attempt
            assert caught.value is fault
        await ended.wait()
        await http.aclose()


async def test_abort_after_the_end_does_not_touch_the_next_call() -> None:
    replied = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        await visit.request()
        await replied.wait()
        await visit.send(OK)
        await visit.ended()

    async with peer(script) as server:
        http = Http(environ={})
        first = await http(outbound(server.url))
        assert await body(first) == b"ok"
        second = asyncio.create_task(http(outbound(server.url)))
        await asyncio.sleep(0.01)
        first.abort()
        first.release()
        replied.set()
        assert await body(await second) == b"ok"
        assert len(server.visits) == 1
        await http.aclose()


async def test_abort_from_another_thread() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(CHUNKED)
        await visit.ended()

    async with peer(script) as server:
        http = Http(environ={})
        inbound = await http(outbound(server.url, stream=True))
        threading.Timer(0.01, inbound.abort).start()
        with pytest.raises(ConnectionFault, match="given up"):
            await inbound.read()
        await http.aclose()


async def test_closing_ends_calls_under_way_and_waiting() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(CHUNKED + b"1\r\nx\r\n")
        await visit.ended()

    async with peer(script) as server:
        http = Http(Limits(connections=1), environ={})
        inbound = await http(outbound(server.url, stream=True))
        assert await inbound.read() == b"x"
        waiting = asyncio.create_task(http(outbound(server.url)))
        await asyncio.sleep(0)
        await http.aclose()
        with pytest.raises(ConnectionFault, match="closed here"):
            await inbound.read()
        with pytest.raises(ClosedError):
            await waiting
        again = await http(outbound(server.url, stream=True))
        assert await again.read() == b"x"
        again.abort()
        await http.aclose()


async def test_2000_calls_leave_nothing_behind() -> None:
    before = {id(it) for it in _living()}  # clients of other tests may still have theirs
    async with peer(answers(OK)) as server:
        http = Http(Limits(connections=16), environ={})

        async def worker(n: int) -> None:
            for turn in range(50):
                if turn % 10 == n % 10:
                    task = asyncio.create_task(http(outbound(server.url)))
                    await asyncio.sleep(0)
                    task.cancel()
                    await asyncio.wait([task])
                    continue
                inbound = await http(outbound(server.url, stream=turn % 2 == 0))
                if turn % 7 == 0:
                    inbound.abort()
                elif turn % 5 == 0:
                    inbound.release()
                else:
                    assert await body(inbound) == b"ok"

        await asyncio.gather(*[worker(n) for n in range(40)])
        await _until(lambda: _open(server) <= 16)
        await http.aclose()
        await _until(lambda: _open(server) == 0)
        assert not [it for it in _living() if id(it) not in before]


def _open(server: Peer) -> int:
    return sum(not visit.writer.transport.is_closing() for visit in server.visits)


async def _until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.005)


def _living() -> list[object]:
    """What the transport has made and nobody has let go."""
    gc.collect()
    kinds = {"Connection", "HttpInbound", "ReplyParser", "Pool"}
    return [
        it
        for it in gc.get_objects()
        if type(it).__name__ in kinds and type(it).__module__.startswith("seawall.transports.http")
    ]
