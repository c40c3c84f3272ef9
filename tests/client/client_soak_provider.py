"""The soak's provider: a process of its own, so that the memory measured is the client's.

It remembers nothing, so the question says what is to happen to it: a word such as ``@reset`` in
the text, under which only vendor ``a`` fails, for good, and ``@once``, which fails whoever asks
first and is cured by asking again.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import Any, cast

PIECES = 12
_MARK = re.compile(rb"@(\w+)")
_FIRST = b"x-seawall-attempts-left: 3"


def _http(status: int, body: bytes, headers: str = "") -> bytes:
    kind = "content-type: application/json\r\n"
    head = f"HTTP/1.1 {status} x\r\n{kind}{headers}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _event(value: Any) -> bytes:
    data = b"data: " + json.dumps(value).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


def _piece(text: str, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    return _event({"id": "c", "model": "m", "choices": [choice]})


USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
MESSAGE = {"role": "assistant", "content": "Trieste. " * 60}
CHOICE = {"index": 0, "message": MESSAGE, "finish_reason": "stop"}
WHOLE = _http(
    200, json.dumps({"id": "c", "model": "m", "choices": [CHOICE], "usage": USAGE}).encode()
)
HEAD = b"HTTP/1.1 200 x\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
BEGUN = HEAD + b"".join(_piece("Trieste ") for _ in range(PIECES))
STREAMED = BEGUN + _piece("", "stop") + _event({"choices": [], "usage": USAGE}) + b"0\r\n\r\n"
ERROR = json.dumps({"error": {"message": "no"}}).encode()
FAULTS = {
    b"503": _http(503, ERROR),
    b"429": _http(429, ERROR, "retry-after-ms: 1\r\n"),
    b"400": _http(400, ERROR),
    b"401": _http(401, ERROR),
    b"html": b"HTTP/1.1 200 x\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>",
    b"cut": BEGUN,
    b"held": BEGUN,
}


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) > 0:
            head = self._data[:end].lower()
            found = re.search(rb"content-length: *(\d+)", head)
            assert found is not None
            size = end + 4 + int(found[1])
            if len(self._data) < size:
                return
            body, self._data = self._data[end + 4 : size], self._data[size:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        marked = _MARK.search(body)
        what = marked[1] if marked else b""
        if what == b"once":
            what = b"503" if _FIRST in head else b""
        elif not head.startswith(b"post /a/") and what != b"400":
            what = b""
        if what == b"reset":
            self._transport.abort()
        elif what in FAULTS:
            self._transport.write(FAULTS[what])
            if what == b"cut":
                self._transport.close()
        else:
            self._transport.write(STREAMED if b'"stream":true' in body else WHOLE)


async def _main() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # It ends with whoever started it, however that ends.
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main())
