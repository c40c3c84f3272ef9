"""Run inside the environment of the google-genai package: what its client makes of the simulator,
it would make of Google."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from google import genai
from google.genai import errors, types

from seawall.simulator import KINDS, Quota, Rule, Script, Simulator
from seawall.simulator.answers import TEXT

CALLED = {"harbour": "Trieste", "metres": 3}
SHAPE = {
    "type": "object",
    "properties": {"harbour": {"type": "string"}, "metres": {"type": "number"}},
    "required": ["harbour", "metres"],
}
TOOLS = [
    types.Tool(
        function_declarations=[types.FunctionDeclaration(name="tide", parameters_json_schema=SHAPE)]
    )
]
NEVER = types.AutomaticFunctionCallingConfig(disable=True)


@asynccontextmanager
async def sdk(simulator: Simulator, attempts: int = 1) -> AsyncIterator[Any]:
    """The bare SDK, as its users make it."""
    async with simulator.serve() as url:
        options = types.HttpOptions(
            base_url=url.removesuffix("/v1"),
            timeout=500,
            retry_options=types.HttpRetryOptions(attempts=attempts, initial_delay=0.01),
        )
        client = genai.Client(api_key="AIza-test", http_options=options)
        yield client.aio.models
        await client.aio.aclose()
        client.close()


async def test_an_answer_whole_and_streamed() -> None:
    async with sdk(Simulator()) as models:
        reply = await models.generate_content(model="sim", contents="hi")
        assert (reply.text, reply.response_id) == (TEXT, "sim-1")
        assert reply.candidates[0].finish_reason == types.FinishReason.STOP
        chunks = [
            chunk
            async for chunk in await models.generate_content_stream(model="sim", contents="hi")
        ]
        assert "".join(chunk.text or "" for chunk in chunks) == TEXT
        assert len(chunks) > 5
        assert chunks[-1].usage_metadata == reply.usage_metadata
        short = await models.generate_content(
            model="sim", contents="hi", config={"max_output_tokens": 2, "candidate_count": 2}
        )
        assert [one.finish_reason.value for one in short.candidates] == ["MAX_TOKENS"] * 2


async def test_tools_one_and_several_and_their_results() -> None:
    config = types.GenerateContentConfig(tools=TOOLS, automatic_function_calling=NEVER)
    async with sdk(Simulator(Script(answer="Trieste"))) as models:
        reply = await models.generate_content(model="sim", contents="hi", config=config)
        (call,) = reply.function_calls
        assert (call.name, call.args) == ("tide", CALLED)
        chunks = await models.generate_content_stream(model="sim", contents="hi", config=config)
        streamed = [call async for chunk in chunks for call in chunk.function_calls or ()]
        assert [call.args for call in streamed] == [CALLED]
        result = types.Part.from_function_response(name="tide", response={"output": "high"})
        result.function_response.id = call.id
        going_on = [
            types.UserContent("hi"),
            reply.candidates[0].content,
            types.Content(role="user", parts=[result]),
        ]
        done = await models.generate_content(model="sim", contents=going_on, config=config)
        assert done.text == "Trieste"
        several = await models.generate_content(
            model="fault/missing-tool-ids", contents="hi", config=config
        )
        assert [(call.id, call.args) for call in several.function_calls] == [(None, CALLED)] * 2


async def test_structured_answers() -> None:
    config = {"response_mime_type": "application/json", "response_json_schema": SHAPE}
    async with sdk(Simulator(Script(answer="Trieste"))) as models:
        reply = await models.generate_content(model="sim", contents="hi", config=config)
        assert reply.parsed == CALLED


async def test_the_models_are_listed() -> None:
    async with sdk(Simulator(Script(models=("harbour",)))) as models:
        names = [model.name async for model in await models.list()]
        assert names[0] == "models/harbour"
        assert {f"models/fault/{name}" for name in KINDS} < set(names)
        assert (await models.get(model="harbour")).display_name == "harbour"
        with pytest.raises(errors.ClientError, match="NOT_FOUND"):
            await models.get(model="nosuch")


ERRORS = {
    "400": (errors.ClientError, 400, "INVALID_ARGUMENT"),
    "401": (errors.ClientError, 400, "INVALID_ARGUMENT"),
    "403": (errors.ClientError, 403, "PERMISSION_DENIED"),
    "404": (errors.ClientError, 404, "NOT_FOUND"),
    "409": (errors.ClientError, 409, "ABORTED"),
    "429": (errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
    "429-quota": (errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
    "500": (errors.ServerError, 500, "INTERNAL"),
    "502": (errors.ServerError, 502, "Bad Gateway"),
    "503": (errors.ServerError, 503, "UNAVAILABLE"),
    "529": (errors.ServerError, 503, "UNAVAILABLE"),
    "408": (errors.ServerError, 504, "DEADLINE_EXCEEDED"),
    "context-length": (errors.ClientError, 400, "INVALID_ARGUMENT"),
}


@pytest.mark.parametrize("stream", [False, True])
async def test_it_raises_its_own_errors(stream: bool) -> None:
    async with sdk(Simulator()) as models:
        for name, expected in ERRORS.items():
            with pytest.raises(errors.APIError) as caught:
                await ask(models, f"fault/{name}", stream)
            error = caught.value
            assert (type(error), error.code, error.status) == expected, name
        for name in ("reset", "silent"):
            with pytest.raises(httpx2.TransportError):
                await ask(models, f"fault/{name}", stream)


async def ask(models: Any, model: str, stream: bool) -> Any:
    if not stream:
        return await models.generate_content(model=model, contents="hi")
    chunks = await models.generate_content_stream(model=model, contents="hi")
    return [chunk async for chunk in chunks]


async def test_an_error_in_a_stream_is_raised() -> None:
    async with sdk(Simulator()) as models:
        with pytest.raises(errors.ServerError) as caught:
            await ask(models, "fault/error-event", True)
        assert caught.value.status == "INTERNAL"
        with pytest.raises(httpx2.RemoteProtocolError):
            await ask(models, "fault/cut", True)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_blocked_prompt_says_why(stream: bool) -> None:
    async with sdk(Simulator()) as models:
        reply = await ask(models, "fault/content-filter", stream)
        first = reply[0] if stream else reply
        assert first.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
        assert not first.candidates


async def test_whole_answers_come_through_harmless_faults() -> None:
    for name in ("split-utf8", "drip"):
        rule = Rule(fault=name, seconds=0.001, size=64)
        async with sdk(Simulator(Script(faults=(rule,)))) as models:
            chunks = await ask(models, "sim", True)
            assert "".join(chunk.text or "" for chunk in chunks) == TEXT, name


async def test_its_retries_are_judged() -> None:
    simulator = Simulator()
    async with sdk(simulator, attempts=2) as models:
        await ask(models, "fault/503-once", False)
    assert simulator.verdict().good, simulator.verdict()
    simulator = Simulator(Script(quota=Quota(requests=1)))
    async with sdk(simulator) as models:
        await ask(models, "sim", False)
        for _ in range(2):
            with pytest.raises(errors.ClientError, match="RESOURCE_EXHAUSTED") as caught:
                await ask(models, "sim", False)
    (_, retry) = caught.value.details["error"]["details"]
    assert 50 < float(retry["retryDelay"].rstrip("s")) <= 60
    assert [charge.offence for charge in simulator.verdict().charges] == ["ignored Retry-After"]
