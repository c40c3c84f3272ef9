"""The vendors of ``recovery_world`` on loopback, on a thread of their own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from recovery_world import World

from seawall import AsyncSeawall, Seawall
from seawall.core import SystemClock
from seawall.ports import Outbound

__all__ = ["Served", "served"]


class Served:
    """``world`` behind an address; ``left`` counts the connections that were closed by the
    client while an answer was under way."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.clock = SystemClock()
        self.left = 0
        self.open = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vendors")
        self._thread.start()
        listening = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result(10)
        self._port = self._server.sockets[0].getsockname()[1]

    def settings(self, **more: Any) -> dict[str, Any]:
        vendors, models, defaults = self.world.settings()
        for name, row in vendors.items():
            row["base_url"] = f"http://127.0.0.1:{self._port}/{name}/v1"
        defaults["deadline"] = {"idle": 0.5, "first_token": 5, "total": 20}
        known = {"vendors": vendors, "models": models, "model": "all", "ledger": False}
        return known | more | {"defaults": defaults | more.get("defaults", {})}

    def client(self, **more: Any) -> AsyncSeawall:
        return AsyncSeawall(**self.settings(**more))

    def sync_client(self, **more: Any) -> Seawall:
        return Seawall(**self.settings(**more))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode().lower().split("\r\n")
                length = next(line for line in lines if line.startswith("content-length"))
                body = await reader.readexactly(int(length.partition(":")[2]))
                vendor = lines[0].split("/")[1]
                await self._answer(vendor, body, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            self.open -= 1
            writer.close()

    async def _answer(
        self, vendor: str, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        asked = Outbound(url=f"http://{vendor}.test/v1", body=body)
        status, headers, answer = self.world.answer(asked)
        lines = [f"HTTP/1.1 {status} x", *(f"{name}: {value}" for name, value in headers.items())]
        if isinstance(answer, bytes):
            lines += [f"content-length: {len(answer)}", "", ""]
            writer.write("\r\n".join(lines).encode() + answer)
            return
        lines += ["transfer-encoding: chunked", "", ""]
        writer.write("\r\n".join(lines).encode())
        telling = asyncio.ensure_future(_tell(answer, writer))
        leaving = asyncio.ensure_future(reader.read(1))
        await asyncio.wait({telling, leaving}, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not telling.done():
            self.left += 1
            telling.cancel()
            raise ConnectionError
        await asyncio.wait({leaving})
        telling.result()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


async def _tell(answer: Any, writer: asyncio.StreamWriter) -> None:
    async for piece in answer:
        if not isinstance(piece, bytes):
            writer.transport.abort()
            raise ConnectionError
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()


@contextlib.contextmanager
def served(world: World) -> Iterator[Served]:
    it = Served(world)
    try:
        yield it
    finally:
        it.stop()
