"""Run inside the environment of the mistralai package, which speaks OpenAI's chat: what its client
makes of the simulator, it would make of Mistral."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import MistralError

from seawall.simulator import Script, Simulator
from seawall.simulator.answers import TEXT

HI: Any = [{"role": "user", "content": "hi"}]
SHAPE = {
    "type": "object",
    "properties": {"harbour": {"type": "string"}, "metres": {"type": "number"}},
    "required": ["harbour", "metres"],
}
TIDE: Any = {"type": "function", "function": {"name": "tide", "parameters": SHAPE}}
CALLED = '{"harbour":"Trieste","metres":3}'


@asynccontextmanager
async def sdk(simulator: Simulator) -> AsyncIterator[Any]:
    """The bare SDK, as its users make it."""
    async with simulator.serve() as url:
        server = url.removesuffix("/v1")
        async with Mistral(api_key="test", server_url=server, timeout_ms=500) as client:
            yield client.chat


async def stream(chat: Any, model: str = "sim", **more: Any) -> list[Any]:
    async with await chat.stream_async(model=model, messages=HI, **more) as events:
        return [event.data.choices[0].delta async for event in events if event.data.choices]


async def test_an_answer_whole_and_streamed() -> None:
    async with sdk(Simulator()) as chat:
        reply = await chat.complete_async(model="sim", messages=HI)
        assert reply.choices[0].message.content == TEXT
        assert reply.usage.completion_tokens > 0
        deltas = await stream(chat)
        assert "".join(delta.content or "" for delta in deltas) == TEXT


async def test_tools_and_shapes() -> None:
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "t", "schema": SHAPE}}
    async with sdk(Simulator(Script(answer="Trieste"))) as chat:
        reply = await chat.complete_async(model="sim", messages=HI, tools=[TIDE])
        (call,) = reply.choices[0].message.tool_calls
        assert (call.function.name, call.function.arguments) == ("tide", CALLED)
        done = await chat.complete_async(model="sim", messages=HI, response_format=wanted)
        assert done.choices[0].message.content == CALLED


@pytest.mark.parametrize("streamed", [False, True])
async def test_it_raises_its_own_errors(streamed: bool) -> None:
    async with sdk(Simulator()) as chat:
        for status in (400, 401, 404, 422, 429, 500, 503):
            model = f"fault/{status}"
            asking = (
                stream(chat, model) if streamed else chat.complete_async(model=model, messages=HI)
            )
            with pytest.raises(MistralError) as caught:
                await asking
            assert caught.value.status_code == status
        with pytest.raises(httpx2.RemoteProtocolError):
            await stream(chat, "fault/cut")
