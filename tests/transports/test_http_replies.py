"""Whole replies, good and bad, byte for byte."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Iterable
from typing import Any

import pytest
from http_peer import CHUNKED, OK, Visit, answers, body, once, outbound, peer

from seawall.errors import ConnectionFault, Fault, MalformedReplyError
from seawall.transports.http import Http, Limits

LOREM = b"the sea wall holds " * 4000


def _length(content: bytes, *headers: bytes) -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 200 OK\r\n%scontent-length: %d\r\n\r\n%s" % (lines, len(content), content)


def _chunks(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


RAW_DEFLATE = zlib.compressobj(wbits=-15)

WHOLE: dict[str, tuple[bytes, bytes]] = {
    "length": (_length(LOREM), LOREM),
    "empty": (_length(b""), b""),
    "chunked": (CHUNKED + _chunks(b"one ", b"two") + b"0\r\n\r\n", b"one two"),
    "chunk extension": (CHUNKED + b"3;a=b\r\none\r\n0\r\n\r\n", b"one"),
    "trailer": (CHUNKED + _chunks(b"one") + b"0\r\nx-check: 1\r\n\r\n", b"one"),
    "until close": (b"HTTP/1.1 200 OK\r\n\r\n" + LOREM, LOREM),
    "http 1.0": (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
    "interim replies": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + OK,
        b"ok",
    ),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", b""),
    "empty lines first": (b"\r\n\r\n" + OK, b"ok"),
    "gzip": (_length(gzip.compress(LOREM), b"Content-Encoding: gzip"), LOREM),
    "gzip, two members": (
        _length(gzip.compress(b"one") + gzip.compress(b"two"), b"content-encoding: x-gzip"),
        b"onetwo",
    ),
    "gzip, nothing": (_length(b"", b"content-encoding: gzip"), b""),
    "gzip until close": (
        b"HTTP/1.1 200 OK\r\nCONTENT-ENCODING: GZIP\r\n\r\n" + gzip.compress(LOREM),
        LOREM,
    ),
    "deflate": (_length(zlib.compress(LOREM), b"content-encoding: deflate"), LOREM),
    "bare deflate": (
        _length(RAW_DEFLATE.compress(LOREM) + RAW_DEFLATE.flush(), b"content-encoding: deflate"),
        LOREM,
    ),
}


def _cuts(replies: Iterable[tuple[str, bytes]]) -> list[Any]:
    """Each reply at once, and cut: the short ones at every byte."""
    return [
        pytest.param(name, step, id=f"{name}, by {step}")
        for name, reply in replies
        for step in (len(reply) or 1, 1 if len(reply) < 250 else 1009)
    ]


@pytest.mark.parametrize(("name", "step"), _cuts((name, it[0]) for name, it in WHOLE.items()))
async def test_a_reply_arrives_whole_however_it_is_cut(name: str, step: int) -> None:
    reply, expected = WHOLE[name]

    async def script(visit: Visit) -> None:
        await visit.request()
        for at in range(0, len(reply), step):
            await visit.send(reply[at : at + step])
            await asyncio.sleep(0)

    async with peer(script) as server:
        http = Http(environ={})
        inbound = await http(outbound(server.url))
        assert await body(inbound) == expected
        assert await inbound.read() == b""
        await http.aclose()


BROKEN: dict[str, tuple[bytes, type[Fault], str]] = {
    "nothing": (b"", ConnectionFault, "before a reply"),
    "half a head": (b"HTTP/1.1 200 OK\r\ncontent-le", ConnectionFault, "before a reply"),
    "short body": (_length(LOREM)[:-1], ConnectionFault, "inside its reply"),
    "no last chunk": (CHUNKED + _chunks(b"one"), ConnectionFault, "inside its reply"),
    "half a chunk": (CHUNKED + b"5\r\non", ConnectionFault, "inside its reply"),
    "truncated gzip": (
        _length(gzip.compress(LOREM)[:-9], b"content-encoding: gzip"),
        ConnectionFault,
        "ended before its trailer",
    ),
    "truncated gzip until close": (
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n" + gzip.compress(LOREM)[:-9],
        ConnectionFault,
        "ended before its trailer",
    ),
    "corrupt gzip": (
        _length(gzip.compress(LOREM)[:20] + b"\xff" * 90, b"content-encoding: gzip"),
        ConnectionFault,
        "corrupt",
    ),
    "wrong checksum": (
        _length(gzip.compress(LOREM)[:-8] + bytes(8), b"content-encoding: gzip"),
        ConnectionFault,
        "corrupt",
    ),
    "no gzip at all": (_length(b"plain", b"content-encoding: gzip"), ConnectionFault, "corrupt"),
    "gzip and garbage": (
        _length(gzip.compress(b"a") + b"garbage", b"content-encoding: gzip"),
        ConnectionFault,
        "corrupt",
    ),
    "brotli": (_length(b"??", b"content-encoding: br"), MalformedReplyError, "'br'"),
    "gzip twice": (
        _length(b"??", b"content-encoding: gzip", b"content-encoding: gzip"),
        MalformedReplyError,
        "'gzip, gzip'",
    ),
    "ssh": (b"SSH-2.0-OpenSSH_9.2p1\r\n", MalformedReplyError, "SSH-2.0"),
    "rtsp": (b"RTSP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", MalformedReplyError, "no HTTP"),
    "tls alert": (b"\x15\x03\x01\x00\x02\x02\x46", MalformedReplyError, "https"),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        MalformedReplyError,
        "Content-Length",
    ),
    "length and chunks": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        MalformedReplyError,
        "Content-Length",
    ),
    "bare line feeds": (
        b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
        MalformedReplyError,
        "no HTTP",
    ),
    "bad chunk size": (CHUNKED + b"zz\r\n", MalformedReplyError, "framed wrongly"),
    "transfer gzip": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        MalformedReplyError,
        "'gzip, chunked'",
    ),
    "switching protocols": (
        b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        MalformedReplyError,
        "101",
    ),
    "status 099": (b"HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n", MalformedReplyError, "99"),
}


@pytest.mark.parametrize(("name", "step"), _cuts((name, it[0]) for name, it in BROKEN.items()))
async def test_a_broken_reply_is_a_fault_that_says_how(name: str, step: int) -> None:
    reply, kind, says = BROKEN[name]
    if step == 1 and says == "SSH-2.0":
        says = "no HTTP"  # refused before there was more to say

    async def script(visit: Visit) -> None:
        await visit.request()
        for at in range(0, len(reply), step):
            await visit.send(reply[at : at + step])
            await asyncio.sleep(0)

    async with peer(script) as server:
        http = Http(environ={})
        with pytest.raises(kind) as caught:
            await body(await http(outbound(server.url)))
        assert type(caught.value) is kind
        assert says in str(caught.value)
        assert len(server.visits) == 1
        await http.aclose()


async def test_what_came_before_the_cut_can_be_read() -> None:
    async with peer(once(CHUNKED + _chunks(b"one", b"two"))) as server:
        http = Http(environ={})
        inbound = await http(outbound(server.url, stream=True))
        await asyncio.sleep(0.05)
        assert await inbound.read() == b"onetwo"
        for _ in range(2):
            with pytest.raises(ConnectionFault):
                await inbound.read()
        await http.aclose()


async def test_a_head_request_has_no_body() -> None:
    async def script(visit: Visit) -> None:
        first, _, _ = await visit.request()
        assert first == "HEAD /v1/chat HTTP/1.1"
        await visit.send(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n")
        await visit.ended()

    async with peer(script) as server:
        http = Http(environ={})
        inbound = await http(outbound(server.url, method="HEAD", body=b""))
        assert inbound.headers["content-length"] == "900"
        assert await inbound.read() == b""
        await http.aclose()


async def test_headers_keep_their_order_and_repeats() -> None:
    reply = (
        b"HTTP/1.1 429 Too Many\r\nRetry-After:  7 \r\nSet-Cookie: a=1\r\nset-cookie: b: 2\r\n"
        b"X-Empty:\r\nX-Latin: caf\xe9\r\ncontent-length: 0\r\n\r\n"
    )
    async with peer(once(reply)) as server:
        http = Http(environ={})
        inbound = await http(outbound(server.url))
        assert inbound.status == 429
        assert inbound.headers.pairs == (
            ("Retry-After", "7"),
            ("Set-Cookie", "a=1"),
            ("set-cookie", "b: 2"),
            ("X-Empty", ""),
            ("X-Latin", "café"),
            ("content-length", "0"),
        )
        await http.aclose()


CAPS: dict[str, tuple[bytes, Limits, str]] = {
    "one long header": (
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 2000,
        Limits(header_bytes=1000),
        "limits.header_bytes",
    ),
    "a long reason": (b"HTTP/1.1 200 " + b"a" * 2000, Limits(header_bytes=1000), "header_bytes"),
    "a long head and its body at once": (
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 2000 + b"\r\ncontent-length: 2\r\n\r\nok",
        Limits(header_bytes=1000),
        "limits.header_bytes",
    ),
    "interim replies without end": (
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100,
        Limits(header_bytes=1000),
        "limits.header_bytes",
    ),
    "empty lines without end": (b"\r\n" * 1000, Limits(header_bytes=1000), "header_bytes"),
    "many headers": (
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20 + b"\r\n",
        Limits(headers=19),
        "limits.headers",
    ),
    "a long body": (_length(b"a" * 1001), Limits(body_bytes=1000), "limits.body_bytes"),
    "a body without end": (
        CHUNKED + _chunks(b"a" * 600, b"b" * 600),
        Limits(body_bytes=1000),
        "limits.body_bytes",
    ),
    "a gzip bomb": (
        _length(gzip.compress(bytes(30_000_000)), b"content-encoding: gzip"),
        Limits(body_bytes=1_000_000),
        "limits.body_bytes",
    ),
}


@pytest.mark.parametrize("name", CAPS)
async def test_a_cap_names_itself(name: str) -> None:
    reply, limits, says = CAPS[name]

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(reply)
        await visit.ended()

    async with peer(script) as server:
        http = Http(limits, environ={})
        with pytest.raises(MalformedReplyError, match=says):
            await body(await http(outbound(server.url)))
        await http.aclose()


@pytest.mark.parametrize(
    ("first", "more"),
    [(b"", b"1;" + b"x" * 3000 + b"\r\na\r\n"), (b"0\r\nx-trailer: ", b"y" * 3000)],
    ids=["chunk extensions", "a trailer without end"],
)
async def test_chunk_framing_may_not_outgrow_its_content(first: bytes, more: bytes) -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(CHUNKED + _chunks(b"hello"))
        await asyncio.sleep(0.02)  # the head's own packet is not counted
        await visit.send(first)
        for _ in range(5):
            await visit.send(more)
        await visit.ended()

    async with peer(script) as server:
        http = Http(Limits(framing_bytes=2000), environ={})
        inbound = await http(outbound(server.url, stream=True))
        with pytest.raises(MalformedReplyError, match=r"limits\.framing_bytes"):
            await body(inbound)
        await http.aclose()


async def test_a_body_at_the_cap_is_served() -> None:
    async with peer(answers(_length(b"a" * 1000))) as server:
        http = Http(Limits(body_bytes=1000), environ={})
        assert len(await body(await http(outbound(server.url)))) == 1000
        await http.aclose()


async def test_a_stream_has_no_cap_in_total() -> None:
    async with peer(answers(_length(b"a" * 5000))) as server:
        http = Http(Limits(body_bytes=1000), environ={})
        assert len(await body(await http(outbound(server.url, stream=True)))) == 5000
        await http.aclose()
