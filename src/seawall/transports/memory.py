"""Transport ``memory``: a function answers in place of a provider. For tests."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping

from ..errors import ConnectionFault, Fault
from ..ports import Headers, Inbound, Outbound

__all__ = ["Answer", "Body", "Memory"]

Body = bytes | Iterable[bytes | Fault] | AsyncIterable[bytes | Fault]
"""A whole body, or its pieces as they come; a ``Fault`` among them is raised by ``read``."""

Answer = tuple[int, Mapping[str, str], Body]
"""Status, headers and body of a reply."""


class Memory:
    """``Transport`` whose replies ``answer`` makes, or whose fault it raises.

    ``answer`` may be a coroutine function, and a body an asynchronous generator that waits: a
    provider that is slow or hangs. ``requests`` are those carried so far, ``open`` counts
    replies that were neither read to their end nor given up.
    """

    def __init__(self, answer: Callable[[Outbound], Answer | Awaitable[Answer]]) -> None:
        self._answer = answer
        self.requests: list[Outbound] = []
        self.open = 0

    async def __call__(self, outbound: Outbound, /) -> Inbound:
        self.requests.append(outbound)
        answer = self._answer(outbound)
        if inspect.isawaitable(answer):
            answer = await answer
        status, headers, body = answer
        self.open += 1
        return _Reply(self, status, Headers(headers.items()), body)

    async def aclose(self) -> None: ...


class _Reply:
    def __init__(self, memory: Memory, status: int, headers: Headers, body: Body) -> None:
        self.status = status
        self.headers = headers
        self._memory = memory
        self._pieces = _pieces(body)
        self._reading: asyncio.Task[bytes | Fault] | None = None
        self._fault: Fault | None = None
        self._over = False

    async def read(self) -> bytes:
        if self._fault is not None:
            raise self._fault
        if self._over:
            return b""
        self._reading = asyncio.ensure_future(self._next())
        try:
            piece = await self._reading
        except asyncio.CancelledError:
            if self._fault is None:
                self.abort()
                raise
            raise self._fault from None
        finally:
            self._reading = None
        if isinstance(piece, Fault):
            self.abort(piece)
            raise piece
        if not piece:
            self._end()
        return piece

    async def _next(self) -> bytes | Fault:
        """The next piece that is not empty; an empty one at the end."""
        async for piece in self._pieces:
            if piece:
                return piece
        return b""

    def release(self) -> None:
        self._end()

    def abort(self, fault: Fault | None = None, /) -> None:
        if self._over:
            return
        self._fault = fault or ConnectionFault("the reply was given up")
        self._end()
        if self._reading is not None:
            self._reading.cancel()

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._memory.open -= 1


async def _pieces(body: Body) -> AsyncIterator[bytes | Fault]:
    if isinstance(body, bytes):
        yield body
    elif isinstance(body, AsyncIterable):
        async for piece in body:
            yield piece
    else:
        for piece in body:
            yield piece
