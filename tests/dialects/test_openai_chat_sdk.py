"""The official openai client, end to end over a socket, against what the codec writes."""

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

from seawall.dialects.openai_chat import WIRE
from seawall.errors import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ConnectionFault,
    ContentFilterError,
    ContextLengthError,
    Fault,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    ProviderError,
    RateLimitError,
    StreamCutError,
    TimeoutFault,
)
from seawall.folding import unfold
from seawall.ports import Quirks
from seawall.types import (
    Choice,
    Finish,
    Format,
    Image,
    LogprobsDelta,
    Message,
    Metered,
    Opaque,
    Part,
    Refusal,
    RefusalDelta,
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
HELLO: Any = [{"role": "user", "content": "hello"}]


def response(*parts: Part, finish: str = "stop", **fields: Any) -> Response:
    choice = Choice(message=Message("assistant", parts), finish_reason=finish, **fields)
    return Response(id="chatcmpl-1", model="m-1", created=7, choices=(choice,), usage=USAGE)


@asynccontextmanager
async def asking(
    answer: Answer | Callable[[Request], Answer], retries: int = 0
) -> AsyncIterator[tuple[AsyncOpenAI, Provider]]:
    """A client of the official package, and the provider it asks."""
    told = answer if callable(answer) else lambda request: answer
    async with (
        provider(told) as asked,
        AsyncOpenAI(base_url=asked.base_url, api_key="k", max_retries=retries) as client,
    ):
        yield client, asked


async def test_text() -> None:
    async with asking(response(Text("hi"))) as (client, asked):
        got = await client.chat.completions.create(model="m", messages=HELLO, temperature=0.5)
    assert got.choices[0].message.content == "hi"
    assert (got.id, got.model, got.created) == ("chatcmpl-1", "m-1", 7)
    assert got.usage is not None
    assert got.usage.prompt_tokens_details is not None
    assert got.usage.completion_tokens_details is not None
    assert (got.usage.total_tokens, got.usage.prompt_tokens_details.cached_tokens) == (13, 3)
    assert got.usage.completion_tokens_details.reasoning_tokens == 0
    assert asked.requests == [
        Request(model="m", messages=(Message("user", (Text("hello"),)),), temperature=0.5)
    ]


WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
ROME = ToolCall("call_1", "weather", '{"city":"Rome"}')
OSLO = ToolCall("call_2", "weather", '{"city":"Oslo"}')


async def test_a_conversation_with_parallel_tools() -> None:
    def answer(request: Request) -> Response:
        if request.messages[-1].role == "tool":
            return response(Text(f"{len(request.messages)} messages"))
        return response(ROME, OSLO, finish="tool_calls")

    async with asking(answer) as (client, asked):
        first = await client.chat.completions.create(model="m", messages=HELLO, tools=[WEATHER])
        message = first.choices[0].message
        assert message.content is None
        assert message.tool_calls is not None
        assert [call.model_dump() for call in message.tool_calls] == [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
            for c in (ROME, OSLO)
        ]
        results: Any = [
            {"role": "tool", "tool_call_id": call.id, "content": "22 C"}
            for call in message.tool_calls
        ]
        history: Any = [*HELLO, message, *results]
        again = await client.chat.completions.create(model="m", messages=history, tools=[WEATHER])
        assert again.choices[0].message.content == "4 messages"
    assert asked.requests[1].messages[1].tool_calls == (ROME, OSLO)


class Product(BaseModel):
    name: str
    price: float


async def test_parse_with_a_schema() -> None:
    async with asking(response(Text('{"name":"chair","price":9.5}'))) as (client, asked):
        got = await client.chat.completions.parse(
            model="m", messages=HELLO, response_format=Product
        )
    assert got.choices[0].message.parsed == Product(name="chair", price=9.5)
    wanted = asked.requests[0].format
    assert wanted is not None
    assert wanted.schema is not None
    assert (wanted.type, wanted.name, wanted.strict) == ("json_schema", "Product", True)
    assert wanted.schema["required"] == ["name", "price"]


async def test_a_refusal() -> None:
    async with asking(response(Refusal("I would rather not."))) as (client, _):
        got = await client.chat.completions.parse(
            model="m", messages=HELLO, response_format=Product
        )
    message = got.choices[0].message
    assert (message.refusal, message.parsed, message.content) == ("I would rather not.", None, None)


_TOKEN = {"token": "hi", "logprob": -0.5, "bytes": [104, 105], "top_logprobs": []}
LOGPROBS = {"content": [_TOKEN], "refusal": None}


async def test_log_probabilities() -> None:
    async with asking(response(Text("hi"), logprobs=LOGPROBS)) as (client, asked):
        got = await client.chat.completions.create(
            model="m", messages=HELLO, logprobs=True, top_logprobs=2
        )
    found = got.choices[0].logprobs
    assert found is not None
    assert found.model_dump() == LOGPROBS
    assert (asked.requests[0].logprobs, asked.requests[0].top_logprobs) == (True, 2)


START = Start("chatcmpl-1", "m-1", 7, {"openai_chat": {"system_fingerprint": "fp"}})


@pytest.mark.parametrize("include_usage", [True, False])
async def test_a_stream_and_its_usage(include_usage: bool) -> None:
    events = [START, TextDelta("he"), TextDelta("llo"), Finish("stop"), Metered(USAGE)]
    async with asking(events) as (client, asked):
        stream = await client.chat.completions.create(
            model="m",
            messages=HELLO,
            stream=True,
            stream_options={"include_usage": include_usage},
        )
        chunks = [chunk async for chunk in stream]
    assert asked.requests[0].stream
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "hello"
    assert {(c.id, c.model, c.created, c.system_fingerprint) for c in chunks} == {
        ("chatcmpl-1", "m-1", 7, "fp")
    }
    assert [c.usage.total_tokens for c in chunks if c.usage] == [13] * include_usage
    assert (chunks[-1].choices == []) is include_usage


async def test_a_streamed_answer_put_together_by_the_package() -> None:
    events = [
        START,
        TextDelta("Let me see"),
        LogprobsDelta(LOGPROBS),
        ToolCallDelta(0, "call_1", "weather", '{"ci'),
        ToolCallDelta(0, arguments='ty":"Rome"}'),
        ToolCallDelta(1, "call_2", "weather"),
        ToolCallDelta(1, arguments='{"city":"Oslo"}'),
        Finish("tool_calls"),
        Metered(USAGE),
    ]
    async with (
        asking(events) as (client, _),
        client.chat.completions.stream(model="m", messages=HELLO, tools=[WEATHER]) as stream,
    ):
        kinds = {event.type async for event in stream}
        got = await stream.get_final_completion()
    assert {
        "content.delta",
        "tool_calls.function.arguments.done",
        "logprobs.content.delta",
    } <= kinds
    message = got.choices[0].message
    assert message.content == "Let me see"
    assert message.tool_calls is not None
    calls = [(c.id, c.function.name, c.function.parsed_arguments) for c in message.tool_calls]
    assert calls == [
        ("call_1", "weather", {"city": "Rome"}),
        ("call_2", "weather", {"city": "Oslo"}),
    ]
    assert got.choices[0].logprobs is not None
    assert got.choices[0].logprobs.content is not None
    assert len(got.choices[0].logprobs.content) == 1


async def test_a_streamed_refusal_and_a_streamed_schema() -> None:
    def answer(request: Request) -> Answer:
        if request.seed == 1:
            return [START, RefusalDelta("I would "), RefusalDelta("not."), Finish("stop")]
        return unfold(response(Text('{"name":"chair","price":1}')))

    async with asking(answer) as (client, _):
        found: list[Any] = []
        for seed in (1, 2):
            async with client.chat.completions.stream(
                model="m", messages=HELLO, response_format=Product, seed=seed
            ) as stream:
                found.append((await stream.get_final_completion()).choices[0].message)
    assert (found[0].refusal, found[0].parsed) == ("I would not.", None)
    assert (found[1].refusal, found[1].parsed) == (None, Product(name="chair", price=1))


async def test_several_choices() -> None:
    events = [START]
    for index, text in enumerate(("one", "two")):
        events += [TextDelta(text, index), Finish("stop", index)]
    async with (
        asking(events) as (client, asked),
        client.chat.completions.stream(model="m", messages=HELLO, n=2) as stream,
    ):
        got = await stream.get_final_completion()
    assert [choice.message.content for choice in got.choices] == ["one", "two"]
    assert asked.requests[0].n == 2


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (BadRequestError("m"), openai.BadRequestError),
        (BadRequestError("m", status=422), openai.UnprocessableEntityError),
        (ContextLengthError("m"), openai.BadRequestError),
        (ContentFilterError("m"), openai.BadRequestError),
        (AuthenticationError("m"), openai.AuthenticationError),
        (PermissionDeniedError("m"), openai.PermissionDeniedError),
        (NotFoundError("m"), openai.NotFoundError),
        (ConflictError("m"), openai.ConflictError),
        (RateLimitError("m", after=30.0), openai.RateLimitError),
        (ProviderError("m"), openai.InternalServerError),
        (OverloadedError("m", after=30.0), openai.InternalServerError),
        (ConnectionFault("m"), openai.InternalServerError),
        (TimeoutFault("total", 1.0), openai.InternalServerError),
    ],
)
async def test_a_fault_raises_the_packages_own_error_and_is_not_asked_again(
    fault: Fault, raised: type[openai.APIStatusError]
) -> None:
    async with asking(fault, retries=3) as (client, asked):
        with pytest.raises(raised) as caught:
            await client.chat.completions.create(model="m", messages=HELLO)
    assert len(asked.bodies) == 1
    assert str(fault) in caught.value.message
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["code"] == fault.kind


async def test_an_error_in_the_middle_of_a_stream_is_no_end() -> None:
    events = [START, TextDelta("half an"), StreamCutError("the stream was cut")]
    async with asking(events) as (client, _):
        stream = await client.chat.completions.create(model="m", messages=HELLO, stream=True)
        chunk = await anext(stream)
        assert chunk.choices[0].delta.content == "half an"
        with pytest.raises(openai.APIError, match="the stream was cut"):
            await anext(stream)


# Everything the package can say is read, and said again word for word

_PNG = "data:image/png;base64,AA=="
SAID: list[dict[str, Any]] = [
    {"messages": [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "a"}]},
    {"messages": [{"role": "user", "name": "ann", "content": [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": _PNG, "detail": "high"}},
        {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}}]}]},
    {"messages": [{"role": "system", "content": [{"type": "text", "text": "a"},
                                                 {"type": "text", "text": "b"}]}]},
    {"tools": [WEATHER, {"type": "custom", "custom": {"name": "sql", "format": {"type": "text"}}}],
     "tool_choice": {"type": "custom", "custom": {"name": "sql"}}, "parallel_tool_calls": False},
    {"tools": [WEATHER], "tool_choice": {"type": "allowed_tools", "allowed_tools": {
        "mode": "auto", "tools": [{"type": "function", "function": {"name": "weather"}}]}}},
    {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "weather"}}},
    {"messages": [{"role": "assistant", "content": None, "audio": {"id": "audio_1"}, "tool_calls": [
        {"id": "c", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}]},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "1"},
                                                          {"type": "text", "text": "2"}]}]},
    {"messages": [{"role": "assistant", "content": None, "refusal": "no"}]},
    {"response_format": {"type": "json_schema", "json_schema": {
        "name": "n", "schema": {"type": "object"}, "strict": True, "description": "d"}}},
    {"response_format": {"type": "json_object"}, "stop": ["a", "b"], "seed": 7, "n": 2},
    {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"},
     "metadata": {"k": "v"}, "logit_bias": {"50256": -100}, "service_tier": "flex", "store": True,
     "prediction": {"type": "content", "content": "code"}, "verbosity": "low",
     "web_search_options": {"search_context_size": "low"}, "prompt_cache_key": "k",
     "safety_identifier": "s", "user": "u", "reasoning_effort": "low"},
    {"temperature": 0.2, "top_p": 0.9, "presence_penalty": -1.0, "frequency_penalty": 2.0,
     "max_completion_tokens": 10, "logprobs": True, "top_logprobs": 3},
]  # fmt: skip


@pytest.mark.parametrize("fields", SAID, ids=lambda fields: "+".join(fields)[:40])
async def test_what_the_package_says_is_said_again_word_for_word(fields: dict[str, Any]) -> None:
    async with asking(response(Text("hi"))) as (client, asked):
        await client.chat.completions.create(**{"model": "m", "messages": HELLO, **fields})
    quirks = Quirks(max_tokens_field="max_completion_tokens")
    again = WIRE.encode(asked.requests[0], quirks).body
    assert msgspec.json.decode(again) == msgspec.json.decode(asked.bodies[0])


async def test_what_the_package_says_is_understood() -> None:
    async with asking(response(Text("hi"))) as (client, asked):
        messages: Any = SAID[1]["messages"]
        await client.chat.completions.create(
            model="m", messages=messages, response_format={"type": "json_object"}
        )
    (request,) = asked.requests
    assert request.format == Format(type="json_object")
    assert request.messages[0].name == "ann"
    assert [type(part) for part in request.messages[0].content] == [
        Text, Image, Image, Opaque, Opaque,
    ]  # fmt: skip
    assert request.messages[0].content[1] == Image(
        data="AA==", media_type="image/png", detail="high"
    )
