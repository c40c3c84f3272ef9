"""Run inside the environment of the cohere package: its types accept everything we write, and its
client is served by it end to end over a socket."""

# pyright: reportMissingImports=false
from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import cohere
import httpx
import msgspec
import pytest
from cohere.core.api_error import ApiError
from cohere.types import ChatMessageV2, EmbedByTypeResponse, ResponseFormatV2, Thinking, ToolV2
from cohere.v2.types import V2ChatResponse, V2ChatStreamResponse, V2RerankResponse
from cohere_strategies import event_lists, requests, responses
from hypothesis import given, settings
from openai_chat_provider import Answer, Provider, provider
from openai_chat_strategies import LAW
from pydantic import TypeAdapter

from seawall.dialects.cohere import FACE, WIRE
from seawall.errors import (
    AuthenticationError,
    BadRequestError,
    ContentFilterError,
    ContextLengthError,
    Fault,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    ProviderError,
    RateLimitError,
    TimeoutFault,
)
from seawall.folding import unfold
from seawall.operations import Embeddings, EmbedRequest, Ranked, Ranking, RerankRequest
from seawall.ports import Head, Quirks
from seawall.types import (
    Choice,
    Event,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Request,
    Response,
    Start,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Usage,
)

# Types: every field that is there must be of its type. Unknown ones are welcome by themselves,
# unknown kinds of content are not, so those are left out.

TYPED = settings(LAW, max_examples=25)
#: The fields of a request, from the signature of ``chat`` and ``chat_stream``.
REQUEST = {
    "messages": list[ChatMessageV2],
    "tools": list[ToolV2],
    "response_format": ResponseFormatV2,
    "thinking": Thinking,
    "stop_sequences": list[str],
}
#: What generated values hold that stands for fields nobody knows.
_MADE_UP = "x_"
CHECK = {name: TypeAdapter(kind) for name, kind in REQUEST.items()}
EVENT = TypeAdapter(V2ChatStreamResponse)


#: The guides write the data of a document as its JSON, the types have an object there.
QUOTED = {"cohere": {"type": "document", "document": {"data": ""}}}


def _known(value: Any) -> Any:
    """``value`` with a text in the place of content that is made up."""
    if isinstance(value, tuple):
        return tuple(_known(item) for item in value)
    if isinstance(value, Opaque) or (isinstance(value, Text) and value.extra == QUOTED):
        return Text("known")
    if not isinstance(value, msgspec.Struct):
        return value
    fields = {name: _known(getattr(value, name)) for name in value.__struct_fields__}
    return msgspec.structs.replace(value, **fields)


def _without_opaque(request: Request) -> Request:
    tools = tuple(tool for tool in request.tools if not isinstance(tool, Opaque))
    return _known(msgspec.structs.replace(request, tools=tools))


def _fields(method: str) -> set[str]:
    """What the client's ``method`` can put into a body."""
    return set(inspect.signature(getattr(cohere.ClientV2, method)).parameters)


@TYPED
@given(requests())
def test_the_types_accept_every_request(request: Request) -> None:
    body = msgspec.json.decode(WIRE.encode(_without_opaque(request), Quirks()).body)
    assert {name for name in body if name[:2] != _MADE_UP} <= _fields("chat") | {"stream"}
    for name, check in CHECK.items():
        if name in body:
            check.validate_python(body[name])


@TYPED
@given(responses())
def test_the_types_accept_every_response(response: Response) -> None:
    V2ChatResponse.model_validate_json(FACE.write(_known(response)))


@TYPED
@given(event_lists())
def test_the_types_accept_every_event(events: list[Event]) -> None:
    writer = FACE.writer(Head(model="m", stream=True))
    known = [event for event in events if "content" not in getattr(event, "fields", ())]
    body = b"".join([*map(writer.event, known), writer.end()])
    for frame in WIRE.framer().feed(body):
        EVENT.validate_json(frame)


def test_the_types_of_vectors_and_rankings_are_those_we_ask_for_and_read() -> None:
    texts = EmbedRequest(model="m", texts=("a",), input_type="query", dimensions=2)
    vectors, ranks = WIRE.operations["embeddings"], WIRE.operations["rerank"]
    body = msgspec.json.decode(vectors.encode(texts, Quirks()).body)
    assert body.keys() <= _fields("embed")
    made = EmbedByTypeResponse.model_validate(
        {
            "id": "e",
            "embeddings": {"float": [[1.5, 2.5]]},
            "meta": {"billed_units": {"input_tokens": 3}},
        }
    )
    embedded = vectors.decode(
        made.model_dump_json(by_alias=True, exclude_none=True).encode(), texts
    )
    assert isinstance(embedded, Embeddings)
    assert [list(one) for one in embedded.vectors] == [[1.5, 2.5]]
    assert embedded.usage == Usage(prompt_tokens=3, total_tokens=3)
    query = RerankRequest(model="m", query="q", documents=("a", "b"), top_n=1)
    body = msgspec.json.decode(ranks.encode(query, Quirks()).body)
    assert body.keys() <= _fields("rerank")
    ranked = V2RerankResponse.model_validate(
        {
            "results": [{"index": 1, "relevance_score": 0.5}],
            "meta": {"billed_units": {"search_units": 1.0}},
        }
    )
    ranking = ranks.decode(ranked.model_dump_json(exclude_none=True).encode(), query)
    assert isinstance(ranking, Ranking)
    assert ranking.results == (Ranked(1, 0.5),)
    assert ranking.usage == Usage(search_units=1)


# The client


USAGE = Usage(prompt_tokens=9, completion_tokens=4, total_tokens=13, cached_tokens=3)
NAME = "command-a-03-2025"
ASKING: Any = [{"role": "user", "content": "Name a harbour."}]
#: It would ask again after a 503.
ONCE: Any = {"max_retries": 0}


def answer(*parts: Part, finish: str = "stop", **extra: Any) -> Response:
    told = {"cohere": extra} if extra else {}
    message = Message("assistant", parts, extra=told)
    choice = Choice(message=message, finish_reason=finish)
    return Response(id="r-1", choices=(choice,), usage=USAGE)


@asynccontextmanager
async def world(
    answer: Callable[[Request], Answer],
) -> AsyncIterator[tuple[cohere.AsyncClientV2, Provider]]:
    async with provider(answer, FACE) as asked, httpx.AsyncClient() as http:
        url = asked.base_url.removesuffix("/v1")
        yield cohere.AsyncClientV2(api_key="co-test", base_url=url, httpx_client=http), asked


async def test_text_and_every_option() -> None:
    async with world(lambda _: answer(Reasoning("hm"), Text("Trieste."))) as (client, asked):
        got = await client.chat(
            model=NAME,
            messages=[
                {"role": "system", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "Name a harbour."},
                        {
                            "type": "image_url",
                            "image_url": {"url": "data:image/png;base64,/+8=", "detail": "low"},
                        },
                    ],
                },
            ],
            temperature=0.5,
            p=0.9,
            k=3,
            max_tokens=20,
            stop_sequences=["END"],
            seed=7,
            presence_penalty=0.5,
            frequency_penalty=0.25,
            logprobs=True,
            safety_mode="STRICT",
            documents=[{"id": "1", "data": {"text": "a port"}}],
            thinking={"type": "disabled"},
        )
    assert got.message.content is not None
    assert [block.type for block in got.message.content] == ["thinking", "text"]
    assert got.message.content[1].text == "Trieste."
    assert (got.id, got.finish_reason) == ("r-1", "COMPLETE")
    assert got.usage is not None
    assert got.usage.billed_units is not None
    assert (got.usage.billed_units.input_tokens, got.usage.cached_tokens) == (9, 3)
    (asking,) = asked.requests
    assert asked.headers[0]["authorization"] == "Bearer co-test"
    assert asking.messages[0] == Message("system", (Text("Be brief."),))
    image = Image(data="/+8=", media_type="image/png", detail="low")
    assert asking.messages[1].content == (Text("Name a harbour."), image)
    assert (asking.temperature, asking.top_p, asking.max_tokens) == (0.5, 0.9, 20)
    assert (asking.stop, asking.seed, asking.logprobs) == (("END",), 7, True)
    assert (asking.presence_penalty, asking.frequency_penalty) == (0.5, 0.25)
    assert asking.reasoning_effort == "none"
    assert asking.extra["cohere"] == {
        "k": 3,
        "safety_mode": "STRICT",
        "documents": [{"id": "1", "data": {"text": "a port"}}],
    }


async def test_a_stream() -> None:
    cited = {"start": 0, "end": 7, "text": "Trieste", "sources": [{"type": "document", "id": "1"}]}
    whole = answer(Reasoning("hm"), Text("Trieste."), citations=[cited])
    async with world(lambda _: unfold(whole)) as (client, asked):
        events = [event async for event in client.chat_stream(model=NAME, messages=ASKING)]
    assert [event.type for event in events] == [
        "message-start",
        *("content-start", "content-delta", "content-end"),
        *("content-start", "content-delta"),
        *("citation-start", "citation-end"),
        "content-end",
        "message-end",
    ]
    thought, said = (event for event in events if event.type == "content-delta")
    assert thought.delta.message.content.thinking == "hm"
    assert said.delta.message.content.text == "Trieste."
    (citation,) = (event for event in events if event.type == "citation-start")
    assert citation.delta.message.citations.sources[0].id == "1"
    assert events[-1].delta.finish_reason == "COMPLETE"
    assert events[-1].delta.usage.tokens.output_tokens == 4
    assert asked.requests[0].stream


CALLS = (ToolCall("f_1", "weather", '{"city":"a"}'), ToolCall("f_2", "weather", '{"city":"b"}'))
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


async def test_tools_go_round_with_documents_for_results() -> None:
    def respond(request: Request) -> Response:
        if request.messages[-1].role == "tool":
            return answer(Text("sunny"))
        return answer(*CALLS, finish="tool_calls", tool_plan="I will look twice.")

    async with world(respond) as (client, asked):
        more: Any = {"tools": [WEATHER], "strict_tools": True, "tool_choice": "REQUIRED"}
        first = await client.chat(model=NAME, messages=ASKING, **more)
        said = first.message
        assert said.tool_calls is not None
        results = [
            {
                "role": "tool",
                "tool_call_id": call.id,
                "content": [{"type": "document", "document": {"data": {"sky": call.id}}}],
            }
            for call in said.tool_calls
        ]
        second = await client.chat(model=NAME, messages=[*ASKING, said, *results], **more)
    assert (first.finish_reason, said.tool_plan) == ("TOOL_CALL", "I will look twice.")
    assert [call.function.arguments for call in said.tool_calls if call.function] == [
        call.arguments for call in CALLS
    ]
    assert second.message.content is not None
    assert second.message.content[0].text == "sunny"
    again = asked.requests[1]
    (tool,) = again.tools
    assert isinstance(tool, Tool)
    assert (tool.name, tool.strict) == ("weather", True)
    assert again.tool_choice == ToolChoice("required")
    assert again.messages[1].tool_calls == CALLS
    assert again.messages[1].extra["cohere"] == {"tool_plan": "I will look twice."}
    told = [message.content[0] for message in again.messages[2:]]
    assert [part.call_id for part in told if isinstance(part, ToolResult)] == ["f_1", "f_2"]
    assert isinstance(told[0], ToolResult)
    assert isinstance(told[0].content[0], Text)
    assert told[0].content[0].text == '{"sky":"f_1"}'


async def test_streamed_tool_calls_follow_one_another() -> None:
    whole = answer(*CALLS, finish="tool_calls", tool_plan="Hm.")
    async with world(lambda _: unfold(whole)) as (client, _):
        events = [event async for event in client.chat_stream(model=NAME, messages=ASKING)]
    kinds = [event.type for event in events]
    one = ["tool-call-start", "tool-call-delta", "tool-call-end"]
    assert kinds == ["message-start", *one, *one, "tool-plan-delta", "message-end"]
    starts = [event.delta.message.tool_calls for event in events if event.type == one[0]]
    assert [(call.id, call.function.name) for call in starts] == [
        ("f_1", "weather"),
        ("f_2", "weather"),
    ]


async def test_structured_output() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    async with world(lambda _: answer(Text('{"a":"b"}'))) as (client, asked):
        for name in ("json_schema", "schema"):
            await client.chat(
                model=NAME,
                messages=ASKING,
                response_format={"type": "json_object", name: schema},  # type: ignore[typeddict-item]
            )
    for request in asked.requests:
        assert request.format is not None
        assert request.format.schema == schema


ERRORS: list[tuple[Fault, int, type[ApiError]]] = [
    (BadRequestError("no"), 400, cohere.BadRequestError),
    (ContextLengthError("no"), 400, cohere.BadRequestError),
    (ContentFilterError("no"), 498, cohere.InvalidTokenError),
    (AuthenticationError("no"), 401, cohere.UnauthorizedError),
    (PermissionDeniedError("no"), 403, cohere.ForbiddenError),
    (NotFoundError("no"), 404, cohere.NotFoundError),
    (RateLimitError("no", after=3), 429, cohere.TooManyRequestsError),
    (ProviderError("no"), 500, cohere.InternalServerError),
    (OverloadedError("no"), 503, cohere.ServiceUnavailableError),
    (TimeoutFault("total", 1, "no"), 504, cohere.GatewayTimeoutError),
]


@pytest.mark.parametrize(("fault", "status", "made"), ERRORS, ids=lambda value: str(value))
async def test_a_fault_is_the_packages_own_error(
    fault: Fault, status: int, made: type[ApiError]
) -> None:
    async with world(lambda _: fault) as (client, asked):
        with pytest.raises(made) as whole:
            await client.chat(model=NAME, messages=ASKING, request_options=ONCE)
        with pytest.raises(made) as streamed:
            async for _event in client.chat_stream(
                model=NAME, messages=ASKING, request_options=ONCE
            ):
                pass
    for caught in (whole, streamed):
        assert caught.value.status_code == status
        assert caught.value.body == {"message": "no"}
    assert len(asked.bodies) == 2


async def test_an_error_in_a_stream_is_its_end_and_the_abort_is_seen() -> None:
    """The package raises nothing for the error itself. It hands on the end that tells of it, and
    raises because the body that carried it was not ended."""
    told: Answer = [Start("r-1"), TextDelta("Tri"), ProviderError("broken")]
    async with world(lambda _: told) as (client, _):
        stream = client.chat_stream(model=NAME, messages=ASKING)
        events: list[Any] = [await anext(stream) for _ in range(4)]
        with pytest.raises(httpx.TransportError):
            await anext(stream)
    assert [event.type for event in events] == [
        *("message-start", "content-start", "content-delta"),
        "message-end",
    ]
    assert (events[-1].delta.finish_reason, events[-1].delta.error) == ("ERROR", "broken")


async def test_the_sync_client_is_served_too() -> None:
    async with world(
        lambda request: unfold(answer(Text("hi"))) if request.stream else answer(Text("hi"))
    ) as (_, asked):
        url = asked.base_url.removesuffix("/v1")

        def ask(http: httpx.Client) -> tuple[str, str]:
            client = cohere.ClientV2(api_key="co-test", base_url=url, httpx_client=http)
            whole = client.chat(model=NAME, messages=ASKING)
            pieces = [
                event.delta.message.content.text
                for event in client.chat_stream(model=NAME, messages=ASKING)
                if event.type == "content-delta"
            ]
            assert whole.message.content is not None
            return whole.message.content[0].text, "".join(pieces)

        with httpx.Client() as http:
            assert await asyncio.to_thread(ask, http) == ("hi", "hi")
