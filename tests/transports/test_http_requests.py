"""What is sent, what is refused before anything is, and the pace in both directions."""

from __future__ import annotations

import asyncio
import traceback

import pytest
from http_peer import CHUNKED, OK, Visit, answers, body, once, outbound, peer

from seawall.errors import ConfigError, ConnectionFault
from seawall.ports import Secret
from seawall.transports.http import Http, Limits

EARLY = b"HTTP/1.1 429 Too Many\r\nretry-after: 1\r\ncontent-length: 4\r\n\r\nslow"


async def test_the_bytes_of_a_request() -> None:
    heads: list[bytes] = []

    async def script(visit: Visit) -> None:
        heads.append(await visit.reader.readuntil(b"\r\n\r\n"))
        await visit.send(OK)

    async with peer(script) as server:
        http = Http(environ={})
        asked = outbound(
            f"http://127.0.0.1:{server.port}/v1/chat completions/é?q=a b&k=%20#part",
            headers=(("X-Title", "Söder"), ("Authorization", Secret("Bearer sk-1"))),
            body=b"hello",
        )
        await http(asked)
        assert heads[0].decode() == (
            "POST /v1/chat%20completions/%C3%A9?q=a%20b&k=%20 HTTP/1.1\r\n"
            f"host: 127.0.0.1:{server.port}\r\n"
            "accept-encoding: gzip\r\n"
            "user-agent: seawall\r\n"
            "X-Title: Söder\r\n"
            "Authorization: Bearer sk-1\r\n"
            "content-length: 5\r\n\r\n"
        )
        await http.aclose()


async def test_a_callers_header_replaces_the_default_of_its_name() -> None:
    heads: list[dict[str, str]] = []

    async def script(visit: Visit) -> None:
        heads.append((await visit.request())[1])
        await visit.send(OK)

    async with peer(script) as server:
        http = Http(environ={})
        mine = (("User-Agent", "mine/1"), ("accept-encoding", "identity"))
        await http(outbound(server.url, headers=mine, method="get", body=b""))
        assert heads[0] == {
            "host": f"127.0.0.1:{server.port}",
            "User-Agent": "mine/1",
            "accept-encoding": "identity",
        }
        await http.aclose()


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (("x-one", "a\r\nx-two: b"), "header x-one"),
        (("x-one", "a\x00"), "header x-one"),
        (("x-one", Secret("sk-hidden\n", "SOME_KEY")), "SOME_KEY: header x-one"),
        (("x one", "a"), "'x one'"),
        (("x-one:", "a"), "'x-one:'"),
        (("x\r\ny", "a"), "no valid header name"),
        (("", "a"), "no valid header name"),
        (("Content-Length", "3"), "Content-Length is written by the transport"),
        (("Transfer-Encoding", "chunked"), "Transfer-Encoding"),
        (("Host", "elsewhere"), "Host"),
    ],
)
async def test_a_header_that_could_inject_another_is_refused(
    header: tuple[str, str | Secret], says: str
) -> None:
    async with peer(once(OK)) as server:
        http = Http(environ={})
        with pytest.raises(ConfigError) as caught:
            await http(outbound(server.url, headers=(header,)))
        assert says in str(caught.value)
        assert "sk-hidden" not in str(caught.value)
        assert not server.visits
        await http.aclose()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1/a\r\nb", "control character"),
        ("http://127.0.0.1/a\tb", "control character"),
        ("http://127.0.0.1\n/", "control character"),
        ("http://user:sk-hidden@127.0.0.1/", "user name or a key"),
        ("http://sk-hidden@127.0.0.1/", "user name or a key"),
        ("ftp://127.0.0.1/", "no http or https address"),
        ("127.0.0.1/v1", "no http or https address"),
        ("http:///v1", "no http or https address"),
        ("http://a b/", "no http or https address"),
        ("http://127.0.0.1:99999/", "host or port"),
        ("http://127.0.0.1:x/", "host or port"),
        ("http://[::1/", "host or port"),
        ("http://a..b/", "host or port"),
        (f"http://{'a' * 70}.example/", "host or port"),
    ],
)
async def test_a_url_that_must_not_be_sent_is_refused(url: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await Http(environ={})(outbound(url))
    assert says in str(caught.value)
    assert "sk-hidden" not in str(caught.value)


async def test_a_method_is_a_word() -> None:
    with pytest.raises(ConfigError, match="no HTTP method"):
        await Http(environ={})(outbound("http://127.0.0.1/", method="GET / HTTP/1.1\r\nx:"))


async def test_a_secret_shows_nowhere() -> None:
    """Not in the fault, its causes, its traceback with the locals of every frame, nor in the
    reply's own repr."""

    async def script(visit: Visit) -> None:
        await visit.request()

    async with peer(script) as server:
        http = Http(environ={})
        asked = outbound(server.url, headers=(("authorization", Secret("Bearer sk-hidden")),))
        with pytest.raises(ConnectionFault) as caught:
            await http(asked)
        seen = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        assert "sk-hidden" not in "".join(seen.format())
        assert "sk-hidden" not in repr(asked)
        assert "sk-hidden" not in repr(vars(http))
        await http.aclose()


@pytest.mark.parametrize("size", [0, 1, 16 * 1024, 16 * 1024 + 1, 70_000, 5_000_000])
async def test_a_body_of_any_size_arrives(size: int) -> None:
    content = b"0123456789abcdef" * (size // 16 + 1)
    bodies: list[bytes] = []

    async def script(visit: Visit) -> None:
        while True:
            bodies.append((await visit.request())[2])
            await visit.send(OK)

    async with peer(script) as server:
        http = Http(environ={})
        for _ in range(2):
            assert await body(await http(outbound(server.url, body=content[:size]))) == b"ok"
        assert bodies == [content[:size]] * 2
        assert len(server.visits) == 1
        await http.aclose()


async def test_a_large_body_waits_for_a_slow_server() -> None:
    """What lies in the client's buffer stays small while the server does not read."""
    held = asyncio.Event()
    connections: list[asyncio.Transport] = []

    async def script(visit: Visit) -> None:
        await held.wait()
        await visit.request()
        await visit.send(OK)

    async with peer(script) as server:
        http = Http(environ={})
        asking = asyncio.create_task(http(outbound(server.url, body=bytes(30_000_000))))
        while not server.visits:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.1)
        connections += [_transport(http)]
        assert connections[0].get_write_buffer_size() < 1_000_000
        assert not asking.done()
        held.set()
        assert await body(await asking) == b"ok"
        await http.aclose()


def _transport(http: Http) -> asyncio.Transport:
    (home,) = http._homes.values()
    (road,) = home.values()
    (connection,) = road._pool._all  # type: ignore[attr-defined]
    return connection._transport


async def test_an_answer_before_the_whole_request_is_delivered() -> None:
    """The server refuses after the head and reads no more; its connection is not used again."""
    held = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        await visit.send(EARLY)
        await held.wait()

    async with peer(script) as server:
        http = Http(environ={})
        for _ in range(2):
            inbound = await http(outbound(server.url, body=bytes(30_000_000)))
            assert inbound.status == 429
            assert await body(inbound) == b"slow"
        assert len(server.visits) == 2
        held.set()
        await http.aclose()


async def test_a_stream_that_answers_early_ends_the_sending() -> None:
    held = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        await visit.send(CHUNKED + b"1\r\na\r\n")
        await held.wait()
        await visit.send(b"1\r\nb\r\n0\r\n\r\n")

    async with peer(script) as server:
        http = Http(environ={})
        inbound = await http(outbound(server.url, body=bytes(30_000_000), stream=True))
        assert await inbound.read() == b"a"
        held.set()
        assert await inbound.read() == b"b"
        assert await inbound.read() == b""
        await http.aclose()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
async def test_a_reader_that_does_not_read_stops_the_sender(packed: bool) -> None:
    """Only what the buffers on the way hold is sent; then everything arrives."""
    total = 64 * 1024 * 1024
    sent = 0

    async def script(visit: Visit) -> None:
        nonlocal sent
        await visit.request()
        coding = b"content-encoding: gzip\r\n" if packed else b""
        await visit.send(b"HTTP/1.1 200 OK\r\n%scontent-length: %d\r\n\r\n" % (coding, total))
        while sent < total:
            await visit.send(bytes(65536))
            sent += 65536

    async with peer(script) as server:
        http = Http(Limits(), environ={})
        inbound = await http(outbound(server.url, stream=True))
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.05)
        assert sent < 32 * 1024 * 1024
        if packed:
            inbound.abort()
        else:
            assert len(await body(inbound)) == total
        await http.aclose()


async def test_an_ordinary_reply_is_one_write_and_one_read() -> None:
    """The fast path: head and body of a request leave together."""
    reads: list[bytes] = []

    async def script(visit: Visit) -> None:
        while data := await visit.reader.read(65536):
            reads.append(data)
            await visit.send(OK)

    async with peer(script) as server:
        http = Http(environ={})
        for _ in range(3):
            await body(await http(outbound(server.url, body=b"x" * 1000)))
        assert len(reads) == 3
        await http.aclose()


async def test_two_origins_do_not_share_connections() -> None:
    async with peer(answers(OK)) as one, peer(answers(OK)) as two:
        http = Http(environ={})
        for server in (one, two, one, two):
            await body(await http(outbound(server.url)))
        assert (len(one.visits), len(two.visits)) == (1, 1)
        await http.aclose()
