"""Run inside the environment of the google-genai package: its types accept everything we write,
and its client is served by it end to end over a socket."""

# pyright: reportMissingImports=false
from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from gemini_strategies import event_lists, requests, responses
from google.genai import Client, errors, types
from hypothesis import given, settings
from openai_chat_provider import Answer, Provider, provider
from openai_chat_strategies import LAW

from seawall.dialects.gemini import FACE, WIRE
from seawall.errors import (
    AuthenticationError,
    BadRequestError,
    ContentFilterError,
    ContextLengthError,
    Fault,
    OverloadedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
)
from seawall.folding import unfold
from seawall.ports import Head, Quirks
from seawall.types import (
    Choice,
    Event,
    Image,
    Message,
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

# Types: fields that the package does not know are errors there, at every depth


#: The package builds a model for every object, so fewer examples.
TYPED = settings(LAW, max_examples=25)
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
        kept = {n: v for n, v in fields["extra"]["gemini"].items() if n[:2] != _MADE_UP}
        fields["extra"] = {"gemini": kept}
    return msgspec.structs.replace(value, **fields)


@TYPED
@given(requests())
def test_the_types_accept_every_request(request: Request) -> None:
    body = msgspec.json.decode(WIRE.encode(_known(request), Quirks()).body)
    for content in body.pop("contents"):
        types.Content.model_validate(content)
    for name, made in (
        ("systemInstruction", types.Content),
        ("toolConfig", types.ToolConfig),
        ("generationConfig", types.GenerationConfig),
    ):
        if name in body:
            made.model_validate(body.pop(name))
    for tool in body.pop("tools", ()):
        types.Tool.model_validate(tool)
    assert not body


@TYPED
@given(responses())
def test_the_types_accept_every_response(response: Response) -> None:
    types.GenerateContentResponse.model_validate_json(FACE.write(_known(response)))


def _plain(event: Event) -> bool:
    """Whether all of ``event`` stands in the reference."""
    return not getattr(event, "fields", None) or not any(
        name[:2] == _MADE_UP
        for name in event.fields  # type: ignore[union-attr]
    )


@TYPED
@given(event_lists())
def test_the_types_accept_every_chunk(events: list[Event]) -> None:
    writer = FACE.writer(Head(model="m", stream=True))
    body = b"".join(writer.event(_known(event)) for event in events if _plain(event))
    for frame in WIRE.framer().feed(body):
        types.GenerateContentResponse.model_validate_json(frame)


# The client


USAGE = Usage(
    prompt_tokens=9, completion_tokens=4, total_tokens=13, cached_tokens=3, reasoning_tokens=1
)
NAME = "gemini-3.8-flash"


def answer(*parts: Part, finish: str = "stop") -> Response:
    choice = Choice(message=Message("assistant", parts), finish_reason=finish)
    return Response(id="r-1", model=NAME, choices=(choice,), usage=USAGE)


@asynccontextmanager
async def world(
    answer: Callable[[Request], Answer],
) -> AsyncIterator[tuple[Client, Provider]]:
    async with provider(answer, FACE) as asked:
        url = asked.base_url.removesuffix("/v1")
        client = Client(api_key="AIza-test", http_options=types.HttpOptions(base_url=url))
        try:
            yield client, asked
        finally:
            await client.aio.aclose()


async def test_text_and_every_option() -> None:
    async with world(lambda _: answer(Reasoning("hm"), Text("Trieste."))) as (client, asked):
        got = await client.aio.models.generate_content(
            model=NAME,
            contents=[
                "Name a harbour.",
                types.Part.from_bytes(data=b"\xff\xef", mime_type="image/png"),
            ],
            config=types.GenerateContentConfig(
                system_instruction="Be brief.",
                temperature=0.5,
                top_p=0.9,
                top_k=3,
                max_output_tokens=20,
                stop_sequences=["END"],
                seed=7,
                candidate_count=1,
                presence_penalty=0.5,
                frequency_penalty=0.25,
                thinking_config=types.ThinkingConfig(
                    thinking_level=types.ThinkingLevel.LOW, include_thoughts=True
                ),
                safety_settings=[
                    types.SafetySetting(
                        category=types.HarmCategory.HARM_CATEGORY_HARASSMENT,
                        threshold=types.HarmBlockThreshold.BLOCK_ONLY_HIGH,
                    )
                ],
            ),
        )
    assert got.text == "Trieste."
    assert got.candidates is not None
    assert got.candidates[0].finish_reason is types.FinishReason.STOP
    usage = got.usage_metadata
    assert usage is not None
    assert (usage.prompt_token_count, usage.candidates_token_count) == (9, 3)
    assert (usage.cached_content_token_count, usage.thoughts_token_count) == (3, 1)
    (asking,) = asked.requests
    assert asking.model == NAME
    assert asking.messages[0] == Message("system", (Text("Be brief."),))
    image = Image(data="/+8=", media_type="image/png")
    assert asking.messages[1].content == (Text("Name a harbour."), image)
    assert (asking.temperature, asking.top_p, asking.max_tokens) == (0.5, 0.9, 20)
    assert (asking.stop, asking.seed, asking.n) == (("END",), 7, 1)
    assert (asking.presence_penalty, asking.frequency_penalty) == (0.5, 0.25)
    assert asking.reasoning_effort == "low"
    assert asking.extra["gemini"]["generationConfig"]["topK"] == 3
    again = msgspec.json.decode(WIRE.encode(asking, Quirks()).body)
    assert again["safetySettings"][0]["threshold"] == "BLOCK_ONLY_HIGH"


async def test_a_stream() -> None:
    whole = answer(Reasoning("hm"), Text("Trieste."))
    async with world(lambda _: unfold(whole)) as (client, asked):
        stream = await client.aio.models.generate_content_stream(model=NAME, contents="hi")
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.text or "" for chunk in chunks) == "Trieste."
    assert chunks[-1].usage_metadata is not None
    assert chunks[-1].usage_metadata.total_token_count == 13
    assert asked.requests[0].stream


def weather(city: str) -> dict[str, str]:
    """The weather of a city."""
    return {"weather": f"sun over {city}"}


async def test_automatic_function_calling_goes_round() -> None:
    """The package calls the function itself and sends back what it got, signatures included."""

    def respond(request: Request) -> Response:
        if any(message.role == "tool" for message in request.messages):
            return answer(Text("sunny"))
        calls = [ToolCall(f"c{n}", "weather", f'{{"city":"{n}"}}') for n in range(2)]
        return answer(*calls, finish="tool_calls")

    async with world(respond) as (client, asked):
        config = types.GenerateContentConfig(tools=[weather])
        got = await client.aio.models.generate_content(
            model=NAME, contents="How is it?", config=config
        )
    assert got.text == "sunny"
    first, second = asked.requests
    (tool,) = first.tools
    assert isinstance(tool, Tool)
    assert tool.parameters is not None
    assert tool.parameters["properties"]["city"]["type"] == "string"
    calls = second.messages[1].tool_calls
    results = [part for part in second.messages[2].content if isinstance(part, ToolResult)]
    assert [call.id for call in calls] == [part.call_id for part in results] == ["c0", "c1"]
    assert results[0].content == (Text('{"result":{"weather":"sun over 0"}}'),)
    body = msgspec.json.decode(asked.bodies[1])
    signed = [
        part.get("thoughtSignature", part.get("thought_signature"))
        for part in body["contents"][1]["parts"]
    ]
    assert signed == ["skip_thought_signature_validator", None]


async def test_a_signature_comes_back_through_a_chat() -> None:
    signed = ToolCall("c", "f", "{}", {"gemini": {"thoughtSignature": "c2lnbmVk"}})
    async with world(lambda _: answer(signed, finish="tool_calls")) as (client, asked):
        chat = client.aio.chats.create(model=NAME)
        await chat.send_message("hi")
        part = types.Part.from_function_response(name="f", response={"result": 1})
        await chat.send_message([part])
    said, answered = asked.requests[1].messages[1:]
    assert said.tool_calls == (signed,)
    (result,) = answered.content
    assert isinstance(result, ToolResult)
    assert result.call_id == "c"


async def test_structured_output_and_tool_choice() -> None:
    async with world(lambda _: answer(Text('{"name":"Trieste"}'))) as (client, asked):
        schema = {"type": "object", "properties": {"name": {"type": "string"}}}
        got = await client.aio.models.generate_content(
            model=NAME,
            contents="hi",
            config=types.GenerateContentConfig(
                response_mime_type="application/json",
                response_json_schema=schema,
                tool_config=types.ToolConfig(
                    function_calling_config=types.FunctionCallingConfig(
                        mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["f"]
                    )
                ),
            ),
        )
    assert got.parsed == {"name": "Trieste"}
    wanted = asked.requests[0].format
    assert wanted is not None
    assert wanted.schema == schema
    assert asked.requests[0].tool_choice == ToolChoice("tool", "f")


@pytest.mark.parametrize(
    ("fault", "code", "made"),
    [
        (BadRequestError("no"), 400, errors.ClientError),
        (ContextLengthError("no"), 400, errors.ClientError),
        (ContentFilterError("no"), 400, errors.ClientError),
        (AuthenticationError("no"), 401, errors.ClientError),
        (RateLimitError("no", after=3), 429, errors.ClientError),
        (QuotaExceededError("no"), 429, errors.ClientError),
        (ProviderError("no"), 500, errors.ServerError),
        (OverloadedError("no"), 503, errors.ServerError),
    ],
)
async def test_a_fault_is_the_packages_own_error(
    fault: Fault, code: int, made: type[errors.APIError]
) -> None:
    def respond(request: Request) -> Answer:
        return [Start("i", "m"), TextDelta("Tri"), fault] if request.stream else fault

    async with world(respond) as (client, _):
        with pytest.raises(made) as whole:
            await client.aio.models.generate_content(model=NAME, contents="hi")
        stream = await client.aio.models.generate_content_stream(model=NAME, contents="hi")
        with pytest.raises(made) as cut:
            async for _chunk in stream:
                pass
    for caught in (whole, cut):
        assert caught.value.code == code
        assert caught.value.message == "no"
