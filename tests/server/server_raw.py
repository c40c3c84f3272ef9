"""A client that sends and sees every byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from seawall.server import Head, Request, Server, Step

HOST = b"host: h\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"


def post(body: bytes, target: bytes = b"/") -> bytes:
    head = b"POST " + target + b" HTTP/1.1\r\n" + HOST
    return head + b"content-length: %d\r\n\r\n" % len(body) + body


class Raw:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send ``data`` and read one reply."""
        await self.send(data)
        return await self.reply()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next reply; its chunks joined."""
        status, headers = await self.head()
        if headers.get("transfer-encoding") == "chunked":
            return status, headers, b"".join([piece async for piece in self.chunks()])
        if "content-length" in headers:
            return status, headers, await self.reader.readexactly(int(headers["content-length"]))
        return status, headers, await self.reader.read()

    async def head(self) -> tuple[int, dict[str, str]]:
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(": ") for line in lines if line)
        return int(first.split()[1]), {name.lower(): value for name, _, value in pairs}

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            yield (await self.reader.readexactly(size + 2))[:-2]
        assert await self.reader.readexactly(2) == b"\r\n"

    async def ended(self) -> bytes:
        """What still comes, once the server has closed its side."""
        return await asyncio.wait_for(self.reader.read(), 5)


@asynccontextmanager
async def connect(server: Server) -> AsyncGenerator[Raw, None]:
    address = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


async def echo(request: Request) -> AsyncGenerator[Step, None]:
    """Says what was asked: method, target, body."""
    body = b" ".join([request.method.encode(), request.target.encode(), request.body])
    yield Head(200, (("content-type", "text/plain"), ("content-length", str(len(body)))))
    yield body
