"""The vendors themselves, one tiny call a feature, on the keys of whoever asks for it."""

from __future__ import annotations

import _socket
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from live_world import ANSWER, ENVIRON, LIVE, PURSE, Asked, asked

from seawall import AsyncSeawall, UnsupportedError

if not LIVE:
    pytest.skip("vendors are asked for real only with SEAWALL_LIVE=1", allow_module_level=True)

each_model = pytest.mark.parametrize("model", asked(ENVIRON), ids=str)
WEATHER: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather at a harbour.",
            "parameters": {
                "type": "object",
                "properties": {"harbour": {"type": "string"}},
                "required": ["harbour"],
            },
        },
    }
]


@dataclass
class Harbour:
    name: str


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncSeawall]:
    """One with the keys and settings that other tests never see, and a way out."""
    for name, value in ENVIRON.items():
        if name.endswith("_API_KEY") or name.startswith("SEAWALL_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(socket.socket, "connect", _socket.socket.connect)
    async with AsyncSeawall(ledger=False) as seawall:
        yield seawall


def bounded(model: Asked) -> dict[str, Any]:
    """What every call here is made with; it is paid for beforehand."""
    PURSE.take(model.most)
    return {"model": str(model), "max_tokens": ANSWER, "retry": False, "deadline": 60}


@each_model
async def test_text(client: AsyncSeawall, model: Asked) -> None:
    reply = await client.chat("Say only: Trieste", **bounded(model))
    assert "trieste" in reply.text.lower()
    assert reply.usage is not None
    assert reply.usage.total_tokens > 0


@each_model
async def test_stream(client: AsyncSeawall, model: Asked) -> None:
    async with client.stream("Say only: Trieste", **bounded(model)) as stream:
        pieces = [text async for text in stream.text]
        reply = await stream.reply()
    assert "".join(pieces) == reply.text
    assert "trieste" in reply.text.lower()


@each_model
async def test_tools(client: AsyncSeawall, model: Asked) -> None:
    question = "What is the weather at Trieste? Call the tool."
    try:
        reply = await client.chat(question, tools=WEATHER, **bounded(model))
    except UnsupportedError as refused:
        pytest.skip(str(refused))
    (call,) = reply.tool_calls
    assert (call.name, reply.finish_reason) == ("weather", "tool_calls")
    assert "harbour" in msgspec.json.decode(call.arguments)


@each_model
async def test_structured(client: AsyncSeawall, model: Asked) -> None:
    reply = await client.chat("Name a harbour.", output=Harbour, reasks=0, **bounded(model))
    assert reply.output.name
