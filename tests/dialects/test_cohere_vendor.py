"""Cohere through the library, over sockets: a provider on loopback that speaks its chat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from openai_chat_provider import Answer, Provider, provider
from pydantic import BaseModel

from seawall import AsyncSeawall
from seawall.dialects import openai_chat
from seawall.dialects.cohere import FACE
from seawall.errors import (
    ContextLengthError,
    NotFoundError,
    OverloadedError,
    ProviderError,
    StreamCutError,
    UnsupportedError,
)
from seawall.folding import unfold
from seawall.types import (
    Choice,
    Finish,
    Image,
    Message,
    Metered,
    Part,
    Reasoning,
    Request,
    Response,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolResult,
    Usage,
)
from seawall.vendors import built_in

MODEL = "cohere/command-a-03-2025"
USAGE = Usage(
    prompt_tokens=1000,
    completion_tokens=10,
    total_tokens=1010,
    extra={"cohere": {"tokens": {"input_tokens": 1068, "output_tokens": 12}}},
)


def response(*parts: Part, finish: str = "stop", plan: str | None = None) -> Response:
    extra = {} if plan is None else {"cohere": {"tool_plan": plan}}
    choice = Choice(message=Message("assistant", parts, extra=extra), finish_reason=finish)
    return Response(id="c-1", choices=(choice,), usage=USAGE)


@asynccontextmanager
async def asking(
    *answers: Answer, other: Callable[[Request], Answer] | None = None
) -> AsyncIterator[tuple[AsyncSeawall, Provider, Provider]]:
    """A client, Cohere, and another vendor that speaks openai_chat."""
    left = list(answers)
    told = other or (lambda request: response(Text("from the other")))
    async with (
        provider(lambda request: left.pop(0) if len(left) > 1 else left[0], FACE) as asked,
        provider(told, openai_chat.FACE) as wall,
    ):
        vendors = {
            "cohere": {"base_url": asked.base_url.removesuffix("/v1"), "key": "co-0123456789"},
            "wall": {"base_url": wall.base_url, "key": "wall-0123456789"},
        }
        async with AsyncSeawall(vendors=vendors, ledger=False) as client:
            yield client.with_options(retry=False), asked, wall


async def test_chat_and_what_it_costs() -> None:
    async with asking(response(Text("hi"))) as (client, asked, _):
        reply = await client.chat("hello", model=MODEL, system="Be brief.", max_tokens=64)
    assert (reply.text, reply.model) == ("hi", MODEL)
    # What is paid for: 1,000 tokens at 2.50 USD a million, 10 at 10
    assert reply.cost == 1000 * 2500 + 10 * 10000
    assert asked.headers[0]["authorization"] == "Bearer co-0123456789"
    assert msgspec.json.decode(asked.bodies[0]) == {
        "model": "command-a-03-2025",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "hello"},
        ],
        "max_tokens": 64,
    }


async def test_stream() -> None:
    async with (
        asking(unfold(response(Text("Trieste"), Text("!")))) as (client, _, _),
        client.stream("hello", model=MODEL) as stream,
    ):
        text = "".join([piece async for piece in stream.text])
        reply = await stream.reply()
    assert (text, reply.finish_reason, reply.usage) == ("Trieste!", "stop", USAGE)


async def test_tools_with_their_plan_over_two_turns() -> None:
    calls = (ToolCall("f_1", "f", '{"a":1}'), ToolCall("f_2", "f", '{"a":2}'))
    first = response(*calls, finish="tool_calls", plan="I will look twice.")
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    async with asking(first, response(Text("done"))) as (client, asked, _):
        hello = Message("user", (Text("go"),))
        reply = await client.chat([hello], model=MODEL, tools=[tool])
        assert reply.tool_calls == calls
        results = [Message("tool", (ToolResult(call.id, (Text("ok"),)),)) for call in calls]
        final = await client.chat([hello, reply.message, *results], model=MODEL, tools=[tool])
    assert final.text == "done"
    assert asked.requests[1].messages == (hello, reply.message, *results)
    assert msgspec.json.decode(asked.bodies[1])["messages"][1]["tool_plan"] == "I will look twice."


class Place(BaseModel):
    name: str


async def test_typed_output_is_enforced_by_the_provider() -> None:
    async with asking(response(Text('{"name": "Bari"}'))) as (client, asked, _):
        reply = await client.chat("Where?", model=MODEL, output=Place)
    assert reply.output == Place(name="Bari")
    wanted = msgspec.json.decode(asked.bodies[0])["response_format"]
    assert (wanted["type"], wanted["json_schema"]["required"]) == ("json_object", ["name"])


async def test_what_a_model_can_is_in_its_row() -> None:
    picture = Message("user", (Text("?"), Image(data="AA==", media_type="image/png")))
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    thought = Message("assistant", (Reasoning("hm"), Text("a")))
    async with asking(response(Text("hi"))) as (client, asked, _):
        with pytest.raises(UnsupportedError, match="images"):
            await client.chat([picture], model=MODEL)
        with pytest.raises(UnsupportedError, match="tools"):
            await client.chat("hi", model="cohere/command-a-vision-07-2025", tools=[tool])
        older = "cohere/command-r-08-2024"
        with pytest.raises(UnsupportedError, match="tool_choice"):
            await client.chat("hi", model=older, tools=[tool], tool_choice="required")
        await client.chat([picture], model="cohere/command-a-plus-05-2026")
        turns = [Message("user", (Text("a"),)), thought, Message("user", (Text("b"),))]
        thinking = "cohere/command-a-reasoning-08-2025"
        await client.chat(turns, model=thinking, reasoning_effort="none")
        reply = await client.chat(turns, model=MODEL, reasoning_effort="none")
    _, with_thought, without = map(msgspec.json.decode, asked.bodies)
    assert with_thought["thinking"] == {"type": "disabled"}
    assert with_thought["messages"][1]["content"][0]["type"] == "thinking"
    assert "thinking" not in without
    assert without["messages"][1]["content"] == "a"
    assert len(reply.decision.notes) == 2


async def test_a_retired_model_names_its_successor() -> None:
    async with asking(response(Text("hi"))) as (client, asked, _):
        with pytest.raises(NotFoundError, match="command-r7b-12-2024"):
            await client.chat("hello", model="cohere/c4ai-aya-expanse-8b")
    assert asked.bodies == []


async def test_another_vendor_takes_over_and_back() -> None:
    async with asking(OverloadedError("busy")) as (client, _, wall):
        reply = await client.chat("hello", model=[MODEL, "wall/m"])
    assert (reply.text, reply.model) == ("from the other", "wall/m")
    assert len(wall.bodies) == 1
    fault = ContextLengthError("too long", status=400)
    async with asking(response(Text("hi")), other=lambda request: fault) as (client, _, _):
        reply = await client.chat("hello", model=["wall/m", MODEL])
    assert (reply.text, reply.model) == ("hi", MODEL)


async def test_what_it_cannot_say_goes_to_who_can() -> None:
    async with asking(response(Text("hi"))) as (client, asked, _):
        reply = await client.chat("hello", model=[MODEL, "wall/m"], n=2)
    assert reply.model == "wall/m"
    assert asked.bodies == []


async def test_an_error_in_a_stream_is_no_answer() -> None:
    for told in ([Start("c-1")], [Start("c-1"), TextDelta("a")]):
        async with asking([*told, StreamCutError("gone")]) as (client, _, _):
            with pytest.raises(ProviderError, match="gone"):
                async with client.stream("hello", model=MODEL) as stream:
                    _ = [event async for event in stream]


async def test_a_stream_is_complete_with_its_finish() -> None:
    told = [Start("c-1"), TextDelta("a"), Metered(USAGE), Finish("length")]
    async with (
        asking(told) as (client, _, _),
        client.stream("hello", model=MODEL) as stream,
    ):
        reply = await stream.reply()
    assert (reply.text, reply.finish_reason) == ("a", "length")


def test_every_model_of_the_row_has_its_source() -> None:
    row = built_in("cohere")
    assert row is not None
    for name, model in row.models.items():
        assert model.source, name
        if model.price is not None:
            price = model.price.price()
            assert 0 < price.input < price.output, name
