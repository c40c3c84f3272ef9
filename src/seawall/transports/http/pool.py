"""The connections to one origin: who has one, who waits for one, which may idle."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from ...errors import ClosedError, TimeoutFault
from .connection import Connection
from .limits import Limits

__all__ = ["Open", "Pool"]

#: Opens a connection within so many seconds.
Open = Callable[["Pool", float | None], Awaitable[Connection]]


class Pool:
    """Lends connections, the one used last first, and makes callers beyond the limit queue.

    ``open`` counts places: connections that live, and those being opened. Whoever waits while
    one is given back or lost gets it, or its place, at once; so nobody overtakes the queue.
    """

    __slots__ = (
        "_all",
        "_closed",
        "_idle",
        "_limits",
        "_loop",
        "_open",
        "_sweeper",
        "_waiting",
        "open",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits, open: Open) -> None:
        self._loop = loop
        self._limits = limits
        self._open = open
        self._all: set[Connection] = set()
        self._idle: list[Connection] = []
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False
        self.open = 0

    def take(self) -> Connection | None:
        """An idle connection, if there is a good one."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.expires > self._loop.time():
                return connection
            connection.close()
        return None

    async def acquire(self, connect_timeout: float | None) -> Connection:
        """A connection, in turn. Raises ``TimeoutFault`` (``pool``, ``connect``) or
        ``ConnectionFault``."""
        connection = self.take()
        while connection is None or connection.over:
            if self.open < self._limits.connections:
                self.open += 1
                return await self._fill(connect_timeout)
            connection = await self._queue()
            if connection is None:
                return await self._fill(connect_timeout)
        return connection

    async def fresh(self, connect_timeout: float | None) -> Connection:
        """``acquire``, for a connection that nothing came through before."""
        connection = await self.acquire(connect_timeout)
        while connection.used:
            connection.close()
            connection = await self.acquire(connect_timeout)
        return connection

    async def replace(self, stale: Connection, connect_timeout: float | None) -> Connection:
        """A new connection in the place of ``stale``."""
        if stale.hand_over():
            self._all.discard(stale)
            return await self._fill(connect_timeout)
        return await self.acquire(connect_timeout)

    def give(self, connection: Connection, /) -> None:
        """``connection`` is free."""
        if self._waiting and (waiter := self._next()) is not None:
            waiter.set_result(connection)
        elif len(self._idle) >= self._limits.idle:
            connection.close()
        else:
            seconds = connection.idle_seconds()
            connection.expires = self._loop.time() + seconds
            self._idle.append(connection)
            if self._sweeper is None:
                self._sweeper = self._loop.call_later(max(0.0, seconds), self._sweep)

    def lost(self, connection: Connection, /) -> None:
        """``connection`` is no more."""
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._free()

    def close(self) -> set[Connection]:
        """Close everything; what is returned may still have its socket for a moment."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        while (waiter := self._next()) is not None:
            waiter.set_exception(ClosedError("the transport was closed while the call waited"))
        closing = set(self._all)
        for connection in closing:
            connection.close()
        return closing

    async def _fill(self, connect_timeout: float | None) -> Connection:
        """Open a connection in a place taken before; give up the place if that fails."""
        try:
            connection = await self._open(self, connect_timeout)
        except BaseException:
            self._free()
            raise
        self._all.add(connection)
        if self._closed:
            connection.close()
            raise ClosedError("the transport was closed while the call connected")
        return connection

    async def _queue(self) -> Connection | None:
        """Wait for a connection or (``None``) for a place."""
        waiter: asyncio.Future[Connection | None] = self._loop.create_future()
        self._waiting.append(waiter)
        timer = None
        if (seconds := self._limits.pool_timeout) is not None:
            timer = self._loop.call_later(seconds, _expire, waiter, seconds)
        try:
            return await waiter
        except asyncio.CancelledError:
            self._return(waiter)
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def _return(self, waiter: asyncio.Future[Connection | None]) -> None:
        """Pass on what a cancelled caller was given in the same moment."""
        if waiter.cancelled() or waiter.exception() is not None:
            return
        connection = waiter.result()
        if connection is None:
            self._free()
        elif not connection.over:
            self.give(connection)

    def _next(self) -> asyncio.Future[Connection | None] | None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                return waiter
        return None

    def _free(self) -> None:
        waiter = self._next()
        if waiter is not None:
            waiter.set_result(None)
        else:
            self.open -= 1

    def _sweep(self) -> None:
        """Close what has idled too long, and come back for the next one."""
        now = self._loop.time()
        for connection in [idle for idle in self._idle if idle.expires <= now]:
            connection.close()
        self._sweeper = None
        if self._idle:
            due = min(connection.expires for connection in self._idle)
            self._sweeper = self._loop.call_later(due - now, self._sweep)


def _expire(waiter: asyncio.Future[Connection | None], seconds: float) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutFault("pool", seconds))
