"""A provider on loopback whose every byte is the test's: real sockets, on a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

__all__ = [
    "CLOSE",
    "DONE",
    "END",
    "HOLD",
    "RESET",
    "STREAM",
    "Asked",
    "Upstream",
    "chunk",
    "error",
    "event",
    "finish",
    "piece",
    "sends",
    "streams",
    "upstream",
    "whole",
]


class Asked:
    """One question as it arrived. ``gone`` is set when the client has closed its connection."""

    def __init__(self, head: bytes, body: bytes, connection: int) -> None:
        lines = head.decode("latin-1").split("\r\n")
        self.path = lines[0].split(" ")[1]
        self.headers = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines[1:])
        }
        self.raw = body
        self.connection = connection
        self.gone = threading.Event()

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.raw)


Answer = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


class Upstream:
    """``script`` holds the next answers, ``usual`` what comes when it is empty."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.script: list[Answer] = []
        self.usual: Answer = whole()
        self.connections = 0
        self.open = 0
        self.arrived = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def wait_for(self, questions: int, seconds: float = 10.0) -> Asked:
        """The last of so many questions, once they have all arrived."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.asked) >= questions, seconds)
        return self.asked[questions - 1]

    def settings(self, **more: Any) -> dict[str, Any]:
        """Settings of a client whose default model is here."""
        return {
            "vendors": {"wall": {"base_url": self.url, "key": "wall-key-0123456789"}},
            "model": "wall/m",
            "ledger": False,
            **more,
        }

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        number, asked = self.connections, None
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    line for line in head.lower().split(b"\r\n") if line.startswith(b"content-len")
                )
                body = await reader.readexactly(int(length.partition(b":")[2]))
                asked = Asked(head, body, number)
                await self._answer(asked, reader, writer)
                if writer.is_closing():
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            self.open -= 1
            writer.close()
            if asked is not None:
                asked.gone.set()

    async def _answer(
        self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        answer = self.script.pop(0) if self.script else self.usual
        with self.arrived:
            self.asked.append(asked)
            self.arrived.notify_all()
        answering = asyncio.ensure_future(answer(asked, writer))
        # An answer under way must not hide that the client has gone.
        leaving = asyncio.ensure_future(_eof(reader))
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if leaving.done():
            answering.cancel()
            raise ConnectionError
        leaving.cancel()
        await asyncio.wait({leaving})
        answering.result()

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="upstream")
        self._thread.start()
        listening = asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result(10)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the sockets are closed in the loop's next turn


async def _eof(reader: asyncio.StreamReader) -> None:
    # Looking, not reading: the next question's bytes stay where they are.
    with contextlib.suppress(ConnectionError):
        while not reader.at_eof() and not reader._buffer:  # type: ignore[attr-defined]
            await reader._wait_for_data("eof")  # type: ignore[attr-defined]
        if not reader.at_eof():
            await asyncio.Event().wait()


@contextlib.contextmanager
def upstream(*script: Answer) -> Iterator[Upstream]:
    """Serve while open; ``script`` first, then complete answers."""
    up = Upstream()
    up.script.extend(script)
    up.start()
    try:
        yield up
    finally:
        up.stop()


class _Mark:
    def __init__(self, name: str) -> None:
        self.name = name


#: Say nothing more, and keep the connection until the client closes it.
HOLD = _Mark("hold")
#: Close the connection in order, or reset it.
CLOSE, RESET = _Mark("close"), _Mark("reset")


def sends(*steps: bytes | float | _Mark) -> Answer:
    """An answer of bytes as they stand and pauses in seconds."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        for step in steps:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif isinstance(step, (int, float)):
                await asyncio.sleep(step)
            elif step is HOLD:
                await asyncio.Event().wait()
            else:
                if step is RESET:
                    sock: socket.socket = writer.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.close()

    return answer


def http(
    status: int, body: bytes, headers: Mapping[str, str] | None = None, kind: str = ""
) -> bytes:
    lines = {"content-type": kind or "application/json", "content-length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**lines, **(headers or {})}.items())
    return f"HTTP/1.1 {status} x\r\n{head}\r\n".encode() + body


def whole(text: str = "Trieste", **more: Any) -> Answer:
    """A complete answer of 12 and 3 tokens."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": more.pop("message", {"role": "assistant", "content": text}),
                "finish_reason": more.pop("reason", "stop"),
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
    }
    return sends(http(200, msgspec.json.encode(body), more.pop("headers", None)))


def error(
    status: int, message: str = "no", headers: Mapping[str, str] | None = None, **fields: Any
) -> Answer:
    body = msgspec.json.encode({"error": {"message": message, **fields}})
    return sends(http(status, body, headers))


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(value: Any) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def piece(text: str | None = None, reason: str | None = None, **delta: Any) -> bytes:
    """One event of a stream."""
    index = delta.pop("index", 0)
    if text is not None:
        delta["content"] = text
    choice = {"index": index, "delta": delta, "finish_reason": reason}
    return event({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]})


DONE = b"data: [DONE]\n\n"


def finish(reason: str = "stop") -> bytes:
    """The finish, the usage and the end mark."""
    usage = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
    return piece(reason=reason) + event({"choices": [], "usage": usage}) + DONE


def streams(*steps: bytes | float | _Mark) -> Answer:
    """A chunked stream of ``steps``, complete unless they end otherwise."""
    tail: Sequence[Any] = () if steps and isinstance(steps[-1], _Mark) else (END,)
    body = [chunk(step) if isinstance(step, bytes) else step for step in steps]
    return sends(STREAM, *body, *tail)
