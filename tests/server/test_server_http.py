"""The server's HTTP, to the byte: what is served, what is refused, and what stays open."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import struct
from collections.abc import AsyncGenerator

import pytest
from server_raw import GET, HOST, connect, echo, post

from seawall.server import Break, Head, Limits, Request, Server, Step


async def test_a_request_and_its_reply_and_another_on_the_same_connection() -> None:
    async with Server(echo) as server, connect(server) as raw:
        status, headers, body = await raw.ask(post(b"hello", b"/v1/x?y=1"))
        assert (status, body) == (200, b"POST /v1/x?y=1 hello")
        assert headers["content-type"] == "text/plain"
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", headers["date"])
        assert "connection" not in headers
        assert (await raw.ask(GET))[2] == b"GET / "


async def test_bytes_may_come_one_by_one() -> None:
    async with Server(echo) as server, connect(server) as raw:
        for byte in post(b"slow"):
            await raw.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await raw.reply())[2] == b"POST / slow"


async def test_chunked_requests_are_joined_and_trailers_passed_over() -> None:
    head = b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n"
    async with Server(echo) as server, connect(server) as raw:
        body = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\ntrailer: no\r\n\r\n"
        assert (await raw.ask(head + body))[2] == b"POST / abcde"
        assert (await raw.ask(GET))[2] == b"GET / "


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with Server(echo) as server, connect(server) as raw:
        await raw.send(b"".join(post(b"%d" % n) for n in range(50)))
        assert [(await raw.reply())[2] for _ in range(50)] == [b"POST / %d" % n for n in range(50)]


async def test_a_body_without_a_length_is_chunked_and_comes_as_it_is_made() -> None:
    more = asyncio.Event()

    async def handler(request: Request) -> AsyncGenerator[Step, None]:
        yield Head(200)
        yield b"first"
        await more.wait()
        yield b""
        yield b"second"

    async with Server(handler) as server, connect(server) as raw:
        await raw.send(GET)
        status, headers = await raw.head()
        assert (status, headers["transfer-encoding"]) == (200, "chunked")
        chunks = raw.chunks()
        assert await anext(chunks) == b"first"
        more.set()
        assert [piece async for piece in chunks] == [b"second"]
        assert (await raw.ask(GET))[2] == b"firstsecond"


async def test_old_clients_get_a_body_that_ends_with_the_connection() -> None:
    async def handler(request: Request) -> AsyncGenerator[Step, None]:
        yield Head(200)
        yield b"old"

    async with Server(handler) as server, connect(server) as raw:
        status, headers, body = await raw.ask(b"GET / HTTP/1.0\r\n\r\n")
        assert (status, headers["connection"], body) == (200, "close", b"old")
    async with Server(echo) as server, connect(server) as raw:
        kept = b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"
        assert (await raw.ask(kept))[1]["connection"] == "keep-alive"
        assert (await raw.ask(kept))[0] == 200


async def test_a_client_may_ask_for_the_last_reply() -> None:
    async with Server(echo) as server, connect(server) as raw:
        status, headers, _ = await raw.ask(GET.replace(HOST, HOST + b"connection: close\r\n"))
        assert (status, headers["connection"]) == (200, "close")
        assert await raw.ended() == b""


async def test_head_requests_and_204_have_no_body() -> None:
    async def handler(request: Request) -> AsyncGenerator[Step, None]:
        if request.method == "HEAD":
            yield Head(200, (("content-length", "5"),))
            yield b"hello"
        else:
            yield Head(204)

    async with Server(handler) as server, connect(server) as raw:
        await raw.send(GET.replace(b"GET", b"HEAD"))
        status, headers = await raw.head()
        assert (status, headers["content-length"]) == (200, "5")
        await raw.send(GET)
        status, headers = await raw.head()
        assert status == 204
        assert "transfer-encoding" not in headers


async def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    async with Server(echo) as server, connect(server) as raw:
        head, _, body = post(b"large").partition(b"\r\n\r\n")
        await raw.send(head + b"\r\nexpect: 100-continue\r\n\r\n")
        assert await raw.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await raw.ask(body))[2] == b"POST / large"


async def test_an_offer_to_speak_something_else_is_passed_over() -> None:
    offer = HOST + b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\n"
    asked = post(b"x").replace(HOST, offer)
    async with Server(echo) as server, connect(server) as raw:
        assert (await raw.ask(asked))[2] == b"POST / x"
        await raw.send(asked * 3)
        assert [(await raw.reply())[2] for _ in range(3)] == [b"POST / x"] * 3
        for byte in asked:
            await raw.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await raw.reply())[2] == b"POST / x"


SMALL = Limits(header_bytes=1000, headers=10, body_bytes=100)
CHUNKED = b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n"
REFUSED = {
    "no http": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "http/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "two lengths": (post(b"x").replace(HOST, HOST + b"content-length: 2\r\n"), 400),
    "length and chunks": (post(b"x").replace(HOST, HOST + b"transfer-encoding: chunked\r\n"), 400),
    "no host": (GET.replace(HOST, b""), 400),
    "two hosts": (GET.replace(HOST, HOST + HOST), 400),
    "a bare line feed": (b"GET / HTTP/1.1\nhost: h\n\n", 400),
    "a long header": (GET.replace(HOST, HOST + b"x: " + b"y" * 2000 + b"\r\n"), 431),
    "an endless header": (b"GET / HTTP/1.1\r\nx: ", 431),
    "an endless target": (b"GET /", 431),
    "many headers": (GET.replace(HOST, HOST + b"".join(b"x%d: y\r\n" % n for n in range(20))), 431),
    "a large body": (post(b"x" * 101), 413),
    "a large promise": (post(b"").replace(b"length: 0", b"length: 999999999999"), 413),
    "an absurd promise": (post(b"").replace(b"length: 0", b"length: 99999999999999999999"), 400),
    "large chunks": (CHUNKED + b"65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n", 413),
    "endless extensions": (CHUNKED + b"1;", 400),
    "a tunnel": (b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "a strange expectation": (GET.replace(HOST, HOST + b"expect: cake\r\n"), 417),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_served_is_told_why_and_closed(name: str) -> None:
    data, expected = REFUSED[name]
    async with Server(echo, SMALL) as server, connect(server) as raw:
        await raw.send(data)
        if "endless" in name:
            for _ in range(12):
                await asyncio.sleep(0.001)
                await raw.send(b"z" * 200)
        status, headers, body = await raw.reply()
        assert (status, headers["connection"]) == (expected, "close"), body
        assert len(body) > 10
        assert await raw.ended() == b""


async def test_what_came_before_the_refused_is_answered_first() -> None:
    async with Server(echo) as server, connect(server) as raw:
        await raw.send(GET + b"nonsense\r\n\r\n")
        assert (await raw.reply())[0] == 200
        assert (await raw.reply())[0] == 400


async def test_a_refusal_can_be_read_though_the_client_is_still_sending() -> None:
    async with Server(echo, Limits(body_bytes=1000)) as server, connect(server) as raw:
        await raw.send(post(b"").replace(b"length: 0", b"length: 9000000"))
        for _ in range(20):
            await raw.send(b"x" * 50_000)
        status, _, body = await raw.reply()
        assert (status, body) == (413, b"the body is larger than 1000 bytes\n")


async def test_a_request_that_takes_too_long_is_given_up_and_so_is_silence() -> None:
    async with Server(echo, Limits(request_seconds=0.05)) as server, connect(server) as raw:
        await raw.send(GET[:-1])
        assert (await raw.reply())[0] == 408
    async with Server(echo, Limits(idle_seconds=0.05)) as server, connect(server) as raw:
        assert await raw.ended() == b""
    async with Server(echo, Limits(idle_seconds=0.05)) as server, connect(server) as raw:
        assert (await raw.ask(GET))[0] == 200
        assert await raw.ended() == b""


async def test_connections_are_counted() -> None:
    async with Server(echo, Limits(connections=1)) as server, connect(server) as first:
        assert (await first.ask(GET))[0] == 200
        async with connect(server) as second:
            assert (await second.reply())[0] == 503
        assert (await first.ask(GET))[0] == 200


async def test_a_reply_that_breaks_is_seen_to_break() -> None:
    async def handler(request: Request) -> AsyncGenerator[Step, None]:
        if request.path == "/early":
            yield Break.RESET
        yield Head(200)
        yield b"half"
        await asyncio.sleep(0.01)
        yield Break.RESET if request.path == "/reset" else Break.CLOSE

    async with Server(handler) as server:
        async with connect(server) as raw:
            await raw.send(GET.replace(b"/ ", b"/early "))
            with pytest.raises(ConnectionResetError):
                await raw.ended()
        async with connect(server) as raw:
            await raw.send(GET)
            assert (await raw.ended()).endswith(b"\r\n\r\n4\r\nhalf\r\n")
        async with connect(server) as raw:
            await raw.send(GET.replace(b"/ ", b"/reset "))
            await raw.head()
            assert await anext(raw.chunks()) == b"half"
            with pytest.raises(ConnectionResetError):
                await raw.ended()


Bad = list[tuple[str, list[Step | Exception]]]
BAD: Bad = [
    ("nothing", []),
    ("raises", [RuntimeError("oops")]),
    ("no head", [b"body"]),
    ("interim", [Head(101)]),
    ("injects", [Head(200, (("x", "a\r\nset-cookie: b"),))]),
    ("a bad name", [Head(200, (("x y", "a"),))]),
]
CUT: Bad = [
    ("raises late", [Head(200), b"half", RuntimeError("oops")]),
    ("short", [Head(200, (("content-length", "5"),)), b"half"]),
    ("long", [Head(200, (("content-length", "3"),)), b"half"]),
    ("two heads", [Head(200), Head(200)]),
]


@pytest.mark.parametrize(("name", "steps"), [*BAD, *CUT], ids=lambda value: str(value)[:20])
async def test_a_handler_that_fails_never_looks_like_one_that_answered(
    name: str, steps: list[Step | Exception], caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(request: Request) -> AsyncGenerator[Step, None]:
        for step in steps:
            if isinstance(step, Exception):
                raise step
            yield step
            await asyncio.sleep(0.001)

    async with Server(handler) as server, connect(server) as raw:
        await raw.send(GET)
        if (name, steps) in BAD:
            assert (await raw.reply())[0] == 500
            assert await raw.ended() == b""
        else:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
                await raw.reply()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "the answer to GET / failed" in caplog.text


async def test_a_client_that_leaves_cancels_the_handler() -> None:
    left: list[str] = []

    async def handler(request: Request) -> AsyncGenerator[Step, None]:
        yield Head(200)
        yield b"x"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            left.append(request.path)
            gone.set()
            raise

    gone = asyncio.Event()
    async with Server(handler) as server:
        for path, how in ((b"/closes ", "close"), (b"/resets ", "abort")):
            gone.clear()
            async with connect(server) as raw:
                await raw.send(GET.replace(b"/ ", path))
                await raw.head()
                if how == "close":
                    raw.writer.close()
                else:
                    sock: socket.socket = raw.writer.get_extra_info("socket")
                    linger = struct.pack("ii", 1, 0)
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    raw.writer.transport.abort()
                await asyncio.wait_for(gone.wait(), 5)
    assert left == ["/closes", "/resets"]


async def test_nothing_is_made_that_nobody_reads() -> None:
    made = 0

    async def handler(request: Request) -> AsyncGenerator[Step, None]:
        nonlocal made
        yield Head(200)
        for _ in range(1000):
            made += 1
            yield b"x" * 65536

    async with Server(handler) as server, connect(server) as raw:
        await raw.send(GET)
        await raw.head()
        before = -1
        while before != made:
            before = made
            await asyncio.sleep(0.05)
        assert made < 300, "64 KB each: the socket's buffers and ours, not all of them"
        assert sum([len(piece) async for piece in raw.chunks()]) == 1000 * 65536


async def test_nothing_is_read_that_nobody_answers() -> None:
    go = asyncio.Event()

    async def handler(request: Request) -> AsyncGenerator[Step, None]:
        await go.wait()
        yield Head(204)

    async with Server(handler) as server, connect(server) as raw:
        flood = post(b"x" * 50_000) * 20
        sending = asyncio.create_task(raw.send(flood * 20))
        await asyncio.sleep(0.1)
        assert not sending.done(), "20 MB of requests were taken while none was answered"
        go.set()
        for _ in range(400):
            assert (await raw.head())[0] == 204
        await sending


async def test_stopping_lets_replies_end_and_then_cuts_them() -> None:
    go = asyncio.Event()

    async def handler(request: Request) -> AsyncGenerator[Step, None]:
        yield Head(200, (("content-length", "4"),))
        if request.path == "/waits":
            await go.wait()
        else:
            await asyncio.Event().wait()
        yield b"done"

    server = Server(handler)
    await server.start()
    async with connect(server) as idle, connect(server) as waits, connect(server) as never:
        await waits.send(GET.replace(b"/ ", b"/waits "))
        await never.send(GET)
        await asyncio.gather(waits.head(), never.head())
        stopping = asyncio.create_task(server.stop(grace=0.3))
        assert await idle.ended() == b""
        with pytest.raises(ConnectionRefusedError):
            async with connect(server):
                pass
        go.set()
        assert await waits.ended() == b"done"
        assert not stopping.done()
        assert await never.ended() == b""
        await stopping


async def test_an_address_that_is_taken_is_an_error() -> None:
    async with Server(echo) as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(OSError, match="address already in use"):
            await Server(echo).start(port=port)
    with pytest.raises(RuntimeError, match="not been started"):
        _ = Server(echo).url


async def test_ipv6() -> None:
    server = Server(echo)
    try:
        await server.start(host="::1")
    except OSError:
        pytest.skip("there is no IPv6 here")
    assert server.url.startswith("http://[::1]:")
    async with connect(server) as raw:
        assert (await raw.ask(GET))[0] == 200
    await server.stop()
