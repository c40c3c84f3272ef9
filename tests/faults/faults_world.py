"""One question through either door, under any fault, on a virtual clock."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Any

import openai
from msgspec import Struct

import seawall
from seawall import AsyncSeawall, Fault
from seawall.simulator import Script, Simulator
from seawall.sinks import Ledger
from seawall.testing import VirtualClock

KEY = "sk-matrix-0123456789abcdef01"
QUESTION: list[Any] = [{"role": "user", "content": "Name a harbour."}]
#: Seconds for the whole call, by settings of the library and by the timeout of the SDK.
DEADLINE = 30.0
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "tide",
            "parameters": {
                "type": "object",
                "properties": {"place": {"type": "string"}},
                "required": ["place"],
            },
        },
    }
]


#: Where each dialect is asked at the simulator.
AT = {
    "openai_chat": "http://one/v1",
    "openai_responses": "http://one/v1",
    "anthropic": "http://one",
    "gemini": "http://one/v1beta",
    "cohere": "http://one",
}


class Told(Struct):
    """What the application got: an answer, or an error and what came before it. ``marked``:
    the answer says that a piece of it may be missing."""

    text: str = ""
    calls: list[tuple[str, str]] = []
    error: Exception | None = None
    marked: bool = False
    took: float = 0.0


class FaultsWorld:
    """``first`` is asked first, in ``dialect``; ``second`` (if there is a script for it) after
    that."""

    def __init__(
        self,
        directory: Path,
        first: Script,
        second: Script | None = None,
        *,
        dialect: str = "openai_chat",
        **options: Any,
    ) -> None:
        self.clock = VirtualClock()
        self.directory = directory
        self.first = Simulator(first, clock=self.clock)
        self.second = Simulator(second or Script(), clock=self.clock)
        self.carriers = [self.first.transport(), self.second.transport()]
        self.settings: dict[str, Any] = {
            "vendors": {
                "one": {"base_url": AT[dialect], "dialect": dialect},
                "two": {"base_url": "http://two/v1", "transport": "two"},
            },
            "transports": {"http": self.carriers[0], "two": self.carriers[1]},
            "ledger": {"dir": str(directory)},
            "clock": self.clock,
        }
        self.two = second is not None
        self.options = options
        self._assembly: Any = None

    def library(self, stream: bool, tools: bool) -> Any:
        client = AsyncSeawall(**self.settings)
        self._assembly = client.assembly
        model = ["one/sim", "two/sim"] if self.two else "one/sim"
        deadline = {"total": DEADLINE, "first_byte": 8, "first_token": 8, "idle": 8}
        asked: dict[str, Any] = {"model": model, "deadline": deadline} | self.options
        if tools:
            asked["tools"] = TOOLS
        return self._library(client, stream, asked)

    async def _library(self, client: AsyncSeawall, stream: bool, asked: dict[str, Any]) -> Told:
        told = Told()
        try:
            if stream:
                answer = client.stream(QUESTION, **asked)
                async for text in answer.text:
                    told.text += text
                reply = await answer.reply()
                assert reply.text == told.text
            else:
                reply = await client.chat(QUESTION, **asked)
                told.text = reply.text
            told.calls = [(call.id, call.arguments) for call in reply.tool_calls]
            told.marked = reply.damaged > 0
        except Fault as error:
            told.error = error
        told.took = self.clock.now()
        return told

    def door(self, stream: bool, tools: bool) -> Any:
        asked: dict[str, Any] = {"model": "sim", "messages": QUESTION, "stream": stream}
        if tools:
            asked["tools"] = TOOLS
        return self._door(self.sdk(), stream, asked)

    def sdk(self) -> openai.AsyncOpenAI:
        self.http = seawall.http_client(
            **self.settings,
            fallback="two/sim" if self.two else (),
            deadline={"first_byte": 8, "first_token": 8, "idle": 8, "total": DEADLINE},
            **self.options,
        )
        self._assembly = self.http._transport._door.assembly
        return openai.AsyncOpenAI(
            api_key=KEY, base_url="http://one/v1", http_client=self.http, timeout=DEADLINE
        )

    async def _door(self, sdk: openai.AsyncOpenAI, stream: bool, asked: dict[str, Any]) -> Told:
        told = Told()
        try:
            reply = await sdk.chat.completions.create(**asked)
            if stream:
                await _read(reply, told)
            else:
                told.text = reply.choices[0].message.content or ""
                calls = reply.choices[0].message.tool_calls or []
                told.calls = [(call.id, call.function.arguments) for call in calls]
        except openai.APIError as error:
            told.error = error
        told.took = self.clock.now()
        return told

    async def ask(self, door: str, *, stream: bool, tools: bool = False) -> Told:
        """What the application is told, after everybody has left."""
        told: Told = await self.clock.run(getattr(self, door)(stream, tools))
        gc.collect(0)
        for _ in range(20):
            await asyncio.sleep(0)
        return told

    async def row(self) -> Any:
        """The call's row in the ledger, where there must be one and no other."""
        assert await asyncio.to_thread(self._assembly.journal.importer.flush, 20)
        with Ledger.open(self.directory) as ledger:
            (row,) = ledger.calls()
            return ledger.get(row.id)

    async def close(self) -> None:
        await self._assembly.aclose()


async def _read(chunks: Any, told: Told) -> None:
    calls: dict[int, list[str]] = {}
    async for chunk in chunks:
        for choice in chunk.choices:
            told.text += choice.delta.content or ""
            for call in choice.delta.tool_calls or ():
                made = calls.setdefault(call.index, ["", ""])
                made[0] = made[0] or call.id or ""
                made[1] += call.function.arguments or ""
    told.calls = [(id_, arguments) for id_, arguments in calls.values()]
