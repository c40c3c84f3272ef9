"""From a URL to a connection: names, addresses, TLS, and the deadline for all of it."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from http_peer import OK, Visit, answers, body, once, outbound, peer

from seawall.errors import ConfigError, ConnectionFault, TimeoutFault
from seawall.transports.http import Http
from seawall.transports.http.dial import dial

AUTHORITY = trustme.CA()


def _server_context(*names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*(names or ("127.0.0.1", "localhost"))).configure_cert(context)
    return context


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "authority.pem"
    AUTHORITY.cert_pem.write_to_path(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return file


async def test_ssl_cert_file_is_trusted(trusted: Path) -> None:
    async with peer(answers(OK), tls=_server_context()) as server:
        http = Http(environ={})
        for _ in range(3):
            assert await body(await http(outbound(server.url, body=bytes(100_000)))) == b"ok"
        assert len(server.visits) == 1
        await http.aclose()


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs the openssl command")
async def test_ssl_cert_dir_is_trusted(trusted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # OpenSSL finds a certificate by the hash of its subject.
    command = ["openssl", "x509", "-noout", "-subject_hash", "-in", str(trusted)]
    subject = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    trusted.rename(trusted.with_name(f"{subject}.0"))
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_DIR", str(trusted.parent))
    async with peer(answers(OK), tls=_server_context()) as server:
        http = Http(environ={})
        assert await body(await http(outbound(server.url))) == b"ok"
        await http.aclose()


async def test_a_context_can_be_given() -> None:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    async with peer(answers(OK), tls=_server_context()) as server:
        http = Http(context=context, environ={})
        assert await body(await http(outbound(server.url))) == b"ok"
        await http.aclose()


@pytest.mark.parametrize("why", ["unknown authority", "another name"])
async def test_a_certificate_that_is_not_trusted(
    why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("elsewhere.example",) if why == "another name" else ()
    if why == "another name":
        AUTHORITY.cert_pem.write_to_path(tmp_path / "authority.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    async with peer(answers(OK), tls=_server_context(*names)) as server:
        http = Http(environ={})
        with pytest.raises(ConnectionFault) as caught:
            await http(outbound(server.url))
        assert not caught.value.retry
        assert caught.value.reroute == "any"
        assert f"127.0.0.1:{server.port}" in str(caught.value)
        assert "SSL_CERT_FILE" in str(caught.value)
        await http.aclose()


async def test_a_missing_ssl_cert_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/authority.pem")
    with pytest.raises(ConfigError, match=r"SSL_CERT_FILE: /nowhere/authority\.pem"):
        await Http(environ={})(outbound("https://127.0.0.1:1/"))


async def test_the_context_is_made_once(trusted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ssl.SSLContext] = []
    create = ssl.create_default_context

    def counting(*args: Any, **options: Any) -> ssl.SSLContext:
        made.append(create(*args, **options))
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", counting)
    closing = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"
    async with peer(answers(closing), tls=_server_context()) as server:
        http = Http(environ={})
        assert made == []
        for _ in range(3):
            await body(await http(outbound(server.url)))
        assert len(server.visits) == 3
        assert len(made) == 1
        assert made[0].minimum_version == ssl.TLSVersion.TLSv1_2
        await http.aclose()


async def test_the_server_is_told_the_name_it_is_asked_for(trusted: Path) -> None:
    named: list[str | None] = []
    context = _server_context()
    context.sni_callback = lambda _, name, __: named.append(name)
    async with peer(answers(OK), tls=context) as server:
        http = Http(environ={})
        await body(await http(outbound(f"https://localhost:{server.port}/")))
        assert named == ["localhost"]
        await http.aclose()


async def test_a_body_cut_without_tls_goodbye_is_a_fault(trusted: Path) -> None:
    """Until-close bodies over TLS end with a close_notify, or an attacker could shorten them."""

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await asyncio.sleep(0.02)
        fd = visit.writer.get_extra_info("socket").fileno()
        with socket.fromfd(fd, socket.AF_INET, socket.SOCK_STREAM) as plain:
            plain.shutdown(socket.SHUT_RDWR)

    async with peer(script, tls=_server_context()) as server:
        http = Http(environ={})
        inbound = await http(outbound(server.url))
        assert await inbound.read() == b"half"
        with pytest.raises(ConnectionFault, match="inside its reply"):
            await inbound.read()
        await http.aclose()


async def test_a_body_closed_with_tls_goodbye_is_whole(trusted: Path) -> None:
    async with peer(once(b"HTTP/1.1 200 OK\r\n\r\nwhole"), tls=_server_context()) as server:
        http = Http(environ={})
        assert await body(await http(outbound(server.url))) == b"whole"
        await http.aclose()


async def test_tls_asked_of_a_plain_server() -> None:
    async def script(visit: Visit) -> None:
        await visit.reader.read(65536)
        await visit.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    async with peer(script) as server:
        with pytest.raises(ConnectionFault, match="an http one"):
            await Http(environ={})(outbound(f"https://127.0.0.1:{server.port}/"))


async def test_a_handshake_that_never_ends_is_a_connect_timeout() -> None:
    async def script(visit: Visit) -> None:
        await visit.ended()

    async with peer(script) as server:
        http = Http(environ={})
        with pytest.raises(TimeoutFault) as caught:
            await http(outbound(f"https://127.0.0.1:{server.port}/", connect_timeout=0.05))
        assert (caught.value.phase, caught.value.seconds) == ("connect", 0.05)
        await http.aclose()


@pytest.fixture
def full() -> Iterator[int]:
    """A port whose queue of new connections is full: connecting to it takes for ever."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]
        for one in waiting:
            one.close()


async def test_a_server_that_does_not_accept_is_a_connect_timeout(full: int) -> None:
    http = Http(environ={})
    with pytest.raises(TimeoutFault) as caught:
        await http(outbound(f"http://127.0.0.1:{full}/", connect_timeout=0.1))
    assert caught.value.phase == "connect"
    await http.aclose()


async def test_cancelling_while_connecting(full: int) -> None:
    http = Http(environ={})
    task = asyncio.create_task(http(outbound(f"http://127.0.0.1:{full}/")))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await http.aclose()


def _free_port() -> int:
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


async def test_a_refused_connection_names_the_address() -> None:
    port = _free_port()
    http = Http(environ={})
    for _ in range(2):
        with pytest.raises(ConnectionFault, match=f"http://127.0.0.1:{port}: Connection refused"):
            await http(outbound(f"http://127.0.0.1:{port}/"))
    await http.aclose()


async def test_a_name_that_does_not_resolve() -> None:
    http = Http(environ={})
    with pytest.raises(ConnectionFault, match="host name cannot be resolved"):
        await http(outbound("http://no-such-host.invalid/"))
    await http.aclose()


async def test_ipv6_literal() -> None:
    if not _has_ipv6():
        pytest.skip("no IPv6 on this machine")
    async with peer(answers(OK), host="::1") as server:
        http = Http(environ={})
        assert await body(await http(outbound(f"http://[::1]:{server.port}/"))) == b"ok"
        await http.aclose()


def _has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as it:
        try:
            it.bind(("::1", 0))
        except OSError:
            return False
    return True


async def test_localhost_reaches_a_server_on_either_family() -> None:
    async with peer(answers(OK)) as server:
        http = Http(environ={})
        assert await body(await http(outbound(f"http://localhost:{server.port}/"))) == b"ok"
        await http.aclose()


class _Loop:
    """The running loop with a name service and a network of the test's making."""

    def __init__(self, addresses: dict[str, float | OSError]) -> None:
        self._loop = asyncio.get_running_loop()
        self._addresses = addresses
        self.tried: list[str] = []
        self.opened: list[socket.socket] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    async def getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, port))
            for address in self._addresses
        ]

    async def sock_connect(self, sock: socket.socket, where: tuple[str, int]) -> None:
        self.tried.append(where[0])
        self.opened.append(sock)
        takes = self._addresses[where[0]]
        if isinstance(takes, OSError):
            raise takes
        await asyncio.sleep(takes)


async def test_a_slow_address_is_joined_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seawall.transports.http.dial.HEAD_START", 0.01)
    loop = _Loop({"a": 60.0, "b": OSError("down"), "c": 0.0, "d": 0.0})
    sock = await dial(loop, "name", 1)  # type: ignore[arg-type]
    assert loop.tried == ["a", "b", "c"]
    assert sock is loop.opened[2]
    assert [it.fileno() < 0 for it in loop.opened] == [True, True, False]
    sock.close()


async def test_the_first_addresss_error_is_told_when_all_fail() -> None:
    loop = _Loop({"a": OSError(1, "first"), "b": OSError(2, "second")})
    with pytest.raises(OSError, match="first"):
        await dial(loop, "name", 1)  # type: ignore[arg-type]
    assert all(it.fileno() < 0 for it in loop.opened)
