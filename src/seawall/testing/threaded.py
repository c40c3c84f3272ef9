"""A server on a thread of its own: for tests of any kind, with or without a loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from ..server import Handler, Server

__all__ = ["ThreadedServer"]


class ThreadedServer:
    """Serves ``handler`` on a free port of loopback from its making until ``close``. Tests may
    hold up their own loop, or have none."""

    def __init__(self, handler: Handler) -> None:
        self._loop = asyncio.new_event_loop()
        self._server = Server(handler)
        self._thread = threading.Thread(target=self._run, name="seawall-testing", daemon=True)
        self._thread.start()
        try:
            self._await(self._server.start())
        except BaseException:
            self._end()
            raise
        self.url = self._server.url

    def close(self) -> None:
        """Stop serving; replies under way are cut."""
        self._await(self._stop())
        self._end()

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    def _await(self, coro: Coroutine[Any, Any, None]) -> None:
        # Not run by the caller, whose own loop may be running.
        asyncio.run_coroutine_threadsafe(coro, self._loop).result(30)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)

    async def _stop(self) -> None:
        await self._server.stop()
        # What clients left behind on this loop (connections upstream) is closed with it.
        await self._loop.shutdown_asyncgens()
