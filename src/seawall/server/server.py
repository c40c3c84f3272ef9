"""A small HTTP/1.1 server: a handler on a port."""

from __future__ import annotations

import asyncio
from types import TracebackType

from ..core import SystemClock
from .connection import Connection
from .limits import Limits
from .messages import Handler

__all__ = ["Server"]


class Server:
    """Serves ``handler`` over HTTP/1.1 on the running loop: keep-alive and pipelining, chunked
    bodies both ways, back-pressure both ways, everything bounded by ``limits``.

    ``async with Server(handler) as server`` listens on a free port of loopback; ``start`` and
    ``stop`` do so one by one. A client that leaves cancels the handler where it waits.
    """

    def __init__(self, handler: Handler, limits: Limits | None = None) -> None:
        self.handler = handler
        self.limits = limits or Limits()
        self.closing = False
        self._clock = SystemClock()
        self._listening: asyncio.Server | None = None
        self._url = ""
        self._connections: set[Connection] = set()
        self._empty = asyncio.Event()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen. Raises ``OSError`` when the address is taken or not ours."""
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(
            lambda: Connection(loop, self, self._clock), host, port
        )
        host, port = self._listening.sockets[0].getsockname()[:2]
        self._url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def url(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:8401``."""
        if not self._url:
            raise RuntimeError("the server has not been started")
        return self._url

    async def stop(self, grace: float = 0.0) -> None:
        """Take no more requests; give replies under way ``grace`` seconds, then cut them."""
        self.closing = True
        if self._listening is not None:
            self._listening.close()
        for connection in list(self._connections):
            connection.finish()
        if self._connections and grace > 0:
            try:
                async with asyncio.timeout(grace):
                    await self._empty.wait()
            except TimeoutError:
                pass
        tasks = [each.task for each in self._connections if each.task is not None]
        for connection in list(self._connections):
            connection.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._connections:
            self._empty.clear()
            await self._empty.wait()

    async def __aenter__(self) -> Server:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    # What connections tell.

    def made(self, connection: Connection) -> bool:
        """Whether there is room for one more."""
        self._connections.add(connection)
        self._empty.clear()
        return len(self._connections) <= self.limits.connections and not self.closing

    def lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()
