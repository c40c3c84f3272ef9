"""One connection: a call's bytes out, its reply's bytes in, and who closes it when."""

from __future__ import annotations

import asyncio
import math
from typing import Protocol, cast

from ...errors import ConnectionFault, Fault
from ...ports import Outbound
from .inbound import HttpInbound
from .limits import Limits
from .parsing import ReplyParser
from .request import JOINED, Defaults, write
from .target import Origin, Target
from .tls import said_goodbye

__all__ = ["Connection", "Keeper"]

#: Bytes of a reply that may lie unread before the sender is stopped.
HIGH_WATER = 256 * 1024
#: What a released reply may still send, in bytes and in seconds, and keep its connection.
DRAIN_BYTES = 64 * 1024
DRAIN_SECONDS = 1.0
#: A close that has crossed a request is seen a round trip later. One that comes after more
#: seconds than this was no crossing: the server had the request, and may have acted upon it.
CROSSED_SECONDS = 1.0

_SLICE = 256 * 1024


class Keeper(Protocol):
    """Who owns connections between calls. Both are told once a reply and once a connection."""

    def give(self, connection: Connection, /) -> None: ...
    def lost(self, connection: Connection, /) -> None: ...


class Connection(asyncio.Protocol):
    """Serves one call at a time and goes back to its keeper after each reply that allows it.

    ``expires``: the loop's time from which an idle connection is not used. ``over``: it will
    carry nothing more; ``gone``: its socket is closed too.
    """

    __slots__ = (
        "_asked",
        "_draining",
        "_inbound",
        "_keeper",
        "_limits",
        "_loop",
        "_origin",
        "_parser",
        "_placed",
        "_sent",
        "_served",
        "_transport",
        "_writable",
        "expires",
        "gone",
        "over",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, keeper: Keeper, origin: Origin, limits: Limits
    ) -> None:
        self._loop = loop
        self._keeper = keeper
        self._origin = origin
        self._limits = limits
        self._parser = ReplyParser(limits)
        self._inbound: HttpInbound | None = None
        self._draining: asyncio.TimerHandle | None = None
        self._writable: asyncio.Future[None] | None = None
        self._served = 0
        self._asked = 0.0
        self._placed = True
        self._sent = True
        self.gone = False
        self.over = False
        self.expires = 0.0

    def start(self, target: Target, outbound: Outbound, defaults: Defaults) -> HttpInbound:
        """Write the request, without a body that is large, and say where its reply will be."""
        most = math.inf if outbound.stream else self._limits.body_bytes
        inbound = self._inbound = HttpInbound(self, self._loop, most)
        self._parser.start(inbound, target.method == "HEAD")
        self._sent = len(outbound.body) <= JOINED
        self._asked = self._loop.time()
        write(self._transport, target, outbound, defaults)
        return inbound

    async def send(self, inbound: HttpInbound, body: bytes) -> None:
        """Write a body too large for ``start`` as fast as the server takes it, unless it answers
        before the end."""
        rest = memoryview(body)
        while rest and not self._sent:
            if inbound.status or inbound is not self._inbound:
                return
            self._transport.write(rest[:_SLICE])
            rest = rest[_SLICE:]
            if self._writable is not None:
                await self._writable
        self._sent = True

    @property
    def used(self) -> bool:
        """Whether a reply came through it."""
        return self._served > 0

    def idle_seconds(self) -> float:
        """How long this connection may idle: a second less than the server says, so that a call
        and the server's close do not cross."""
        said = self._parser.keep_alive
        most = self._limits.idle_seconds
        return most if said is None else min(most, said - 1.0)

    def resume(self) -> None:
        inbound = self._inbound
        if inbound is not None and inbound.held:
            inbound.held = False
            self._transport.resume_reading()

    def drain(self) -> None:
        """Nobody reads the reply any more: it may end soon, or the connection closes."""
        self.resume()
        self._draining = self._loop.call_later(DRAIN_SECONDS, self.close)

    def close(self) -> None:
        """Close at once. A reply under way fails."""
        self._end(ConnectionFault(f"the connection to {self._origin} was closed here"))
        self.leave()

    def abandon(self, inbound: HttpInbound) -> None:
        """The call of ``inbound`` gave up. A connection that already went on is left alone."""
        if self._inbound is inbound:
            self.close()
        elif inbound.stale:
            self.leave()

    def leave(self) -> None:
        """Give up the place in the pool, once."""
        if self._placed:
            self._placed = False
            self._keeper.lost(self)

    def hand_over(self) -> bool:
        """Leave the place to a replacement; false if it is already gone."""
        placed, self._placed = self._placed, False
        return placed

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not narrowed by isinstance: uvloop's transports are no subclasses.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        inbound = self._inbound
        if inbound is None:
            self.close()  # bytes nobody asked for must never be taken for the next reply
            return
        try:
            complete = self._parser.feed(data)
        except Fault as fault:
            self._end(fault)
            self.leave()
            return
        if complete:
            self._finish(inbound, self._parser.reusable)
        elif inbound.status:
            self._deliver(inbound)

    def eof_received(self) -> None:
        inbound = self._inbound
        by_close = inbound is not None and self._parser.ends_with_connection()
        if inbound and by_close and said_goodbye(self._transport):
            self._finish(inbound, False)
        else:
            self._cut(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        self._cut(exc)

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    def _deliver(self, inbound: HttpInbound) -> None:
        if self._draining is not None:
            inbound.pieces.clear()
            if inbound.size > DRAIN_BYTES:
                self.close()
            return
        inbound.wake()
        if inbound.size > HIGH_WATER and not inbound.held:
            inbound.held = True
            self._transport.pause_reading()
        if not self._sent:
            self.resume_writing()  # the answer came early: stop sending

    def _finish(self, inbound: HttpInbound, reusable: bool) -> None:
        if inbound.held:
            self.resume()
        self._inbound = None
        inbound.finish()
        if self._draining is not None:
            self._draining.cancel()
            self._draining = None
            inbound.pieces.clear()
        if reusable and self._sent:
            self._served += 1
            self._keeper.give(self)
        else:
            self.close()

    def _cut(self, exc: Exception | None) -> None:
        """The other side has gone."""
        if self.over:
            return
        inbound = self._inbound
        why = f": {exc}" if exc is not None else ""
        if inbound is None or inbound.status:
            fault = ConnectionFault(f"{self._origin} closed the connection inside its reply{why}")
        else:
            fault = ConnectionFault(f"{self._origin} closed the connection before a reply{why}")
            # It closed an idle connection while the request was on its way, so it has not acted
            # upon it: RFC 9112, section 9.3.1. The place in the pool goes to the replacement.
            crossed = self._loop.time() - self._asked < CROSSED_SECONDS
            inbound.stale = self._served > 0 and crossed and not self._parser.touched()
        self._end(fault)
        if inbound is None or not inbound.stale:
            self.leave()

    def _end(self, fault: Fault) -> None:
        if self.over:
            return
        self.over = True
        inbound, self._inbound = self._inbound, None
        if self._draining is not None:
            self._draining.cancel()
        if inbound is not None:
            inbound.fail(fault)
        self.resume_writing()
        self._transport.abort()
