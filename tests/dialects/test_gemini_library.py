"""The library asks ``google/...`` over a socket: text, streams, tools, typed output, and routes
that lead from and to other vendors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from gemini_exchanges import EXCEEDED, error, quota, retry
from openai_chat_provider import Answer, Provider, provider

from seawall import AsyncSeawall, QuotaExceededError, StreamCutError, UnsupportedError
from seawall.dialects import gemini, openai_chat
from seawall.folding import unfold
from seawall.ports import Outbound, reveal
from seawall.transports.memory import Memory
from seawall.types import (
    Choice,
    Message,
    Part,
    Request,
    Response,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolResult,
    Usage,
)

MODEL = "google/gemini-3.8-flash"
USAGE = Usage(prompt_tokens=12, completion_tokens=3, total_tokens=15, reasoning_tokens=2)
KEY = "AIza-test"


def answer(*parts: Part, finish: str = "stop") -> Response:
    choice = Choice(message=Message("assistant", parts), finish_reason=finish)
    return Response(id="r-1", model="gemini-3.8-flash", choices=(choice,), usage=USAGE)


def saying(*parts: Part, finish: str = "stop") -> Callable[[Request], Answer]:
    whole = answer(*parts, finish=finish)
    return lambda request: unfold(whole) if request.stream else whole


def vendors(google: str, openai: str = "http://127.0.0.1:9") -> dict[str, dict[str, str]]:
    return {
        "google": {"base_url": google, "key": KEY},
        "openai": {"base_url": openai, "key": "sk-test"},
    }


@asynccontextmanager
async def world(
    answer: Callable[[Request], Answer],
) -> AsyncIterator[tuple[Provider, AsyncSeawall]]:
    """Google as it answers, and a client that knows where."""
    async with (
        provider(answer, gemini.FACE) as asked,
        AsyncSeawall(vendors=vendors(asked.base_url)) as seawall,
    ):
        yield asked, seawall


async def test_text_with_its_key_address_and_price() -> None:
    async with world(saying(Text("Trieste."))) as (asked, seawall):
        reply = await seawall.chat("Name a harbour.", system="Be brief.", model=MODEL, seed=7)
        assert (reply.text, reply.finish_reason) == ("Trieste.", "stop")
        assert asked.headers[0]["x-goog-api-key"] == KEY
        assert "authorization" not in asked.headers[0]
        assert asked.requests[0].model == "gemini-3.8-flash"
        assert asked.requests[0].messages[0] == Message("system", (Text("Be brief."),))
        assert reply.cost == 12 * 750 + 3 * 3750


async def test_a_stream() -> None:
    async with (
        world(saying(Text("Trieste."))) as (asked, seawall),
        seawall.stream("Name a harbour.", model=MODEL) as stream,
    ):
        texts = [text async for text in stream.text]
    assert "".join(texts) == "Trieste."
    assert asked.requests[0].stream


async def test_a_stream_that_just_ends_was_cut() -> None:
    async with (
        world(lambda _: [Start("i", "m"), TextDelta("Tri")]) as (_, seawall),
        seawall.stream("Name a harbour.", model=MODEL) as stream,
    ):
        with pytest.raises(StreamCutError):
            _ = [text async for text in stream.text]


@dataclass
class Harbour:
    name: str


async def test_typed_output_is_asked_for_natively() -> None:
    async with world(saying(Text('{"name":"Trieste"}'))) as (asked, seawall):
        reply = await seawall.chat("Name a harbour.", model=MODEL, output=Harbour)
    assert reply.output == Harbour("Trieste")
    wanted = asked.requests[0].format
    assert wanted is not None
    assert wanted.type == "json_schema"
    assert wanted.schema is not None
    assert wanted.schema["required"] == ["name"]


TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


async def test_a_conversation_with_tools_moves_from_google_to_openai_and_back() -> None:
    calling = saying(ToolCall("c1", "f", "{}"), ToolCall("c2", "f", "{}"), finish="tool_calls")
    async with (
        provider(calling, gemini.FACE) as google,
        provider(saying(Text("done"))) as openai,
        AsyncSeawall(vendors=vendors(google.base_url, openai.base_url)) as seawall,
    ):
        user = Message("user", (Text("go"),))
        first = await seawall.chat([user], model=MODEL, tools=TOOLS)
        assert first.finish_reason == "tool_calls"
        results = tuple(ToolResult(call.id, (Text("1"),)) for call in first.tool_calls)
        said = [user, first.message, Message("tool", results)]
        second = await seawall.chat(said, model="openai/gpt-4o-mini", tools=TOOLS)
        again = [*said, second.message, user]
        await seawall.chat(again, model=MODEL, tools=TOOLS)
    assert second.text == "done"
    for request in (openai.requests[0], google.requests[1]):
        ids = [call.id for message in request.messages for call in message.tool_calls]
        answered = [
            part.call_id
            for message in request.messages
            for part in message.content
            if isinstance(part, ToolResult)
        ]
        assert ids == answered == ["c1", "c2"]


async def test_a_days_quota_leads_to_the_next_route_at_once() -> None:
    day = quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
    body = error(429, EXCEEDED, "RESOURCE_EXHAUSTED", day, retry("40s"))
    whole = openai_chat.FACE.write(answer(Text("rescued")))

    def respond(outbound: Outbound) -> tuple[int, dict[str, str], bytes]:
        ours = "generativelanguage" in outbound.url
        return (429 if ours else 200), {"content-type": "application/json"}, body if ours else whole

    memory = Memory(respond)
    keys = {"google": {"key": KEY}, "openai": {"key": "sk-test"}}
    async with AsyncSeawall(vendors=keys, transports={"http": memory}) as seawall:
        reply = await seawall.chat("hi", model=[MODEL, "openai/gpt-4o-mini"])
        assert reply.text == "rescued"
        with pytest.raises(QuotaExceededError, match="quota") as caught:
            await seawall.chat("hi", model=MODEL)
    first, _, alone = memory.requests
    assert first.url == (
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-3.8-flash:generateContent"
    )
    assert KEY in [reveal(value) for _, value in alone.headers]
    assert KEY not in str(caught.value)


async def test_what_a_model_does_not_take_is_refused_or_left_out() -> None:
    async with world(saying(Text("ok"))) as (asked, seawall):
        with pytest.raises(UnsupportedError, match="n is not accepted"):
            await seawall.chat("hi", model="google/gemini-4-argon", n=2)
        reply = await seawall.chat("hi", model="google/gemini-4-neon", temperature=0)
    assert any("temperature was left out" in note for note in reply.decision.notes)
    assert len(asked.requests) == 1
