"""Run inside the environment of the anthropic package: its types accept everything we write, and
its client is served by it end to end over a socket."""

# pyright: reportMissingImports=false
from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import msgspec
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import Message as SdkMessage
from anthropic.types import RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParams
from anthropic_strategies import event_lists, requests, responses
from hypothesis import given
from openai_chat_provider import Answer, Provider, provider
from openai_chat_strategies import LAW
from pydantic import BaseModel, ConfigDict, TypeAdapter

from seawall.dialects.anthropic import FACE, WIRE
from seawall.errors import (
    AuthenticationError,
    BadRequestError,
    ContextLengthError,
    Fault,
    OverloadedError,
    ProviderError,
    RateLimitError,
)
from seawall.folding import fold, unfold
from seawall.framing.sse import SSE
from seawall.ports import Head, Quirks
from seawall.types import (
    Choice,
    Event,
    Finish,
    Message,
    Metered,
    Opaque,
    Part,
    Reasoning,
    ReasoningDelta,
    Request,
    Response,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    UnknownDelta,
    Usage,
)

# Types: of a request, fields that the package does not know are errors, at every depth

_params = TypeAdapter[Any](MessageCreateParams, config=ConfigDict(extra="forbid"))
_message = TypeAdapter[Any](SdkMessage)
_event = TypeAdapter[Any](RawMessageStreamEvent)
#: What generated values hold that stands for fields nobody knows.
_MADE_UP = "x_"


def _known(value: Any) -> Any:
    """``value`` without made-up fields."""
    if isinstance(value, tuple):
        return tuple(_known(item) for item in value)
    if not isinstance(value, msgspec.Struct):
        return value
    fields = {name: _known(getattr(value, name)) for name in value.__struct_fields__}
    if fields.get("extra"):
        kept = {n: v for n, v in fields["extra"]["anthropic"].items() if n[:2] != _MADE_UP}
        fields["extra"] = {"anthropic": kept}
    return msgspec.structs.replace(value, **fields)


def _consume(value: Any) -> None:
    """pydantic checks an ``Iterable`` as it is read."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, Iterator)):
        return
    for item in value:
        _consume(item)


@LAW
@given(requests())
def test_its_types_accept_every_request(request: Request) -> None:
    # Sampling is for an older version of the API, which its types do not know any more.
    request = msgspec.structs.replace(_known(request), temperature=None, top_p=None)
    body = msgspec.json.decode(WIRE.encode(request, Quirks()).body)
    _consume(_params.validate_python(body))


def _answerable(part: Part) -> bool:
    """Documents and pictures are for questions."""
    return type(part) is not Opaque


@LAW
@given(responses())
def test_its_types_accept_every_response(response: Response) -> None:
    choice = response.choices[0]
    message = Message("assistant", tuple(filter(_answerable, choice.message.content)))
    response = msgspec.structs.replace(
        response, choices=(msgspec.structs.replace(choice, message=message),)
    )
    written = _message.validate_json(FACE.write(_known(response)))
    assert len(written.content) == len(message.content)


@LAW
@given(event_lists())
def test_its_types_accept_every_event(events: list[Event]) -> None:
    writer = FACE.writer(Head(model="m", stream=True))
    told = [event for event in events if type(event) is not UnknownDelta]
    body = b"".join([*(writer.event(event) for event in told), writer.end()])
    for frame in SSE().feed(body):
        _event.validate_json(frame)


# The client, over a socket

USAGE = Usage(prompt_tokens=9, completion_tokens=4, total_tokens=13, cached_tokens=3)
ASKED: Any = {
    "model": "m",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "hello"}],
}
THOUGHT = Reasoning("Hm.", "c2ln", {"anthropic": {"type": "thinking"}})
CALLS = (ToolCall("toolu_1", "f", '{"a":1}'), ToolCall("toolu_2", "g", "{}"))


def response(*parts: Part, finish: str = "stop") -> Response:
    choice = Choice(message=Message("assistant", parts), finish_reason=finish)
    return Response(id="msg_1", model="m-1", choices=(choice,), usage=USAGE)


@asynccontextmanager
async def asking(
    answer: Answer | Callable[[Request], Answer], retries: int = 0
) -> AsyncIterator[tuple[AsyncAnthropic, Provider]]:
    told = answer if callable(answer) else lambda request: answer
    async with (
        provider(told, FACE) as asked,
        AsyncAnthropic(
            base_url=asked.base_url.removesuffix("/v1"), api_key="k", max_retries=retries
        ) as client,
    ):
        yield client, asked


async def test_text() -> None:
    async with asking(response(Text("hi"))) as (client, asked):
        message = await client.messages.create(**ASKED)
    assert message.content[0].text == "hi"  # type: ignore[union-attr]
    assert (message.stop_reason, message.id) == ("end_turn", "msg_1")
    assert (message.usage.input_tokens, message.usage.cache_read_input_tokens) == (6, 3)
    assert asked.requests[0].max_tokens == 64


async def test_thinking_and_tools_go_there_and_back() -> None:
    parts = (THOUGHT, Text("I'll look."), *CALLS)
    async with asking(response(*parts, finish="tool_calls")) as (client, asked):
        message = await client.messages.create(**ASKED)
        results: Any = [
            {"type": "tool_result", "tool_use_id": block.id, "content": "done"}
            for block in message.content
            if block.type == "tool_use"
        ]
        turns = [*ASKED["messages"], message.to_param(), {"role": "user", "content": results}]
        await client.messages.create(**ASKED | {"messages": turns})
    assert asked.requests[1].messages[1:] == (
        Message("assistant", parts),
        Message("tool", tuple(ToolResult(call.id, (Text("done"),)) for call in CALLS)),
    )


EVENTS: list[Event] = [
    Start("msg_1", "m-1"),
    ReasoningDelta("H"),
    ReasoningDelta("m."),
    ReasoningDelta("", signature="c2ln", extra={"anthropic": {"type": "thinking"}}),
    TextDelta("I'll "),
    TextDelta("look."),
    ToolCallDelta(0, "toolu_1", "f", '{"a'),
    ToolCallDelta(1, "toolu_2", "g"),
    ToolCallDelta(0, arguments='":1}'),
    ToolCallDelta(1, arguments="{}"),
    Finish("tool_calls"),
    Metered(USAGE),
]


async def test_its_streaming_helper_sums_up_what_we_write() -> None:
    async with (
        asking(EVENTS) as (client, _),
        client.messages.stream(**ASKED) as stream,
    ):
        texts = [text async for text in stream.text_stream]
        message = await stream.get_final_message()
    assert texts == ["I'll ", "look."]
    assert WIRE.decode(message.model_dump_json().encode()) == fold(EVENTS)


async def test_its_raw_stream_is_read_event_by_event() -> None:
    async with asking(unfold(response(Text("hi")))) as (client, _):
        kinds = [event.type async for event in await client.messages.create(**ASKED, stream=True)]
    assert kinds == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


class Place(BaseModel):
    name: str


async def test_parse() -> None:
    async with asking(response(Text('{"name": "Bari"}'))) as (client, asked):
        message = await client.messages.parse(**ASKED, output_format=Place)
    assert message.parsed_output == Place(name="Bari")
    wanted = asked.requests[0].format
    assert wanted is not None
    assert wanted.schema is not None
    assert wanted.schema["required"] == ["name"]


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (BadRequestError("a"), anthropic.BadRequestError),
        (ContextLengthError("a"), anthropic.BadRequestError),
        (AuthenticationError("a"), anthropic.AuthenticationError),
        (RateLimitError("a"), anthropic.RateLimitError),
        (OverloadedError("a"), anthropic.InternalServerError),
        (ProviderError("a"), anthropic.InternalServerError),
    ],
)
async def test_a_fault_raises_its_own_error_once(fault: Fault, raised: type[Exception]) -> None:
    async with asking(fault, retries=2) as (client, asked):
        with pytest.raises(raised):
            await client.messages.create(**ASKED)
    assert len(asked.bodies) == 1


async def test_a_fault_in_a_stream_raises_its_own_error() -> None:
    told: list[Event | Fault] = [Start("msg_1", "m"), TextDelta("a"), OverloadedError("busy")]
    async with asking(told) as (client, _):
        with pytest.raises(anthropic.APIStatusError, match="busy") as caught:
            async with client.messages.stream(**ASKED) as stream:
                await stream.get_final_text()
    assert caught.value.type == "overloaded_error"
