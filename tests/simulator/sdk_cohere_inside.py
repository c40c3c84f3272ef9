"""Run inside the environment of the cohere package: what its client makes of the simulator, it
would make of Cohere."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import cohere
import httpx
import pytest
from cohere.core.api_error import ApiError

from seawall.simulator import KINDS, Quota, Rule, Script, Simulator
from seawall.simulator.answers import TEXT

HI: Any = [{"role": "user", "content": "hi"}]
SHAPE = {
    "type": "object",
    "properties": {"harbour": {"type": "string"}, "metres": {"type": "number"}},
    "required": ["harbour", "metres"],
}
TIDE: Any = {"type": "function", "function": {"name": "tide", "parameters": SHAPE}}
CALLED = '{"harbour":"Trieste","metres":3}'


@asynccontextmanager
async def sdk(simulator: Simulator, retries: int = 0) -> AsyncIterator[Any]:
    """The bare SDK, as its users make it."""
    async with simulator.serve() as url, httpx.AsyncClient(timeout=0.5) as http:
        yield cohere.AsyncClientV2(
            api_key="co-test",
            base_url=url.removesuffix("/v1"),
            httpx_client=http,
            max_retries=retries,
        )


async def stream(client: Any, model: str = "sim", **more: Any) -> list[Any]:
    return [event async for event in client.chat_stream(model=model, messages=HI, **more)]


def text_of(events: list[Any]) -> str:
    return "".join(
        event.delta.message.content.text for event in events if event.type == "content-delta"
    )


async def test_an_answer_whole_and_streamed() -> None:
    async with sdk(Simulator()) as client:
        reply = await client.chat(model="sim", messages=HI)
        assert [block.text for block in reply.message.content] == [TEXT]
        assert (reply.id, reply.finish_reason) == ("sim-1", "COMPLETE")
        assert reply.usage.tokens.output_tokens > 0
        events = await stream(client)
        assert text_of(events) == TEXT
        assert (events[0].type, events[-1].type) == ("message-start", "message-end")
        assert events[-1].delta.finish_reason == "COMPLETE"
        short = await client.chat(model="sim", messages=HI, max_tokens=2)
        assert short.finish_reason == "MAX_TOKENS"


async def test_tools_one_and_several_and_their_results() -> None:
    async with sdk(Simulator(Script(answer="Trieste"))) as client:
        reply = await client.chat(model="sim", messages=HI, tools=[TIDE])
        (call,) = reply.message.tool_calls
        assert (call.function.name, call.function.arguments) == ("tide", CALLED)
        assert reply.finish_reason == "TOOL_CALL"
        pieces = [
            event.delta.message.tool_calls.function.arguments
            for event in await stream(client, tools=[TIDE])
            if event.type == "tool-call-delta"
        ]
        assert "".join(pieces) == CALLED
        going_on = [
            *HI,
            {"role": "assistant", "tool_calls": [call.model_dump()]},
            {"role": "tool", "tool_call_id": call.id, "content": "high"},
        ]
        done = await client.chat(model="sim", messages=going_on, tools=[TIDE])
        assert done.message.content[0].text == "Trieste"
        several = await client.chat(model="fault/duplicate-tool-ids", messages=HI, tools=[TIDE])
        assert [one.function.arguments for one in several.message.tool_calls] == [CALLED] * 2


async def test_structured_answers() -> None:
    wanted: Any = {"type": "json_object", "json_schema": SHAPE}
    async with sdk(Simulator(Script(answer="Trieste"))) as client:
        reply = await client.chat(model="sim", messages=HI, response_format=wanted)
        assert reply.message.content[0].text == CALLED


async def test_the_models_are_listed() -> None:
    async with sdk(Simulator(Script(models=("harbour",)))) as client:
        names = [model.name for model in (await client.models.list()).models]
        assert names[0] == "harbour"
        assert {f"fault/{name}" for name in KINDS} < set(names)


ERRORS = {
    "400": cohere.BadRequestError,
    "401": cohere.UnauthorizedError,
    "403": cohere.ForbiddenError,
    "404": cohere.NotFoundError,
    "422": cohere.UnprocessableEntityError,
    "429": cohere.TooManyRequestsError,
    "429-quota": ApiError,
    "500": cohere.InternalServerError,
    "503": cohere.ServiceUnavailableError,
    "529": cohere.ServiceUnavailableError,
    "408": cohere.GatewayTimeoutError,
    "context-length": cohere.BadRequestError,
    "content-filter": cohere.InvalidTokenError,
    "reset": httpx.ReadError,
    "silent": httpx.ReadTimeout,
}


@pytest.mark.parametrize("streamed", [False, True])
async def test_it_raises_its_own_errors(streamed: bool) -> None:
    async with sdk(Simulator()) as client:
        for name, made in ERRORS.items():
            model = f"fault/{name}"
            asking = stream(client, model) if streamed else client.chat(model=model, messages=HI)
            with pytest.raises(made) as caught:
                await asking
            assert type(caught.value) is made, name


async def test_an_error_in_a_stream_is_an_end_that_says_so() -> None:
    async with sdk(Simulator()) as client:
        events = await stream(client, "fault/error-event")
        assert events[-1].delta.finish_reason == "ERROR"
        assert events[-1].delta.error == "internal server error, please try again later"
        with pytest.raises(httpx.RemoteProtocolError):
            await stream(client, "fault/cut")


async def test_whole_answers_come_through_harmless_faults() -> None:
    for name in ("split-utf8", "drip"):
        rule = Rule(fault=name, seconds=0.001, size=64)
        async with sdk(Simulator(Script(faults=(rule,)))) as client:
            assert text_of(await stream(client)) == TEXT, name


async def test_its_retries_are_judged() -> None:
    simulator = Simulator(Script(quota=Quota(requests=1)), speed=100)
    async with sdk(simulator, retries=1) as client:
        for text in ("one", "two"):
            await client.chat(model="sim", messages=[{"role": "user", "content": text}])
    assert [seen.fault for seen in simulator.log] == ["", "quota", ""]
    assert simulator.verdict().good, simulator.verdict()
