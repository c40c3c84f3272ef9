"""The provider every client is measured against: an ``asyncio.Protocol`` in its own process."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import cast

import httptools
import uvloop

__all__ = ["CHUNKS", "serving"]

#: Chunks of a stream that carry text.
CHUNKS = 200

_ANSWER = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"any",'
    b'"choices":[{"index":0,"message":{"role":"assistant","content":"%s","refusal":null},'
    b'"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":160,'
    b'"completion_tokens":120,"total_tokens":280},"system_fingerprint":"fp_1"}'
) % (b"Trieste lies on the Adriatic. " * 20)

_CHUNK = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,'
    b'"model":"any","system_fingerprint":"fp_1","choices":[{"index":0,"delta":%s,'
    b'"logprobs":null,"finish_reason":%s}]}\n\n'
)
_PIECES = (
    _CHUNK % (b'{"role":"assistant","content":""}', b"null"),
    *(_CHUNK % (b'{"content":" wave"}', b"null") for _ in range(CHUNKS)),
    _CHUNK % (b"{}", b'"stop"'),
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,'
    b'"model":"any","choices":[],"usage":{"prompt_tokens":160,"completion_tokens":200,'
    b'"total_tokens":360}}\n\n',
    b"data: [DONE]\n\n",
)
_WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(_ANSWER),
    _ANSWER,
)
_STREAM = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    *(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in _PIECES),
    b"0\r\n\r\n",
)


class _Provider(asyncio.Protocol):
    """Answers each request whole, or as a stream when its body asks for one."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio.Transport.
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        stream = b'"stream":true' in self._body or b'"stream": true' in self._body
        self._body = b""
        if not stream:
            self._transport.write(_WHOLE)
            return
        asyncio.ensure_future(self._send())  # noqa: RUF006 - lives as long as its connection

    async def _send(self) -> None:
        """Each event in a write and a packet of its own, as providers send them."""
        for piece in _STREAM:
            self._transport.write(piece)
            await asyncio.sleep(0)


async def _serve(ready: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(_Provider, "127.0.0.1", 0)
    ready.send(server.sockets[0].getsockname()[1])
    # Never asleep: over loopback the kernel charges whoever writes with waking whoever reads.
    while server.is_serving():
        await asyncio.sleep(0)


def _run(ready: Connection) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(ready))


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """The provider's base URL, while it runs."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_run, args=(there,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}/v1"
    finally:
        process.terminate()
        process.join(5)
