"""Claude through the library, over sockets: a provider on loopback that speaks Messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from openai_chat_provider import Answer, Provider, provider
from pydantic import BaseModel

from seawall import AsyncSeawall
from seawall.dialects import openai_chat
from seawall.dialects.anthropic import FACE
from seawall.errors import (
    ContextLengthError,
    NotFoundError,
    OverloadedError,
    ProviderError,
    StreamCutError,
)
from seawall.folding import unfold
from seawall.types import (
    Choice,
    Event,
    Finish,
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

MODEL = "anthropic/claude-sonnet-5-5"
USAGE = Usage(
    prompt_tokens=1000,
    completion_tokens=10,
    total_tokens=1010,
    cached_tokens=500,
    cache_write_tokens=100,
)


def response(*parts: Part, finish: str = "stop") -> Response:
    choice = Choice(message=Message("assistant", parts), finish_reason=finish)
    return Response(id="msg_1", model="claude-sonnet-5-5", choices=(choice,), usage=USAGE)


@asynccontextmanager
async def asking(
    *answers: Answer, other: Callable[[Request], Answer] | None = None
) -> AsyncIterator[tuple[AsyncSeawall, Provider, Provider]]:
    """A client, Claude, and another vendor that speaks openai_chat."""
    left = list(answers)
    told = other or (lambda request: response(Text("from the other")))
    async with (
        provider(lambda request: left.pop(0) if len(left) > 1 else left[0], FACE) as claude,
        provider(told, openai_chat.FACE) as wall,
    ):
        vendors = {
            "anthropic": {"base_url": claude.base_url.removesuffix("/v1"), "key": "sk-ant-0123"},
            "wall": {"base_url": wall.base_url, "key": "wall-0123456789"},
        }
        async with AsyncSeawall(vendors=vendors, ledger=False) as client:
            yield client.with_options(retry=False), claude, wall


async def test_chat() -> None:
    async with asking(response(Text("hi"))) as (client, claude, _):
        reply = await client.chat("hello", model=MODEL, system="Be brief.", max_tokens=64)
    assert reply.text == "hi"
    assert reply.model == MODEL
    assert claude.headers[0]["x-api-key"] == "sk-ant-0123"
    assert claude.headers[0]["anthropic-version"] == "2026-10-21"
    assert "authorization" not in claude.headers[0]
    body = msgspec.json.decode(claude.bodies[0])
    assert body == {
        "model": "claude-sonnet-5-5",
        "max_tokens": 64,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "hello"}],
    }


async def test_what_an_answer_costs_counts_the_cache() -> None:
    async with asking(response(Text("hi"))) as (client, _, _):
        reply = await client.chat("hello", model=MODEL)
    # 400 tokens at 2 USD a million, 500 read from the cache at 0.20, 100 written at 2.50, 10 at 10
    assert reply.cost == 400 * 2000 + 500 * 200 + 100 * 2500 + 10 * 10000
    assert "max_tokens was set to 16384, as the API wants one" in reply.decision.notes


async def test_stream() -> None:
    async with asking(unfold(response(Text("Trieste"), Text("!")))) as (client, _, _):
        async with client.stream("hello", model=MODEL) as stream:
            text = "".join([piece async for piece in stream.text])
            reply = await stream.reply()
        assert (text, reply.finish_reason) == ("Trieste!", "stop")
        assert reply.usage == USAGE


async def test_tools_with_thinking_over_two_turns() -> None:
    thought = Reasoning("Hm.", "c2ln", {"anthropic": {"type": "thinking"}})
    calls = (ToolCall("toolu_1", "f", '{"a":1}'), ToolCall("toolu_2", "f", '{"a":2}'))
    first = response(thought, *calls, finish="tool_calls")
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    async with asking(first, response(Text("done"))) as (client, claude, _):
        asked = Message("user", (Text("go"),))
        reply = await client.chat([asked], model=MODEL, tools=[tool])
        assert reply.tool_calls == calls
        results = Message("tool", tuple(ToolResult(call.id, (Text("ok"),)) for call in calls))
        final = await client.chat([asked, reply.message, results], model=MODEL, tools=[tool])
    assert final.text == "done"
    assert claude.requests[1].messages == (asked, reply.message, results)


class Place(BaseModel):
    name: str


async def test_typed_output_is_enforced_by_the_provider() -> None:
    async with asking(response(Text('{"name": "Bari"}'))) as (client, claude, _):
        reply = await client.chat("Where?", model=MODEL, output=Place)
    assert reply.output == Place(name="Bari")
    wanted = msgspec.json.decode(claude.bodies[0])["output_config"]["format"]
    assert (wanted["type"], wanted["schema"]["required"]) == ("json_schema", ["name"])


async def test_json_of_any_shape_is_asked_for_in_words() -> None:
    async with asking(response(Text("{}"))) as (client, claude, _):
        await client.chat("Where?", model=MODEL, response_format={"type": "json_object"})
    body = msgspec.json.decode(claude.bodies[0])
    assert "one JSON object" in body["system"]
    assert "output_config" not in body


async def test_what_newer_models_do_not_take_is_left_out_with_a_note() -> None:
    async with asking(response(Text("hi"))) as (client, claude, _):
        newer = await client.chat("hello", model=MODEL, temperature=0.2)
        older = await client.chat("hello", model="anthropic/claude-haiku-4-5", temperature=0.2)
    assert any(note.startswith("temperature was left out") for note in newer.decision.notes)
    assert not any("temperature" in note for note in older.decision.notes)
    versions = [headers["anthropic-version"] for headers in claude.headers]
    assert versions == ["2026-10-21", "2023-06-01"]
    assert [b"temperature" in body for body in claude.bodies] == [False, True]


async def test_a_retired_model_names_its_successor() -> None:
    async with asking(response(Text("hi"))) as (client, claude, _):
        with pytest.raises(NotFoundError, match="claude-sonnet-4-6"):
            await client.chat("hello", model="anthropic/claude-sonnet-4-20250514")
    assert claude.bodies == []


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
    async with asking(response(Text("hi"))) as (client, claude, _):
        reply = await client.chat("hello", model=[MODEL, "wall/m"], n=2)
    assert reply.model == "wall/m"
    assert claude.bodies == []


async def test_an_error_in_a_stream_before_its_first_token_is_no_answer() -> None:
    async with asking([Start("msg_1", "m"), OverloadedError("busy")]) as (client, _, _):
        with pytest.raises(OverloadedError, match="busy"):
            async with client.stream("hello", model=MODEL) as stream:
                _ = [event async for event in stream]


async def test_a_stream_without_its_end_is_cut() -> None:
    told: list[Event | Any] = [Start("msg_1", "m"), TextDelta("a"), StreamCutError("gone")]
    async with asking(told) as (client, _, _):
        with pytest.raises(ProviderError, match="gone"):
            async with client.stream("hello", model=MODEL) as stream:
                _ = [event async for event in stream]


async def test_a_stream_is_complete_with_its_finish() -> None:
    told = [Start("msg_1", "m"), TextDelta("a"), Metered(USAGE), Finish("length")]
    async with (
        asking(told) as (client, _, _),
        client.stream("hello", model=MODEL) as stream,
    ):
        reply = await stream.reply()
    assert (reply.text, reply.finish_reason) == ("a", "length")


def test_every_price_of_the_row_can_be_read() -> None:
    row = built_in("anthropic")
    assert row is not None
    for name, model in row.models.items():
        assert model.source, name
        if model.price is not None:
            price = model.price.price()
            assert price.cached is not None, name
            assert price.cache_write is not None, name
            assert price.cached < price.input < price.cache_write < price.output, name
