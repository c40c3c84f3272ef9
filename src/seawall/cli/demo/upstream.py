"""A small provider that fails on purpose: the embedded model behind an HTTP address on loopback.

It serves ``POST /v1/chat/completions`` and does to each request what its script says next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal

from ...errors import Fault
from ...ports import Inbound, Outbound, Transport

__all__ = ["Mishap", "Upstream"]

#: ``cut early``: before the first token; ``cut``: in the middle of the answer.
Mishap = Literal["429", "503", "cut early", "cut"]

_CUT_AFTER = 8
_ANSWERS = {
    "429": (
        "429 Too Many Requests",
        "retry-after: 1\r\n",
        b'{"error": {"message": "too many requests", "type": "rate_limit_error"}}',
    ),
    "503": ("503 Service Unavailable", "", b'{"error": {"message": "the service is down"}}'),
}


class Upstream:
    """Serve what ``transport`` answers on a free port; ``tell`` hears of every mishap."""

    def __init__(self, transport: Transport, tell: Callable[[str], None]) -> None:
        self._transport = transport
        self._tell = tell
        self._script: deque[Mishap] = deque()
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """The base URL it answers on."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/v1"

    def plan(self, mishaps: Iterable[Mishap]) -> None:
        """What happens to the next requests; those after them are answered."""
        self._script = deque(mishaps)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                await self._answer(await _body(reader), writer)
        except (ConnectionError, asyncio.IncompleteReadError, Fault):
            return
        finally:
            writer.close()

    async def _answer(self, body: bytes, writer: asyncio.StreamWriter) -> None:
        mishap = self._script.popleft() if self._script else None
        if mishap in _ANSWERS:
            status, headers, error = _ANSWERS[mishap]
            self._tell(status + (f", {headers.strip()}" if headers else ""))
            _head(writer, status, f"{headers}content-length: {len(error)}\r\n")
            writer.write(error)
            return
        if mishap == "cut early":
            self._tell("the connection is cut before the first token")
            _head(writer, "200 OK", "content-type: text/event-stream\r\ncontent-length: 99\r\n")
            await writer.drain()
            writer.close()
            return
        inbound = await self._transport(
            Outbound(
                url="http://local/chat/completions",
                headers=(("content-type", "application/json"),),
                body=body,
                stream=True,
            )
        )
        await self._relay(inbound, writer, mishap)

    async def _relay(
        self, inbound: Inbound, writer: asyncio.StreamWriter, mishap: Mishap | None
    ) -> None:
        kind = inbound.headers.get("content-type", "application/json")
        headers = f"content-type: {kind}\r\ntransfer-encoding: chunked\r\n"
        _head(writer, f"{inbound.status} {'OK' if inbound.status < 300 else 'Error'}", headers)
        passed = 0
        while data := await inbound.read():
            if mishap == "cut" and passed >= _CUT_AFTER:
                self._tell("the connection is cut in mid-answer")
                inbound.abort()
                writer.transport.abort()
                return
            writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await writer.drain()
            passed += 1
        writer.write(b"0\r\n\r\n")


async def _body(reader: asyncio.StreamReader) -> bytes:
    """The body of the next request; its headers only say how long it is."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next(
        line.partition(":")[2] for line in head.split("\r\n") if line.startswith("content-length:")
    )
    return await reader.readexactly(int(length))


def _head(writer: asyncio.StreamWriter, status: str, headers: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\n{headers}\r\n".encode())
