"""A client and a simulator on one virtual clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec

from seawall import AsyncSeawall, Reply
from seawall.errors import Fault
from seawall.ports import Headers, Outbound
from seawall.simulator import Script, Simulator
from seawall.testing import VirtualClock

T = TypeVar("T")

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"harbour": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["harbour", "days"],
            "additionalProperties": False,
        },
    },
}


#: A vendor of each wire, at the simulator.
WIRES: dict[str, dict[str, Any]] = {
    "openai_chat": {"base_url": "http://sim/v1"},
    "openai_responses": {"base_url": "http://sim/v1"},
    "anthropic": {"base_url": "http://sim"},
    "gemini": {"base_url": "http://sim/v1beta"},
    "cohere": {"base_url": "http://sim"},
}


class World:
    """``client`` asks ``simulator`` in process; ``run`` drives a coroutine through hours."""

    def __init__(
        self, script: Script | None = None, *, wire: str = "openai_chat", **options: Any
    ) -> None:
        self.clock = VirtualClock()
        self.simulator = Simulator(script, clock=self.clock, **options)
        self.transport = self.simulator.transport()
        self.client = AsyncSeawall(
            ledger=False,
            model="sim/sim",
            vendors={"sim": WIRES[wire] | {"dialect": wire}},
            transports={"http": self.transport},
            clock=self.clock,
        )

    async def run(self, coro: Any) -> Any:
        return await self.clock.run(coro)

    async def ask(self, text: str = "hi", *, stream: bool = False, **options: Any) -> Reply:
        """The whole reply, however it comes."""
        return await self.run(self._ask(text, stream, options))

    async def outcome(self, **options: Any) -> tuple[Fault | None, Any]:
        """The fault, or else the reply."""
        try:
            return None, await self.ask(**options)
        except Fault as fault:
            return fault, None

    async def _ask(self, text: str, stream: bool, options: dict[str, Any]) -> Reply:
        options = {"deadline": 60} | options
        if not stream:
            return await self.client.chat(text, **options)
        async with self.client.stream(text, **options) as answer:
            return await answer.reply()

    async def raw(
        self,
        body: Any = None,
        *,
        path: str = "/v1/chat/completions",
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Headers, bytes]:
        """Status, headers and body as they come, without a client's care."""
        outbound = Outbound(
            method=method,
            url=f"http://sim{path}",
            headers=tuple((headers or {}).items()),
            body=msgspec.json.encode(body) if body else b"",
        )

        async def carry() -> tuple[int, Headers, bytes]:
            inbound = await self.transport(outbound)
            pieces = [piece async for piece in _pieces(inbound.read)]
            return inbound.status, inbound.headers, b"".join(pieces)

        return await self.run(carry())


async def _pieces(read: Callable[[], Awaitable[bytes]]) -> AsyncIterator[bytes]:
    while piece := await read():
        yield piece


def question(text: str = "hi", **fields: Any) -> dict[str, Any]:
    return {"model": "sim", "messages": [{"role": "user", "content": text}], **fields}
