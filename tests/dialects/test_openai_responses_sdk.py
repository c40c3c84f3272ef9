"""The official openai client's ``responses``, end to end over a socket, against the codec."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import openai
import pytest
from openai import AsyncOpenAI
from openai_chat_provider import Answer, Provider, provider
from pydantic import BaseModel

from seawall.dialects.openai_responses import FACE, WIRE
from seawall.errors import (
    AuthenticationError,
    BadRequestError,
    ContextLengthError,
    Fault,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    StreamCutError,
)
from seawall.ports import Quirks
from seawall.types import (
    Choice,
    Finish,
    Format,
    Image,
    Message,
    Metered,
    Opaque,
    Part,
    Reasoning,
    ReasoningDelta,
    Refusal,
    Request,
    Response,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)

USAGE = Usage(prompt_tokens=9, completion_tokens=4, total_tokens=13, cached_tokens=3)
ROME = ToolCall("call_1", "weather", '{"city":"Rome"}')
OSLO = ToolCall("call_2", "weather", '{"city":"Oslo"}')
WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


def response(*parts: Part, finish: str = "stop") -> Response:
    choice = Choice(message=Message("assistant", parts), finish_reason=finish)
    return Response(id="resp_1", model="m-1", created=7, choices=(choice,), usage=USAGE)


@asynccontextmanager
async def asking(
    answer: Answer | Callable[[Request], Answer], retries: int = 0
) -> AsyncIterator[tuple[AsyncOpenAI, Provider]]:
    told = answer if callable(answer) else lambda request: answer
    async with (
        provider(told, FACE) as asked,
        AsyncOpenAI(base_url=asked.base_url, api_key="k", max_retries=retries) as client,
    ):
        yield client, asked


async def test_text() -> None:
    async with asking(response(Reasoning("hm"), Text("hi"))) as (client, asked):
        got = await client.responses.create(
            model="m", input="hello", instructions="be brief", temperature=0.5
        )
    assert (got.output_text, got.status, got.id, got.created_at) == ("hi", "completed", "resp_1", 7)
    assert got.usage is not None
    assert (got.usage.total_tokens, got.usage.input_tokens_details.cached_tokens) == (13, 3)
    (request,) = asked.requests
    assert [(m.role, m.text) for m in request.messages] == [
        ("system", "be brief"),
        ("user", "hello"),
    ]
    assert request.temperature == 0.5


async def test_tools_in_parallel_and_their_results() -> None:
    def answer(request: Request) -> Response:
        done = any(message.role == "tool" for message in request.messages)
        return response(Text("warm")) if done else response(ROME, OSLO, finish="tool_calls")

    async with asking(answer) as (client, asked):
        said: list[Any] = [{"role": "user", "content": "Where is it warm?"}]
        first = await client.responses.create(model="m", input=said, tools=[WEATHER])
        calls = [item for item in first.output if item.type == "function_call"]
        assert [(call.call_id, call.arguments) for call in calls] == [
            (ROME.id, ROME.arguments),
            (OSLO.id, OSLO.arguments),
        ]
        said += first.output
        said += [
            {"type": "function_call_output", "call_id": call.call_id, "output": "20"}
            for call in calls
        ]
        second = await client.responses.create(model="m", input=said, tools=[WEATHER])
    assert second.output_text == "warm"
    roles = [message.role for message in asked.requests[1].messages]
    assert roles == ["user", "assistant", "tool", "tool"]
    assert [call.id for call in asked.requests[1].messages[1].tool_calls] == ["call_1", "call_2"]


class Harbour(BaseModel):
    name: str
    depth: int


async def test_typed_output() -> None:
    async with asking(response(Text('{"name":"Bari","depth":9}'))) as (client, asked):
        got = await client.responses.parse(model="m", input="hi", text_format=Harbour)
    assert got.output_parsed == Harbour(name="Bari", depth=9)
    wanted = asked.requests[0].format
    assert wanted is not None
    assert (wanted.type, wanted.name, wanted.strict) == ("json_schema", "Harbour", True)


START = Start("resp_1", "m-1", 7)
STREAM = [
    START,
    ReasoningDelta("h"),
    ReasoningDelta("m"),
    TextDelta("Ba"),
    TextDelta("ri"),
    ToolCallDelta(0, "call_1", "weather", '{"city"'),
    ToolCallDelta(0, arguments=':"Rome"}'),
    Finish("tool_calls"),
    Metered(USAGE),
]


async def test_streams() -> None:
    async with asking(STREAM) as (client, _):
        stream = await client.responses.create(model="m", input="hi", stream=True)
        kinds = [event.type async for event in stream]
        async with client.responses.stream(model="m", input="hi", tools=[WEATHER]) as events:
            deltas = [e.delta async for e in events if e.type == "response.output_text.delta"]
            final = await events.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert {"response.reasoning_summary_text.delta", "response.output_text.done"} <= set(kinds)
    assert deltas == ["Ba", "ri"]
    assert final.output_text == "Bari"
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call"]
    call = final.output[2]
    assert call.type == "function_call"
    assert call.parsed_arguments == {"city": "Rome"}
    assert final.usage is not None
    assert final.usage.total_tokens == 13


async def test_an_answer_that_was_too_long_is_incomplete() -> None:
    cut = [START, TextDelta("half"), Finish("length"), Metered(USAGE)]
    async with asking(lambda r: cut if r.stream else response(Text("half"), finish="length")) as (
        client,
        _,
    ):
        got = await client.responses.create(model="m", input="hi")
        assert got.status == "incomplete"
        assert got.incomplete_details is not None
        assert got.incomplete_details.reason == "max_output_tokens"
        stream = await client.responses.create(model="m", input="hi", stream=True)
        assert [event.type async for event in stream][-1] == "response.incomplete"


async def test_a_refusal_is_one() -> None:
    async with asking(response(Refusal("no"))) as (client, _):
        got = await client.responses.create(model="m", input="hi")
    item = got.output[0]
    assert item.type == "message"
    assert item.content[0].type == "refusal"
    assert item.content[0].refusal == "no"


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (BadRequestError("m"), openai.BadRequestError),
        (ContextLengthError("m"), openai.BadRequestError),
        (AuthenticationError("m"), openai.AuthenticationError),
        (NotFoundError("m"), openai.NotFoundError),
        (RateLimitError("m", after=30.0), openai.RateLimitError),
        (OverloadedError("m", after=30.0), openai.InternalServerError),
    ],
)
async def test_a_fault_raises_the_packages_own_error_and_is_not_asked_again(
    fault: Fault, raised: type[openai.APIStatusError]
) -> None:
    async with asking(fault, retries=3) as (client, asked):
        with pytest.raises(raised) as caught:
            await client.responses.create(model="m", input="hi")
    assert len(asked.bodies) == 1
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["code"] == fault.kind


@pytest.mark.parametrize("helper", [False, True], ids=["create", "stream"])
async def test_an_error_in_the_middle_of_a_stream_is_no_end(helper: bool) -> None:
    events = [START, TextDelta("half an"), StreamCutError("the stream was cut")]
    told: list[str] = []

    async def use(client: AsyncOpenAI) -> None:
        if helper:
            async with client.responses.stream(model="m", input="hi") as events:
                async for event in events:
                    told.append(event.type)
        else:
            async for event in await client.responses.create(model="m", input="hi", stream=True):
                told.append(event.type)

    async with asking(events) as (client, _):
        with pytest.raises(openai.APIError, match="the stream was cut"):
            await use(client)
    assert told[-1] == "response.output_text.delta"


# Everything the package can say is read, and said again

_PNG = "data:image/png;base64,AA=="
SAID: list[dict[str, Any]] = [
    {"input": [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": [
            {"type": "input_text", "text": "look"},
            {"type": "input_image", "image_url": _PNG, "detail": "high"},
            {"type": "input_image", "file_id": "file-1", "detail": "auto"},
            {"type": "input_file", "file_id": "file-1"}]}]},
    {"input": [
        {"role": "assistant", "content": "a", "phase": "commentary"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed"},
        {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [
            {"type": "input_text", "text": "1"}, {"type": "input_text", "text": "2"}]},
        {"type": "custom_tool_call", "call_id": "d", "name": "sql", "input": "select 1"},
        {"type": "custom_tool_call_output", "call_id": "d", "output": "1"},
        {"type": "item_reference", "id": "msg_1"},
        {"type": "computer_call_output", "call_id": "e", "output": {
            "type": "computer_screenshot", "file_id": "file-1"}},
        {"type": "mcp_approval_response", "approval_request_id": "f", "approve": True}]},
    {"input": [], "tools": [WEATHER, {"type": "web_search"}, {"type": "custom", "name": "sql"},
                            {"type": "mcp", "server_label": "s", "server_url": "https://a.test"}],
     "tool_choice": {"type": "custom", "name": "sql"}, "parallel_tool_calls": False},
    {"input": [], "tools": [WEATHER], "tool_choice": {"type": "function", "name": "weather"}},
    {"input": [], "instructions": "be brief", "previous_response_id": "resp_0", "store": False,
     "metadata": {"k": "v"}, "service_tier": "flex", "truncation": "auto", "max_tool_calls": 2,
     "prompt_cache_key": "k", "safety_identifier": "s", "user": "u", "max_output_tokens": 10,
     "include": ["message.output_text.logprobs", "reasoning.encrypted_content"],
     "reasoning": {"effort": "low", "summary": "auto"}, "conversation": "conv_1",
     "text": {"format": {"type": "json_object"}, "verbosity": "low"},
     "temperature": 0.2, "top_p": 0.9, "top_logprobs": 3},
]  # fmt: skip


@pytest.mark.parametrize("fields", SAID, ids=lambda fields: "+".join(fields)[:40])
async def test_what_the_package_says_is_said_again_word_for_word(fields: dict[str, Any]) -> None:
    async with asking(response(Text("hi"))) as (client, asked):
        await client.responses.create(**{"model": "m", **fields})
    again = msgspec.json.decode(WIRE.encode(asked.requests[0], Quirks()).body)
    assert {"input": []} | again == msgspec.json.decode(asked.bodies[0])


async def test_what_the_package_says_is_understood() -> None:
    async with asking(response(Text("hi"))) as (client, asked):
        await client.responses.create(**{"model": "m", **SAID[0]})
        await client.responses.create(**{"model": "m", **SAID[4]})
    first, second = asked.requests
    assert [type(part) for part in first.messages[1].content] == [Text, Image, Opaque, Opaque]
    assert first.messages[1].content[1] == Image(data="AA==", media_type="image/png", detail="high")
    assert second.format == Format(type="json_object")
    assert (second.reasoning_effort, second.logprobs, second.max_tokens) == ("low", True, 10)
