"""One exchange through an httpx client: a task that owns the response from head to close.

httpx closes a response by awaiting, and ``Inbound`` must be given up synchronously, from
anywhere. So one task asks, reads ahead a little and closes; giving up is cancelling it. A loop
that ends cancels it too, and so closes its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from ..errors import ConnectionFault, Fault
from ..ports import Headers, Inbound
from .http.decoding import decoder
from .http.inbound import too_large
from .http.loops import run_on

__all__ = ["Exchange"]

#: Bytes read ahead of whoever reads the reply; beyond them the sender is stopped.
HIGH_WATER = 256 * 1024
#: What may come of a released reply before its connection is closed instead of kept.
DRAIN_BYTES = 64 * 1024
DRAIN_SECONDS = 1.0

Name = Callable[[bool, Exception], Exception]


class Exchange:
    """``Inbound`` once ``head`` has returned it. ``ask`` gives the response; ``name`` says what an
    error means, after the head or before it. ``most``: bytes of the decoded body."""

    def __init__(self, ask: Callable[[], Awaitable[Any]], name: Name, most: int | None) -> None:
        self._ask = ask
        self._name = name
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._pieces: list[bytes] = []
        self._ahead = 0
        self._failed: Exception | None = None
        self._answered = self._over = self._released = False
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self.status = 0
        self.headers = Headers()
        self._task = self._loop.create_task(self._run())

    def on_end(self, told: Callable[[Exchange], None]) -> None:
        self._task.add_done_callback(lambda _: told(self))

    async def head(self) -> Inbound:
        """Return once the head is there; raises what came instead."""
        try:
            while not self._answered and self._failed is None:
                await self._wait()
        except BaseException:
            self.abort()
            raise
        if not self._answered and self._failed is not None:
            raise self._failed
        return self

    async def ended(self) -> None:
        """Return once the response is closed."""
        await asyncio.wait({self._task})

    async def read(self) -> bytes:
        while True:
            if self._pieces:
                return self._take()
            if self._failed is not None:
                raise self._failed
            if self._over:
                return b""
            await self._wait()

    def release(self) -> None:
        run_on(self._loop, self._release)

    def abort(self, fault: Fault | None = None, /) -> None:
        run_on(self._loop, self._abort, fault)

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _take(self) -> bytes:
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._forget()
        return data

    def _forget(self) -> None:
        self._pieces.clear()
        self._ahead = 0
        self._room.set()

    def _release(self) -> None:
        if self._released or self._task.done():
            return
        self._released = self._over = True
        self._forget()
        timer = self._loop.call_later(DRAIN_SECONDS, self._task.cancel)
        self._task.add_done_callback(lambda _: timer.cancel())

    def _abort(self, fault: Fault | None) -> None:
        self._forget()
        self._fail(fault or ConnectionFault("the reply was given up"))
        self._task.cancel()

    def _fail(self, error: Exception) -> None:
        if self._failed is None:
            self._failed = error
        self._news.set()

    async def _run(self) -> None:
        try:
            response = await self._ask()
            try:
                await self._receive(response)
            finally:
                with contextlib.suppress(Exception):
                    await response.aclose()
        except Exception as error:
            self._fail(self._name(self._answered, error))
        finally:
            if not self._over and self._failed is None:  # the loop ends, and cancels its tasks
                self._fail(ConnectionFault("the event loop ended"))

    async def _receive(self, response: Any) -> None:
        self.status = response.status_code
        self.headers = Headers(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.headers.raw
        )
        self._answered = True
        self._news.set()
        drained = size = 0
        async with contextlib.aclosing(_body(response)) as body:
            async for data in body:
                if self._released:
                    drained += len(data)
                    if drained > DRAIN_BYTES:
                        return
                    continue
                size += len(data)
                if self._most is not None and size > self._most:
                    raise too_large(self._most)
                await self._deliver(data)
        self._over = True
        self._news.set()

    async def _deliver(self, data: bytes) -> None:
        self._pieces.append(data)
        self._ahead += len(data)
        self._news.set()
        if self._ahead > HIGH_WATER:
            self._room.clear()
            await self._room.wait()


async def _body(response: Any) -> AsyncGenerator[bytes, None]:
    """The decoded body as it comes. It is undone here and not by httpx, which inflates a piece
    to any size and takes a compressed body that lacks its end for whole."""
    if response.is_stream_consumed:
        # A hook of the client's owner has read it, or a transport of his gave it whole.
        yield await response.aread()
        return
    undo = decoder(response.headers.get("content-encoding", ""))
    async with contextlib.aclosing(response.aiter_raw()) as raw:
        async for data in raw:
            if undo is None:
                yield data
                continue
            undo.feed(data)
            while piece := undo.step():
                yield piece
    if undo is not None:
        undo.end()
