"""A handler without a socket: what a client of its server would see, in process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial
from types import AsyncGeneratorType
from typing import cast
from urllib.parse import urlsplit

from ..errors import ConnectionFault, Fault
from ..ports import Headers, Inbound, Outbound, reveal
from ..transports.memory import Answer, Memory
from .messages import Break, Handler, Head, Request, Step

__all__ = ["InProcess"]


class InProcess:
    """``Transport`` to ``handler``, whatever host is asked. ``open`` counts replies that were
    neither read to their end nor given up."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.open = 0

    async def __call__(self, outbound: Outbound, /) -> Inbound:
        steps = self._handler(_request(outbound))
        # One a call: a ``Memory`` keeps every request it was asked.
        inner = await Memory(partial(_answer, steps))(outbound)
        self.open += 1
        return _Reply(self, inner, steps)

    async def aclose(self) -> None: ...


def _request(outbound: Outbound) -> Request:
    url = urlsplit(outbound.url)
    pairs = [(name, reveal(value)) for name, value in outbound.headers]
    return Request(
        method=outbound.method,
        target=(url.path or "/") + (f"?{url.query}" if url.query else ""),
        headers=Headers([("host", url.netloc), *pairs]),
        body=outbound.body,
    )


async def _answer(steps: AsyncGenerator[Step, None], outbound: Outbound) -> Answer:
    async for step in steps:
        if isinstance(step, Head):
            return step.status, Headers(step.headers), _body(steps, outbound.url)
        if isinstance(step, Break):
            break
    raise ConnectionFault(f"{_origin(outbound.url)} closed the connection before a reply")


async def _body(steps: AsyncIterator[Step], url: str) -> AsyncIterator[bytes | Fault]:
    async for step in steps:
        if isinstance(step, bytes):
            yield step
        elif isinstance(step, Break):
            yield ConnectionFault(f"{_origin(url)} closed the connection inside its reply")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class _Reply:
    """A reply that tells its handler when the client leaves."""

    def __init__(self, home: InProcess, inner: Inbound, steps: AsyncGenerator[Step, None]) -> None:
        self.status, self.headers = inner.status, inner.headers
        self._home = home
        self._inner = inner
        self._steps = steps
        self._over = False

    async def read(self) -> bytes:
        try:
            data = await self._inner.read()
        except BaseException:
            self._end()
            raise
        if not data:
            self._end()
        return data

    def release(self) -> None:
        self._inner.release()
        self._end()

    def abort(self, fault: Fault | None = None, /) -> None:
        self._inner.abort(fault)
        self._end()

    def _end(self) -> None:
        if self._over:
            return
        self._over = True
        self._home.open -= 1
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # the loop is gone, and closes what was left on it
        closing = loop.create_task(_close(self._steps))
        _closing.add(closing)
        closing.add_done_callback(_closing.discard)


_closing: set[asyncio.Task[None]] = set()


async def _close(steps: AsyncGenerator[Step, None]) -> None:
    # One that runs has a reader, which was cancelled and takes it along.
    if not cast("AsyncGeneratorType[Step, None]", steps).ag_running:
        await steps.aclose()
