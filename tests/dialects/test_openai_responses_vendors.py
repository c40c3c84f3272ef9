"""Vendors asked in openai_responses through the library: by the row, by the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openai_chat_provider import Answer, Provider, provider

from seawall import AsyncSeawall, Fault
from seawall.dialects.openai_chat import FACE as CHAT
from seawall.dialects.openai_responses import FACE
from seawall.errors import OverloadedError, UnsupportedError
from seawall.types import (
    Choice,
    Finish,
    Message,
    Metered,
    Reasoning,
    ReasoningDelta,
    Request,
    Response,
    Start,
    Text,
    TextDelta,
    ToolCall,
    Usage,
)

USAGE = Usage(prompt_tokens=9, completion_tokens=4, total_tokens=13, reasoning_tokens=2)
ROME = ToolCall("call_1", "weather", '{"city":"Rome"}')
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}
SMALL: dict[str, Any] = {"retry": False, "breaker": False}


def response(*parts: Any, finish: str = "stop") -> Response:
    choice = Choice(message=Message("assistant", parts), finish_reason=finish)
    return Response(id="resp_1", model="m", created=7, choices=(choice,), usage=USAGE)


def stream() -> list[Any]:
    return [
        Start("resp_1", "m", 7),
        ReasoningDelta("hm"),
        TextDelta("Ba"),
        TextDelta("ri"),
        Finish("stop"),
        Metered(USAGE),
    ]


@asynccontextmanager
async def world(
    tmp_path: Path, answer: Callable[[Request], Answer], **settings: Any
) -> AsyncIterator[tuple[AsyncSeawall, Provider]]:
    async with provider(answer, FACE) as asked:
        vendors = {"openai": {"base_url": asked.base_url, "key": "sk-0123456789"}}
        for name, row in settings.pop("vendors", {}).items():
            vendors[name] = vendors.get(name, {}) | row
        async with AsyncSeawall(
            vendors=vendors, ledger={"dir": str(tmp_path)}, **settings
        ) as client:
            yield client, asked


RESPONSES = {"dialect": "openai_responses"}


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("openai/o3-pro", {}),
        ("openai/gpt-4o", {"models": {"openai/gpt-4o": RESPONSES}}),
        ("openai/gpt-4o", {"vendors": {"openai": RESPONSES}}),
    ],
    ids=["row", "model", "vendor"],
)
async def test_the_dialect_is_told_by_row_model_or_vendor(
    tmp_path: Path, model: str, settings: dict[str, Any]
) -> None:
    async with world(tmp_path, lambda _: response(Text("Bari")), **settings) as (client, asked):
        reply = await client.chat("Name a harbour.", model=model, max_tokens=50)
    assert (reply.text, reply.model) == ("Bari", model)
    assert reply.usage is not None
    assert (reply.usage.total_tokens, reply.usage.reasoning_tokens) == (13, 2)
    body = msgspec.json.decode(asked.bodies[0])
    assert body["max_output_tokens"] == 50
    assert body["input"] == [{"role": "user", "content": "Name a harbour."}]


async def test_streams_and_typed_output(tmp_path: Path) -> None:
    class Harbour(msgspec.Struct):
        name: str
        depth: int

    def answer(request: Request) -> Answer:
        return stream() if request.stream else response(Text('{"name":"Bari","depth":9}'))

    async with world(tmp_path, answer) as (client, asked):
        async with client.stream("Name a harbour.", model="openai/o3-pro") as events:
            texts = [event.text async for event in events if type(event) is TextDelta]
        reply = await client.chat("Name a harbour.", model="openai/o3-pro", output=Harbour)
    assert texts == ["Ba", "ri"]
    assert reply.output == Harbour("Bari", 9)
    wanted = msgspec.json.decode(asked.bodies[1])["text"]["format"]
    assert (wanted["type"], wanted["name"]) == ("json_schema", "Harbour")


async def test_a_conversation_with_tools_goes_on_at_another_dialect_and_back(
    tmp_path: Path,
) -> None:
    async with provider(lambda _: response(Text("warm")), CHAT) as chat:

        def answer(request: Request) -> Answer:
            if request.messages[-1].role == "user":
                return response(Reasoning("hm"), ROME, finish="tool_calls")
            return response(Text("hot"))

        vendors = {"other": {"base_url": chat.base_url, "key": "k-0123456789"}}
        async with world(tmp_path, answer, vendors=vendors) as (client, asked):
            said: list[Any] = [Message("user", (Text("Where is it warm?"),))]
            first = await client.chat(said, model="openai/o3-pro", tools=[WEATHER])
            assert first.finish_reason == "tool_calls"
            said += [first.message, {"role": "tool", "tool_call_id": "call_1", "content": "20"}]
            second = await client.chat(said, model="other/m", tools=[WEATHER])
            third = await client.chat(said, model="openai/o3-pro", tools=[WEATHER])
    assert (second.text, third.text) == ("warm", "hot")
    moved = chat.requests[0].messages
    assert [(call.id, call.arguments) for call in moved[1].tool_calls] == [
        ("call_1", '{"city":"Rome"}')
    ]
    items = msgspec.json.decode(asked.bodies[1])["input"]
    assert [item.get("call_id") for item in items] == [None, "call_1", "call_1"]


async def test_what_it_cannot_say_goes_to_a_route_that_can(tmp_path: Path) -> None:
    async with provider(lambda _: response(Text("warm")), CHAT) as chat:
        vendors = {"other": {"base_url": chat.base_url, "key": "k-0123456789"}}
        async with world(tmp_path, lambda _: response(Text("hot")), vendors=vendors) as (
            client,
            asked,
        ):
            route = ["openai/o3-pro", "other/m"]
            reply = await client.chat("hi", model=route, stop=["."])
            assert (reply.text, reply.model) == ("warm", "other/m")
            with pytest.raises(UnsupportedError, match="stop"):
                await client.chat("hi", model="openai/o3-pro", stop=["."])
    assert not asked.bodies


async def test_a_fault_is_the_same_in_every_dialect(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        fault = OverloadedError("busy")
        return [Start("r", "m"), fault] if request.stream else fault

    async with world(tmp_path, answer, defaults=SMALL) as (client, _):
        with pytest.raises(OverloadedError, match="busy"):
            await client.chat("hi", model="openai/o3-pro")
        events = client.stream("hi", model="openai/o3-pro")
        with pytest.raises(Fault, match="busy"):
            [event async for event in events]


async def test_what_only_this_api_knows_travels_in_extra(tmp_path: Path) -> None:
    more = {"openai_responses": {"previous_response_id": "resp_0", "store": True}}
    async with world(tmp_path, lambda _: response(Text("Bari"))) as (client, asked):
        await client.chat("and then?", model="openai/o3-pro", extra=more)
    body = msgspec.json.decode(asked.bodies[0])
    assert (body["previous_response_id"], body["store"]) == ("resp_0", True)
