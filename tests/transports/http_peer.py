"""A server whose every byte the test decides, and what tests ask it with."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from seawall.ports import Inbound, Outbound

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Visit:
    """One connection to the peer. ``number`` counts from 1."""

    def __init__(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.number, self.reader, self.writer = number, reader, writer

    async def request(self) -> tuple[str, dict[str, str], bytes]:
        """The next request: its first line, headers, body. ``IncompleteReadError`` if none."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        sizes = [int(value) for name, value in headers.items() if name.lower() == "content-length"]
        body = await self.reader.readexactly(sum(sizes))
        return first, headers, body

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def ended(self) -> None:
        """Return once the client has closed."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass

    def reset(self) -> None:
        """Close with an RST."""
        self.writer.transport.abort()


Script = Callable[[Visit], Awaitable[Any]]


class Peer:
    def __init__(self, script: Script, scheme: str) -> None:
        self._script = script
        self._scheme = scheme
        self._tasks: set[asyncio.Future[None]] = set()
        self.visits: list[Visit] = []
        self.port = 0
        self.errors: list[BaseException] = []

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}/v1/chat"

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = Visit(len(self.visits) + 1, reader, writer)
        self.visits.append(visit)
        task = asyncio.ensure_future(self._run(visit))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, visit: Visit) -> None:
        try:
            await self._script(visit)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client left
        except Exception as error:
            self.errors.append(error)
        finally:
            visit.writer.close()

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for visit in self.visits:
            # Python 3.11.2 cannot abort a TLS transport that was closed twice.
            with contextlib.suppress(AttributeError):
                visit.writer.transport.abort()


@contextlib.asynccontextmanager
async def peer(
    script: Script, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncGenerator[Peer, None]:
    """A server that runs ``script`` for each connection. A script's own error fails the test."""
    it = Peer(script, "https" if tls else "http")
    server = await asyncio.start_server(it.serve, host, 0, ssl=tls)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        await it.stop()
    if it.errors:
        raise it.errors[0]


def answers(*replies: bytes) -> Script:
    """Answer each request of a connection with the next of ``replies``, the last for ever."""

    async def script(visit: Visit) -> None:
        number = 0
        while True:
            await visit.request()
            await visit.send(replies[min(number, len(replies) - 1)])
            number += 1

    return script


def once(reply: bytes) -> Script:
    """Answer one request and close."""

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(reply)

    return script


def outbound(url: str, **changes: Any) -> Outbound:
    return Outbound(**{"url": url, "body": b"{}", "connect_timeout": 5.0, **changes})


async def body(inbound: Inbound) -> bytes:
    pieces: list[bytes] = []
    while piece := await inbound.read():
        pieces.append(piece)
    return b"".join(pieces)
