"""A caller's own httpx or httpx2 client carries calls as a transport must, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import ssl
import threading
import types
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import httpx2
import openai
import pytest
import trustme

from seawall import AsyncSeawall, ClosedError, ConfigError, ConnectionFault, TimeoutFault
from seawall.errors import Fault, MalformedReplyError
from seawall.ports import Outbound, Secret
from seawall.transports.given import as_transport
from seawall.transports.httpx_client import HttpxClient
from transports.http_peer import CHUNKED, OK, Visit, answers, body, once, outbound, peer

KEY = "sk-5ecret-0123456789-key"
# Made once: reading the system's certificates takes longer than most of these tests.
TRUST = ssl.create_default_context()

Made = Callable[..., tuple[Any, Any]]


@pytest.fixture(params=[httpx, httpx2], ids=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
async def made(library: Any) -> AsyncIterator[Made]:
    """Makes a client and its transport; closes both at the end."""
    async with contextlib.AsyncExitStack() as stack:

        def make(**options: Any) -> tuple[Any, Any]:
            client = library.AsyncClient(**{"trust_env": False, "verify": TRUST, **options})
            transport = as_transport(client)
            stack.push_async_callback(client.aclose)
            stack.push_async_callback(transport.aclose)
            return client, transport

        yield make


async def test_a_reply_with_its_head(made: Made) -> None:
    head = b"HTTP/1.1 429 Slow Down\r\nX-Id: 7\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\n"
    async with peer(once(head + b"content-length: 4\r\n\r\nwait")) as server:
        inbound = await made()[1](outbound(server.url))
        assert inbound.status == 429
        assert inbound.headers["x-id"] == "7"
        assert [pair for pair in inbound.headers.pairs if pair[0].lower() == "set-cookie"] == [
            ("set-cookie", "a=1"),
            ("Set-Cookie", "b=2"),
        ]
        assert await body(inbound) == b"wait"
        assert await inbound.read() == b""


async def test_what_is_sent(made: Made) -> None:
    asked: list[Any] = []

    async def script(visit: Visit) -> None:
        asked.append(await visit.request())
        await visit.send(OK)

    _, transport = made(headers={"x-gateway": "harbour", "authorization": "Bearer another"})
    async with peer(script) as server:
        question = outbound(
            server.url,
            method="POST",
            headers=(("authorization", Secret(f"Bearer {KEY}")), ("content-type", "text/plain")),
            body="Größe".encode(),
        )
        await body(await transport(question))
    ((first, headers, sent),) = asked
    named = {name.lower(): value for name, value in headers.items()}
    assert first == "POST /v1/chat HTTP/1.1"
    assert sent.decode() == "Größe"
    assert named["authorization"] == f"Bearer {KEY}"
    assert named["x-gateway"] == "harbour"
    assert named["accept-encoding"] == "gzip"
    assert named["content-type"] == "text/plain"


async def test_a_coding_the_call_asks_for_stands_alone(made: Made) -> None:
    asked: list[Any] = []

    async def script(visit: Visit) -> None:
        asked.append(await visit.request())
        await visit.send(OK)

    async with peer(script) as server:
        question = outbound(server.url, headers=(("Accept-Encoding", "identity"),))
        await body(await made()[1](question))
    assert [value for name, value in asked[0][1].items() if name.lower() == "accept-encoding"] == [
        "identity"
    ]


async def test_calls_share_the_clients_connection(made: Made) -> None:
    _, transport = made()
    async with peer(answers(OK)) as server:
        for _ in range(4):
            assert await body(await transport(outbound(server.url))) == b"ok"
        assert len(server.visits) == 1


async def test_a_stream_is_read_as_it_comes(made: Made) -> None:
    read = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(CHUNKED + b"3\r\none\r\n")
        await read.wait()
        await visit.send(b"3\r\ntwo\r\n0\r\n\r\n")

    async with peer(script) as server:
        inbound = await made()[1](outbound(server.url, stream=True))
        assert await inbound.read() == b"one"
        read.set()
        assert [await inbound.read(), await inbound.read()] == [b"two", b""]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_compressed_body_is_undone_once(made: Made, stream: bool) -> None:
    plain = gzip.compress(b"inside")  # what is compressed twice stays compressed once
    packed = gzip.compress(plain)
    reply = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b"
    async with peer(answers(reply % (len(packed), packed))) as server:
        assert await body(await made()[1](outbound(server.url, stream=stream))) == plain


async def test_a_compressed_stream_gives_each_piece_when_it_is_there(made: Made) -> None:
    read = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        squeeze = zlib.compressobj(wbits=31)
        first = squeeze.compress(b"one") + squeeze.flush(zlib.Z_SYNC_FLUSH)
        await visit.send(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n"
            + b"%x\r\n%b\r\n" % (len(first), first)
        )
        await read.wait()
        last = squeeze.compress(b"two") + squeeze.flush()
        await visit.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(last), last))

    async with peer(script) as server:
        inbound = await made()[1](outbound(server.url, stream=True))
        assert await inbound.read() == b"one"
        read.set()
        assert await body(inbound) == b"two"


PACKED = gzip.compress(b"whole" * 100)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"
GZIP = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: "


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (b"", ConnectionFault, "no reply from http://127.0.0.1"),
        (b"\x16\x03 not http\r\n\r\n", MalformedReplyError, "the reply is no HTTP"),
        (HEAD + b"half", ConnectionFault, "ended inside its reply"),
        (CHUNKED + b"4\r\nhalf\r\n", ConnectionFault, "ended inside its reply"),
        (CHUNKED + b"nonsense\r\n", MalformedReplyError, "the reply is no HTTP"),
        (GZIP + b"5\r\n\r\nwrong", ConnectionFault, "compressed body is corrupt"),
        (GZIP + b"20\r\n\r\n" + PACKED[:20], ConnectionFault, "before its trailer"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx",
            MalformedReplyError,
            "content-encoding 'br'",
        ),
    ],
    ids=["nothing", "garbage", "short", "chunks cut", "chunks", "gzip", "gzip cut", "br"],
)
async def test_a_broken_reply_is_a_fault(
    made: Made, reply: bytes, kind: type[Fault], says: str
) -> None:
    async with peer(once(reply)) as server:
        with pytest.raises(kind, match=says) as got:
            await body(await made()[1](outbound(server.url)))
        assert got.value.blames == "provider"


async def test_what_came_before_the_cut_can_be_read(made: Made) -> None:
    async with peer(once(HEAD + b"half")) as server:
        inbound = await made()[1](outbound(server.url))
        assert await inbound.read() == b"half"
        for _ in range(2):
            with pytest.raises(ConnectionFault):
                await inbound.read()


async def test_a_reset(made: Made) -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        visit.reset()

    async with peer(script) as server:
        with pytest.raises(ConnectionFault, match="no reply from"):
            await made()[1](outbound(server.url))


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    return f"http://127.0.0.1:{port}/"  # type: ignore[return-value]


async def test_no_connection(made: Made, nobody: str) -> None:
    with pytest.raises(ConnectionFault, match="no reply from") as got:
        await made()[1](outbound(nobody))
    assert got.value.retry


async def test_retries_of_the_clients_own_fit_the_deadline_for_connecting(
    made: Made, library: Any, nobody: str
) -> None:
    _, transport = made(transport=library.AsyncHTTPTransport(retries=50))
    with pytest.raises(TimeoutFault) as got:
        await transport(outbound(nobody, connect_timeout=0.2))
    assert (got.value.phase, got.value.seconds) == ("connect", 0.2)


async def test_a_server_that_does_not_accept(made: Made) -> None:
    with socket.socket() as deaf, contextlib.ExitStack() as stack:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(4):  # more than its queue holds
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        with pytest.raises(TimeoutFault) as got:
            await made()[1](outbound(url, connect_timeout=0.2))
    assert got.value.phase == "connect"


async def test_waiting_for_a_place_in_the_clients_pool(made: Made, library: Any) -> None:
    limits = library.Limits(max_connections=1)
    _, transport = made(limits=limits, timeout=library.Timeout(5.0, pool=0.2))
    held = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(CHUNKED)
        await held.wait()

    async with peer(script) as server:
        first = await transport(outbound(server.url))
        with pytest.raises(TimeoutFault) as got:
            await transport(outbound(server.url, connect_timeout=0.05))
        assert (got.value.phase, got.value.seconds) == ("pool", 0.2)
        assert got.value.blames == "nobody"
        first.abort()


async def test_the_clients_own_time_limits_do_not_cut_a_slow_answer(made: Made) -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await asyncio.sleep(0.15)
        await visit.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
        await asyncio.sleep(0.15)
        await visit.send(b"ok")

    _, transport = made(timeout=0.05)
    async with peer(script) as server:
        assert await body(await transport(outbound(server.url, connect_timeout=0.1))) == b"ok"


async def _hang(visit: Visit) -> None:
    await visit.request()
    await visit.send(CHUNKED + b"3\r\none\r\n")
    await visit.ended()


async def test_an_abort_wakes_the_reader_and_closes_the_connection(made: Made) -> None:
    async with peer(_hang) as server:
        inbound = await made()[1](outbound(server.url))
        assert await inbound.read() == b"one"
        asyncio.get_running_loop().call_soon(inbound.abort, TimeoutFault("idle", 1.0))
        with pytest.raises(TimeoutFault, match="stalled"):
            await inbound.read()
        inbound.abort()
        with pytest.raises(TimeoutFault):
            await inbound.read()
        await _all_ended(server)


async def _all_ended(server: Any) -> None:
    """The server's scripts return once their clients have closed."""
    await asyncio.wait_for(asyncio.gather(*server._tasks), 5)


async def test_an_unread_reply_can_be_given_up_from_another_thread(made: Made) -> None:
    async with peer(_hang) as server:
        inbound = await made()[1](outbound(server.url))
        thread = threading.Thread(target=inbound.abort)
        thread.start()
        await _all_ended(server)
        thread.join()
        with pytest.raises(ConnectionFault, match="given up"):
            await inbound.read()


def test_a_loop_that_ends_closes_its_connections(library: Any) -> None:
    closed = threading.Event()
    kept: list[Any] = []

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            while not connection.recv(65536).endswith(b"{}"):
                pass
            connection.sendall(CHUNKED + b"3\r\none\r\n")
            connection.settimeout(5)
            if not connection.recv(1):
                closed.set()

    async def ask(url: str) -> None:
        transport = as_transport(library.AsyncClient(trust_env=False))
        kept.append(await transport(outbound(url)))
        assert await kept[0].read() == b"one"

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=[listening])
        thread.start()
        asyncio.run(ask(f"http://127.0.0.1:{listening.getsockname()[1]}/"))
        assert closed.wait(5)
        thread.join(5)
    kept[0].abort()
    kept[0].release()
    with pytest.raises(ConnectionFault, match="loop ended"):
        asyncio.run(kept[0].read())


@pytest.mark.parametrize("rest", [b"0\r\n\r\n", b"1\r\nx\r\n" * 1000 + b"0\r\n\r\n"])
async def test_a_released_reply_whose_end_is_near_keeps_the_connection(
    made: Made, rest: bytes
) -> None:
    released = asyncio.Event()

    async def script(visit: Visit) -> None:
        while True:
            await visit.request()
            await visit.send(CHUNKED + b"3\r\none\r\n")
            await released.wait()
            await visit.send(rest)

    async with peer(script) as server:
        _, transport = made()
        inbound = await transport(outbound(server.url))
        assert await inbound.read() == b"one"
        inbound.release()
        inbound.release()
        released.set()
        assert await inbound.read() == b""
        await inbound.ended()
        assert await body(await transport(outbound(server.url))) == b"one" + b"x" * rest.count(b"x")
        assert len(server.visits) == 1


@pytest.mark.parametrize("rest", [b"", b"1000\r\n" + bytes(4096) + b"\r\n"], ids=["slow", "long"])
async def test_a_released_reply_that_goes_on_is_closed(
    made: Made, rest: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seawall.transports.httpx_exchange.DRAIN_SECONDS", 0.2)

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(CHUNKED + b"3\r\none\r\n")
        with contextlib.suppress(ConnectionError):
            while rest:
                await visit.send(rest)
        await visit.ended()

    async with peer(script) as server:
        inbound = await made()[1](outbound(server.url))
        assert (await inbound.read()).startswith(b"one")
        inbound.release()
        await _all_ended(server)


async def test_a_call_that_is_cancelled_before_the_head_closes_its_connection(made: Made) -> None:
    asked = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        asked.set()
        await visit.ended()

    async with peer(script) as server:
        call = asyncio.ensure_future(made()[1](outbound(server.url)))
        await asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await _all_ended(server)


async def test_not_reading_stops_the_sender(made: Made) -> None:
    sent = 0

    async def script(visit: Visit) -> None:
        nonlocal sent
        await visit.request()
        await visit.send(b"HTTP/1.1 200 OK\r\ncontent-length: 67108864\r\n\r\n")
        for _ in range(1024):
            await visit.send(bytes(65536))
            sent += 65536

    async with peer(script) as server:
        inbound = await made()[1](outbound(server.url, stream=True))
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.1)
        assert sent < 32 * 1024 * 1024
        assert len(await body(inbound)) == 64 * 1024 * 1024


async def test_a_body_beyond_the_cap(made: Made) -> None:
    body_of = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b"
    bomb = gzip.compress(bytes(65 * 1024 * 1024))
    async with peer(answers(body_of % (len(bomb), bomb))) as server:
        with pytest.raises(MalformedReplyError, match=r"limits\.body_bytes"):
            await body(await made()[1](outbound(server.url)))


async def test_redirects_are_not_followed_lest_keys_leave(made: Made) -> None:
    away = b"HTTP/1.1 307 x\r\nlocation: http://localhost:1/\r\ncontent-length: 0\r\n\r\n"
    _, transport = made(follow_redirects=True)
    async with peer(answers(away)) as server:
        inbound = await transport(outbound(server.url, headers=(("x-api-key", Secret(KEY)),)))
        assert inbound.status == 307
        await body(inbound)


@pytest.mark.parametrize(
    ("url", "headers", "says"),
    [
        ("http://127.0.0.1:1/", (("x-key", Secret(f"{KEY}\r\nx: y")),), "header x-key"),
        ("http://127.0.0.1:1/", (("content-length", "5"),), "written by the transport"),
        (f"http://user:{KEY}@127.0.0.1:1/", (), "holds a user name or a key"),
    ],
)
async def test_what_must_not_be_sent_is_refused_before(
    made: Made, url: str, headers: Any, says: str
) -> None:
    with pytest.raises(ConfigError, match=says) as got:
        await made()[1](outbound(url, headers=headers))
    assert KEY not in str(got.value)


async def test_a_header_of_the_clients_that_is_not_valid_is_not_repeated(made: Made) -> None:
    _, transport = made(headers={"x-team": f"{KEY}\r\n"})
    async with peer(answers(OK)) as server:
        with pytest.raises(ConfigError, match="header that is not valid") as got:
            await transport(outbound(server.url))
    _holds_no_key(got.value)


async def test_a_fault_holds_nothing_of_the_request(made: Made) -> None:
    async with peer(once(b"")) as server:
        with pytest.raises(ConnectionFault) as got:
            await made()[1](outbound(server.url, headers=(("x-api-key", Secret(KEY)),)))
    _holds_no_key(got.value)


def _holds_no_key(error: BaseException) -> None:
    assert (error.__cause__, error.__context__) == (None, None)
    assert KEY not in str(error)
    trace: types.TracebackType | None = error.__traceback__
    while trace is not None:
        if "site-packages/httpx" in trace.tb_frame.f_code.co_filename:
            raise AssertionError(f"a frame of {trace.tb_frame.f_code.co_filename} is kept")
        trace = trace.tb_next


async def test_a_certificate_that_is_not_trusted(made: Made) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with peer(answers(OK), tls=context) as server:
        with pytest.raises(ConnectionFault, match=r"certificate of 127.* not trusted") as got:
            await made()[1](outbound(server.url))
    assert not got.value.retry


async def test_hooks_and_transports_of_the_owners(made: Made, library: Any) -> None:
    heard: list[int] = []

    async def read(response: Any) -> None:
        heard.append(len(await response.aread()))

    async def spoil(request: Any) -> None:
        raise LookupError("no token today")

    async with peer(answers(OK)) as server:
        _, transport = made(event_hooks={"response": [read]})
        assert await body(await transport(outbound(server.url))) == b"ok"
        _, transport = made(event_hooks={"request": [spoil]})
        with pytest.raises(LookupError, match="no token today"):
            await transport(outbound(server.url))
    assert heard == [2]
    mock = library.MockTransport(lambda request: library.Response(200, content=request.content))
    _, transport = made(transport=mock)
    assert await body(await transport(outbound("http://nowhere.test/"))) == b"{}"


async def test_closing_leaves_the_client_to_its_owner(made: Made) -> None:
    client, transport = made()
    async with peer(_hang) as server:
        inbound = await transport(outbound(server.url))
        await transport.aclose()
        with pytest.raises(ConnectionFault, match="given up"):
            await inbound.read()
        await _all_ended(server)
    assert not client.is_closed
    await client.aclose()
    with pytest.raises(ClosedError, match="was closed"):
        await transport(outbound("http://127.0.0.1:1/"))


def test_a_second_loop_is_refused(library: Any) -> None:
    mock = library.MockTransport(lambda _: library.Response(200))
    transport = as_transport(library.AsyncClient(transport=mock))

    async def ask() -> None:
        await body(await transport(Outbound(url="http://nowhere.test/")))

    asyncio.run(ask())
    with pytest.raises(ConfigError, match="another event loop"):
        asyncio.run(ask())


def test_what_can_be_given(library: Any) -> None:
    with library.Client() as blocking, pytest.raises(ConfigError, match=r"Client given as a"):
        as_transport(blocking)
    for wrong in (library, library.AsyncClient, "http", None, lambda outbound: None):
        with pytest.raises(ConfigError, match="given as a transport"):
            as_transport(wrong)

    class Own:
        async def __call__(self, outbound: Outbound, /) -> Any: ...
        async def aclose(self) -> None: ...

    own = Own()
    assert as_transport(own) is own
    assert isinstance(as_transport(openai.DefaultAsyncHttpxClient()), HttpxClient)


CHAT = (
    b'{"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0,'
    b' "message": {"role": "assistant", "content": "Trieste"}, "finish_reason": "stop"}]}'
)
EVENT = (
    b'data: {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": '
    b'[{"index": 0, "delta": {"content": "Tri"}, "finish_reason": %b}]}\n\n'
)


def _http(status: bytes, payload: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
    return head % (status, len(payload), payload)


async def test_every_policy_stands_above_it(library: Any) -> None:
    replies = [_http(b"503 Busy", b"{}"), _http(b"200 OK", CHAT)]
    async with library.AsyncClient(trust_env=False) as own, peer(answers(*replies)) as server:
        vendors = {"wall": {"base_url": server.url.removesuffix("/chat"), "key": KEY}}
        async with AsyncSeawall(
            vendors=vendors, model="wall/m", ledger=False, transports={"http": own}
        ) as client:
            reply = await client.chat("?", retry={"base": 0.01})
            assert reply.text == "Trieste"
            assert [attempt.status for attempt in reply.decision.attempts] == [503, 200]
        assert not own.is_closed


async def test_a_stream_that_stalls_is_cut_by_our_deadline(library: Any) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
    first = EVENT % b"null"

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(head + b"\r\n%x\r\n%b\r\n" % (len(first), first))
        await visit.ended()

    async with library.AsyncClient(trust_env=False) as own, peer(script) as server:
        vendors = {"wall": {"base_url": server.url.removesuffix("/chat"), "key": KEY}}
        client = AsyncSeawall(
            vendors=vendors, model="wall/m", ledger=False, transports={"http": own}
        )
        text = client.stream("?", deadline={"idle": 0.2}, retry=False).text
        assert await anext(text) == "Tri"
        with pytest.raises(TimeoutFault, match="stalled"):
            await anext(text)
        await _all_ended(server)
        await client.aclose()
