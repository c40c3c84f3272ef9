"""A provider on loopback that speaks a dialect: what comes in is read, what goes out written,
by the codec under test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from seawall.dialects.openai_chat import FACE
from seawall.errors import Fault
from seawall.ports import Face
from seawall.types import Event, Request, Response

#: An answer is a response, the events of a stream (a fault among them goes in band), or a fault.
Answer = Response | Fault | Sequence[Event | Fault]


@dataclass
class Provider:
    """``headers``, ``bodies`` and ``requests``: what was asked. ``answer`` says what to reply."""

    answer: Callable[[Request], Answer]
    face: Face = FACE
    base_url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    bodies: list[bytes] = field(default_factory=list[bytes])
    requests: list[Request] = field(default_factory=list[Request])
    open: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open[writer] = asyncio.current_task()
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                headers = _headers(head)
                body = await reader.readexactly(int(headers["content-length"]))
                await self._reply(head.split(b" ")[1].decode(), headers, body, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            del self.open[writer]

    async def aclose(self) -> None:
        for writer in self.open:
            writer.close()
        await asyncio.gather(*(task for task in self.open.values() if task is not None))

    async def _reply(
        self, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter
    ) -> None:
        self.headers.append(headers)
        self.bodies.append(body)
        try:
            head = self.face.peek(path, headers, body)
            self.requests.append(self.face.read(path, headers, body))
            answer = self.answer(self.requests[-1])
        except Fault as fault:
            answer = fault
        if isinstance(answer, Fault):
            status, fields, content = self.face.complain(answer)
            _send(writer, status, dict(fields.pairs), content)
        elif isinstance(answer, Response):
            _send(writer, 200, {"content-type": "application/json"}, self.face.write(answer))
        else:
            pieces = self.face.writer(head)
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                b"transfer-encoding: chunked\r\n\r\n"
            )
            for event in answer:
                broken = isinstance(event, Fault)
                _chunk(writer, pieces.fault(event) if broken else pieces.event(event))
                await writer.drain()
                if broken:
                    # Aborted, not ended: a client that overlooks the error must not see an end.
                    writer.close()
                    return
            _chunk(writer, pieces.end())
            writer.write(b"0\r\n\r\n")
        await writer.drain()


def _headers(head: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:-2])
    return {name.lower(): value.strip() for name, _, value in pairs}


def _send(writer: asyncio.StreamWriter, status: int, headers: dict[str, str], body: bytes) -> None:
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items())]
    lines += [f"content-length: {len(body)}", "", ""]
    writer.write("\r\n".join(lines).encode("latin-1") + body)


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    if data:
        writer.write(b"%x\r\n%b\r\n" % (len(data), data))


@asynccontextmanager
async def provider(
    answer: Callable[[Request], Answer], face: Face = FACE
) -> AsyncIterator[Provider]:
    asked = Provider(answer, face)
    server = await asyncio.start_server(asked.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    asked.base_url = f"http://{host}:{port}/v1"
    try:
        yield asked
    finally:
        server.close()
        await asked.aclose()
        await server.wait_closed()
