"""Official SDKs above the door, the simulator below it, one virtual clock for both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai

import seawall
from seawall.simulator import Rule, Script, Simulator
from seawall.sinks import Ledger
from seawall.testing import VirtualClock

KEY = "sk-door-0123456789abcdef0123"
MESSAGES: list[Any] = [{"role": "user", "content": "Name a harbour."}]


class DoorWorld:
    """``sdk`` asks ``first`` through a door; ``second`` is the route to fall back to.

    ``first`` and ``second`` are simulators behind their own vendors, ``one`` and ``two``.
    """

    def __init__(
        self,
        directory: Path,
        first: Script | None = None,
        second: Script | None = None,
        *,
        sdk: dict[str, Any] | None = None,
        vendors: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.clock = VirtualClock()
        self.first = Simulator(first or Script(), clock=self.clock)
        self.second = Simulator(second or Script(), clock=self.clock)
        self.directory = directory
        two = second is not None
        self.http: Any = seawall.http_client(
            vendors=vendors
            or {
                "one": {"base_url": "http://one/v1"},
                "two": {"base_url": "http://two/v1", "transport": "two"},
            },
            transports={"http": self.first.transport(), "two": self.second.transport()},
            fallback="two/sim" if two else (),
            ledger={"dir": str(directory)},
            clock=self.clock,
            **options,
        )
        self.sdk = openai.AsyncOpenAI(
            api_key=KEY, base_url="http://one/v1", http_client=self.http, **(sdk or {})
        )

    def run(self, work: Any) -> Any:
        return self.clock.run(work)

    async def text(self, *, stream: bool = False, **asked: Any) -> str:
        """The answer's text, however it comes."""
        asked = {"model": "sim", "messages": MESSAGES} | asked
        if not stream:
            done = await self.sdk.chat.completions.create(**asked)
            return done.choices[0].message.content or ""
        pieces: list[str] = []
        async for chunk in await self.sdk.chat.completions.create(stream=True, **asked):
            pieces += [choice.delta.content or "" for choice in chunk.choices]
        return "".join(pieces)

    async def rows(self) -> list[Any]:
        """The ledger's rows, oldest first, after everything has been imported."""
        door = self.http._transport._door
        assert door.assembly.journal.importer.flush(10)
        with Ledger.open(self.directory) as ledger:
            return [ledger.get(row.id) for row in ledger.calls()]


def faulty(fault: str, **rule: Any) -> Script:
    return Script(faults=(Rule(fault=fault, **rule),))
