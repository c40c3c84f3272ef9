"""Proxies from the environment, and calls through a real one."""

from __future__ import annotations

import asyncio
import base64
import ssl
import sys
from contextlib import suppress

import pytest
import trustme
from http_peer import CHUNKED, OK, Visit, answers, body, outbound, peer

from seawall.errors import ConfigError, ConnectionFault, MalformedReplyError, TimeoutFault
from seawall.ports import Secret
from seawall.transports.http import Http, Limits
from seawall.transports.http.proxies import find_proxy
from seawall.transports.http.target import Targets

AUTHORITY = trustme.CA()


def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    return context


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


class Proxy:
    """A CONNECT proxy, and a forwarding one for absolute URLs. Keeps what it was asked."""

    def __init__(self, password: str = "") -> None:
        self.asked: list[str] = []
        self._password = base64.b64encode(password.encode()).decode()

    async def __call__(self, visit: Visit) -> None:
        head = (await visit.reader.readuntil(b"\r\n\r\n")).decode()
        first = head.split("\r\n")[0]
        self.asked.append(first)
        if self._password and f"Proxy-Authorization: Basic {self._password}" not in head:
            await visit.send(b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n")
            return
        method, where, _ = first.split()
        address = where if method == "CONNECT" else where.split("/")[2]
        host, port = address.rsplit(":", 1)
        reader, writer = await asyncio.open_connection(host, int(port))
        if method == "CONNECT":
            await visit.send(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            writer.write(head.encode())
        both = [_pipe(visit.reader, writer), _pipe(reader, visit.writer)]
        try:
            await asyncio.gather(*both)
        finally:
            writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def _via(port: int, user: str = "") -> dict[str, str]:
    return {"HTTPS_PROXY": f"http://{user}127.0.0.1:{port}"}


async def test_an_https_origin_is_reached_through_a_tunnel() -> None:
    asked: list[tuple[dict[str, str], bytes]] = []

    async def script(visit: Visit) -> None:
        while True:
            _, headers, content = await visit.request()
            asked.append((headers, content))
            await visit.send(OK)

    proxy = Proxy("me:sk-proxy")
    async with peer(script, tls=_tls()) as server, peer(proxy) as through:
        http = Http(context=_trusting(), environ=_via(through.port, "me:sk-proxy@"))
        secret = (("authorization", Secret("Bearer sk-1")),)
        for size in (2, 300_000):
            sent = outbound(server.url, headers=secret, body=b"x" * size)
            assert await body(await http(sent)) == b"ok"
        assert proxy.asked == [f"CONNECT 127.0.0.1:{server.port} HTTP/1.1"]
        assert asked[0][0] == {
            "Host": f"127.0.0.1:{server.port}",
            "authorization": "Bearer sk-1",
            "accept-encoding": "gzip",
            "user-agent": "seawall",
            "Content-Length": "2",
        }
        assert asked[1][1] == b"x" * 300_000
        await http.aclose()


async def test_an_http_origin_is_asked_of_the_proxy() -> None:
    proxy = Proxy()
    async with peer(answers(OK)) as server, peer(proxy) as through:
        http = Http(environ={"http_proxy": f"127.0.0.1:{through.port}"})
        assert await body(await http(outbound(server.url))) == b"ok"
        assert proxy.asked == [f"POST {server.url} HTTP/1.1"]
        await http.aclose()


async def test_a_stream_through_the_proxy() -> None:
    more = asyncio.Event()

    async def script(visit: Visit) -> None:
        while True:
            await visit.request()
            await visit.send(CHUNKED + b"3\r\none\r\n")
            await more.wait()
            await visit.send(b"3\r\ntwo\r\n0\r\n\r\n")

    async with peer(script, tls=_tls()) as server, peer(Proxy()) as through:
        http = Http(context=_trusting(), environ=_via(through.port))
        for _ in range(2):
            more.clear()
            inbound = await http(outbound(server.url, stream=True))
            assert inbound.status == 200
            assert inbound.headers["transfer-encoding"] == "chunked"
            assert await inbound.read() == b"one"
            more.set()
            assert await inbound.read() == b"two"
            assert await inbound.read() == b""
            inbound.release()
            inbound.abort()
        assert len(server.visits) == 1
        await http.aclose()


async def test_abort_and_cut_through_the_proxy() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(CHUNKED + b"3\r\none\r\n")
        if visit.number == 1:
            await visit.ended()
            ended.set()

    ended = asyncio.Event()
    async with peer(script, tls=_tls()) as server, peer(Proxy()) as through:
        http = Http(context=_trusting(), environ=_via(through.port))
        inbound = await http(outbound(server.url, stream=True))
        assert await inbound.read() == b"one"
        reading = asyncio.create_task(inbound.read())
        await asyncio.sleep(0)
        inbound.abort(TimeoutFault("idle", 1.0))
        for attempt in (reading, inbound.read()):
            with pytest.raises(TimeoutFault):
                await attempt
        await ended.wait()
        cut = await http(outbound(server.url, stream=True))
        assert await cut.read() == b"one"
        for _ in range(2):
            with pytest.raises(ConnectionFault, match="inside its reply"):
                await cut.read()
        await http.aclose()


async def test_bodies_are_decoded_and_capped_through_the_proxy() -> None:
    content = b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n" + bytes(2000)
    brotli = b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 2\r\n\r\n??"
    async with peer(answers(content)) as server, peer(Proxy()) as through:
        environ = {"http_proxy": f"http://127.0.0.1:{through.port}"}
        http = Http(Limits(body_bytes=1000), environ=environ)
        with pytest.raises(MalformedReplyError, match=r"limits\.body_bytes"):
            await body(await http(outbound(server.url)))
        assert len(await body(await http(outbound(server.url, stream=True)))) == 2000
        await http.aclose()
    async with peer(answers(brotli)) as server, peer(Proxy()) as through:
        http = Http(environ={"http_proxy": f"http://127.0.0.1:{through.port}"})
        with pytest.raises(MalformedReplyError, match="'br'"):
            await http(outbound(server.url))
        await http.aclose()


async def test_what_goes_wrong_through_a_proxy_is_a_fault_of_ours() -> None:
    async with peer(answers(OK), tls=_tls()) as server, peer(Proxy("a:b")) as through:
        refused = Http(context=_trusting(), environ=_via(through.port, "a:sk-proxy@"))
        with pytest.raises(
            ConnectionFault, match="proxy of HTTPS_PROXY: it answered 407"
        ) as caught:
            await refused(outbound(server.url))
        assert not caught.value.retry
        assert "sk-proxy" not in str(caught.value)
        assert caught.value.__context__ is None
        await refused.aclose()
    async with peer(answers(OK), tls=_tls()) as server, peer(Proxy()) as through:
        wary = Http(environ=_via(through.port))
        with pytest.raises(ConnectionFault, match="SSL_CERT_FILE") as caught:
            await wary(outbound(server.url))
        assert not caught.value.retry
        await wary.aclose()
    gone = Http(environ=_via(1))
    with pytest.raises(ConnectionFault, match="through the proxy of HTTPS_PROXY"):
        await gone(outbound("https://127.0.0.1:2/"))
    await gone.aclose()


async def test_a_silent_proxy_is_a_connect_timeout() -> None:
    async def script(visit: Visit) -> None:
        await visit.ended()

    async with peer(script) as through:
        http = Http(environ=_via(through.port))
        with pytest.raises(TimeoutFault) as caught:
            await http(outbound("https://127.0.0.1:2/", connect_timeout=0.05))
        assert (caught.value.phase, caught.value.seconds) == ("connect", 0.05)
        await http.aclose()


async def test_no_proxy_is_honoured() -> None:
    async with peer(answers(OK)) as server:
        environ = {"ALL_PROXY": "http://127.0.0.1:1", "NO_PROXY": "127.0.0.0/8"}
        http = Http(environ=environ)
        assert await body(await http(outbound(server.url))) == b"ok"
        await http.aclose()


async def test_a_proxy_without_the_extra_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.setenv("HTTPS_PROXY", "http://user:sk-proxy@127.0.0.1:1")
    with pytest.raises(ConfigError) as caught:
        await Http()(outbound("https://api.example/"))
    message = str(caught.value)
    assert message.startswith("HTTPS_PROXY: ")
    assert 'pip install "seawall[proxy]"' in message
    assert "add api.example to NO_PROXY" in message
    assert "sk-proxy" not in message


P = "http://proxy:3128"


@pytest.mark.parametrize(
    ("environ", "url", "variable"),
    [
        ({}, "http://a.example/", None),
        ({"HTTP_PROXY": P}, "http://a.example/", "HTTP_PROXY"),
        ({"HTTP_PROXY": P}, "https://a.example/", None),
        ({"HTTP_PROXY": P, "REQUEST_METHOD": "GET"}, "http://a.example/", None),
        ({"http_proxy": P, "REQUEST_METHOD": "GET"}, "http://a.example/", "http_proxy"),
        ({"HTTPS_PROXY": P}, "http://a.example/", None),
        ({"HTTPS_PROXY": P}, "https://a.example/", "HTTPS_PROXY"),
        ({"HTTPS_PROXY": P, "https_proxy": P}, "https://a.example/", "https_proxy"),
        ({"HTTPS_PROXY": ""}, "https://a.example/", None),
        ({"ALL_PROXY": P}, "https://a.example/", "ALL_PROXY"),
        ({"all_proxy": P, "HTTP_PROXY": P}, "http://a.example/", "HTTP_PROXY"),
        ({"ALL_PROXY": P}, "http://127.0.0.1:8000/", "ALL_PROXY"),
        ({"ALL_PROXY": P, "NO_PROXY": "*"}, "http://a.example/", None),
        ({"ALL_PROXY": P, "NO_PROXY": "a.example"}, "http://a.example/", None),
        ({"ALL_PROXY": P, "NO_PROXY": "A.Example"}, "http://a.example/", None),
        ({"ALL_PROXY": P, "NO_PROXY": "a.example"}, "http://b.a.example/", None),
        ({"ALL_PROXY": P, "NO_PROXY": ".a.example"}, "http://a.example/", None),
        ({"ALL_PROXY": P, "NO_PROXY": "*.a.example"}, "http://b.a.example/", None),
        ({"ALL_PROXY": P, "NO_PROXY": "a.example"}, "http://ba.example/", "ALL_PROXY"),
        ({"ALL_PROXY": P, "no_proxy": "b.example, a.example"}, "http://a.example/", None),
        ({"ALL_PROXY": P, "no_proxy": "b.example a.example"}, "http://a.example/", None),
        ({"ALL_PROXY": P, "NO_PROXY": "a.example:80"}, "http://a.example/", None),
        ({"ALL_PROXY": P, "NO_PROXY": "a.example:81"}, "http://a.example/", "ALL_PROXY"),
        ({"ALL_PROXY": P, "NO_PROXY": "10.1.2.3"}, "http://10.1.2.3:9/", None),
        ({"ALL_PROXY": P, "NO_PROXY": "10.0.0.0/8"}, "http://10.1.2.3:9/", None),
        ({"ALL_PROXY": P, "NO_PROXY": "10.0.0.0/8"}, "http://11.1.2.3:9/", "ALL_PROXY"),
        ({"ALL_PROXY": P, "NO_PROXY": "::1"}, "http://[::1]:9/", None),
        ({"ALL_PROXY": P, "NO_PROXY": "[::1]:9"}, "http://[::1]:9/", None),
        ({"ALL_PROXY": P, "NO_PROXY": "[::1]:8"}, "http://[::1]:9/", "ALL_PROXY"),
        ({"ALL_PROXY": P, "NO_PROXY": "localhost"}, "http://127.0.0.1/", "ALL_PROXY"),
        ({"ALL_PROXY": P, "NO_PROXY": ", ,"}, "http://a.example/", "ALL_PROXY"),
    ],
)
def test_which_proxy(environ: dict[str, str], url: str, variable: str | None) -> None:
    found = find_proxy(Targets()["GET", url].origin, environ)
    assert (found and found.variable) == variable


@pytest.mark.parametrize("url", ["socks5://p:1080", "http://", "http://p:port"])
def test_a_proxy_of_an_unknown_kind_is_an_error(url: str) -> None:
    origin = Targets()["GET", "https://a.example/"].origin
    with pytest.raises(ConfigError, match="HTTPS_PROXY: the proxy is no http or https address"):
        find_proxy(origin, {"HTTPS_PROXY": url})
