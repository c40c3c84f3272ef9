"""One connection of a server: requests in, one after the other, and their replies out."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from typing import Protocol, cast

from ..core import Watch
from ..ports import Clock
from .limits import Limits
from .messages import Break, Handler, Head, Request
from .parsing import Arrived, Refused, RequestParser
from .writing import CONTINUE, ReplyWriter

__all__ = ["Connection", "Keeper"]

_log = logging.getLogger("seawall.server")

#: Bytes that are joined into one write if they come in the same turn of the loop.
_JOINED = 64 * 1024
#: How long a client that was refused in the middle of its request may take to read why.
_LINGER = 1.0


class Keeper(Protocol):
    """Who keeps the connections. ``closing``: each reply is a connection's last."""

    @property
    def handler(self) -> Handler: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def closing(self) -> bool: ...
    def made(self, connection: Connection, /) -> bool: ...
    def lost(self, connection: Connection, /) -> None: ...


class Connection(asyncio.Protocol):
    """Answers one request at a time, in their order; ``task`` does it. While its client does
    not read, nothing more is made; while a request waits, nothing more is read."""

    def __init__(self, loop: asyncio.AbstractEventLoop, keeper: Keeper, clock: Clock) -> None:
        self._loop = loop
        self._keeper = keeper
        self._parser = RequestParser(keeper.limits)
        self._watch = Watch(clock)
        self._clock = clock
        self._waiting: deque[Arrived | Refused] = deque()
        self._unsent: list[bytes] = []
        self._unsent_size = 0
        self._writable: asyncio.Future[None] | None = None
        self._held = False
        self._over = False
        self.task: asyncio.Task[None] | None = None

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not narrowed by isinstance: uvloop's transports are no subclasses.
        self._transport = cast(asyncio.Transport, transport)
        if self._keeper.made(self):
            self._next()
        else:
            self._refuse(Refused(503, "there are too many connections"))

    def data_received(self, data: bytes) -> None:
        if self._over:
            return  # it was refused, and may read why
        parser = self._parser
        begun = parser.begun
        self._waiting.extend(parser.feed(data))
        if parser.refusal is not None:
            self._over = True
            self._waiting.append(parser.refusal)
        if self.task is not None:
            self._hold(bool(self._waiting))
        elif self._waiting:
            self._next()
        elif parser.continues:
            parser.continues = False
            self._write(CONTINUE)
        if self.task is None and parser.begun and not begun:
            self._limit(self._keeper.limits.request_seconds, self._late)

    def eof_received(self) -> None:
        """A client that closes its side has left: whatever is under way for it can stop."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._over = True
        self._waiting.clear()
        self._unsent.clear()
        self._watch.close()
        self._keeper.lost(self)
        self.resume_writing()
        if self.task is not None:
            self.task.cancel()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    # What the server tells.

    def finish(self) -> None:
        """Close after the reply under way; at once if there is none."""
        if self.task is None:
            self.abort()

    def abort(self) -> None:
        self._over = True
        self._unsent.clear()
        self._transport.abort()

    # Requests.

    def _next(self) -> None:
        """Answer the request that has waited longest, or wait for one."""
        if not self._waiting:
            self._hold(False)
            limits, begun = self._keeper.limits, self._parser.begun
            if begun:
                self._limit(limits.request_seconds, self._late)
            else:
                self._limit(limits.idle_seconds, self.abort)
            return
        self._watch.rest()
        arrived = self._waiting.popleft()
        if isinstance(arrived, Refused):
            self._refuse(arrived)
            return
        self.task = self._loop.create_task(self._answer(arrived))
        self._hold(bool(self._waiting))

    def _hold(self, hold: bool) -> None:
        if hold != self._held:
            self._held = hold
            (self._transport.pause_reading if hold else self._transport.resume_reading)()

    def _limit(self, seconds: float, action: Callable[[], object]) -> None:
        self._watch.arm(self._clock.now() + seconds, action)

    def _late(self) -> None:
        seconds = self._keeper.limits.request_seconds
        self._refuse(Refused(408, f"the request was not complete after {seconds:g} s"))

    def _refuse(self, refused: Refused) -> None:
        """Say why, and close once the client has had time to read it: bytes that nobody read
        would turn the close into a reset, which takes the reason along."""
        self._over = True
        writer = ReplyWriter(Arrived(_NOTHING, chunked=True, keep=False), keep=False)
        self._text(writer, refused.status, refused.message)
        self._flush()
        self._hold(False)
        self._transport.write_eof()
        self._limit(_LINGER, self.abort)

    # Replies.

    async def _answer(self, arrived: Arrived) -> None:
        writer = ReplyWriter(arrived, not self._keeper.closing)
        try:
            broken = await self._play(arrived.request, writer)
        except asyncio.CancelledError:
            self.abort()
            raise
        except Exception:
            request = arrived.request
            _log.exception("the answer to %s %s failed", request.method, request.path)
            self._fail(arrived, writer)
            return
        finally:
            self.task = None
        if broken is not None:
            self._break(broken)
        elif writer.keep and not self._keeper.closing:
            self._next()
        else:
            self._close()

    async def _play(self, request: Request, writer: ReplyWriter) -> Break | None:
        async with aclosing(self._keeper.handler(request)) as steps:
            async for step in steps:
                if isinstance(step, Break):
                    return step
                self._write(writer.head(step) if isinstance(step, Head) else writer.piece(step))
                if self._writable is not None:
                    await self._writable
        self._write(writer.end())
        return None

    def _fail(self, arrived: Arrived, writer: ReplyWriter) -> None:
        """Our own error. A reply that had begun is cut, so that nobody takes it for whole."""
        if writer.begun:
            self.abort()
        else:
            self._text(ReplyWriter(arrived, keep=False), 500, "the server failed")
            self._close()

    def _text(self, writer: ReplyWriter, status: int, message: str) -> None:
        body = f"{message}\n".encode()
        headers = (("content-type", "text/plain"), ("content-length", str(len(body))))
        self._write(writer.head(Head(status, headers)) + writer.piece(body))

    def _break(self, how: Break) -> None:
        if how is Break.CLOSE:
            self._close()
            return
        self._flush()
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def _close(self) -> None:
        self._over = True
        self._flush()
        self._transport.close()

    # Bytes.

    def _write(self, data: bytes) -> None:
        if not data:
            return
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(data)
        self._unsent_size += len(data)
        if self._unsent_size >= _JOINED:
            self._flush()

    def _flush(self) -> None:
        if self._unsent:
            data = self._unsent[0] if len(self._unsent) == 1 else b"".join(self._unsent)
            self._unsent.clear()
            self._unsent_size = 0
            self._transport.write(data)


_NOTHING = Request(method="", target="")
