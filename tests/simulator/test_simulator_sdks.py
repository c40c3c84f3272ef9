"""The official SDKs are served by the simulator, and raise their own errors for its faults."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel
from simulator_world import WEATHER

from environments import environment
from seawall.simulator import Rule, Script, Simulator
from seawall.simulator.answers import TEXT

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("anthropic-2", "sdk_anthropic_inside.py"),
        ("cohere-7", "sdk_cohere_inside.py"),
        ("google-genai-3", "sdk_google_inside.py"),
        ("mistralai-3", "sdk_mistral_inside.py"),
    ],
)
def test_in_an_environment_of_its_own(name: str, file: str) -> None:
    printed = environment(name).run_tests(HERE / file)
    assert " passed" in printed
    assert "failed" not in printed


# OpenAI's responses


@asynccontextmanager
async def sdk(simulator: Simulator, **options: Any) -> AsyncIterator[AsyncOpenAI]:
    async with (
        simulator.serve() as url,
        AsyncOpenAI(base_url=url, api_key="sk-test", **options) as client,
    ):
        yield client


async def test_a_response_whole_and_streamed() -> None:
    async with sdk(Simulator()) as client:
        reply = await client.responses.create(model="sim", input="hi")
        assert (reply.output_text, reply.status, reply.id) == (TEXT, "completed", "resp_sim_1")
        assert reply.usage is not None
        assert reply.usage.output_tokens > 0
        async with client.responses.stream(model="sim", input="hi") as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_response()
        assert final.output_text == TEXT
        assert kinds.count("response.output_text.delta") > 5
        assert kinds[-1] == "response.completed"
        short = await client.responses.create(model="sim", input="hi", max_output_tokens=2)
        assert short.status == "incomplete"


class Tide(BaseModel):
    harbour: str
    metres: float


async def test_a_response_with_tools_and_a_shape() -> None:
    tool: Any = {"type": "function", "strict": False} | WEATHER["function"]
    async with sdk(Simulator(Script(answer="Trieste"))) as client:
        parsed = await client.responses.parse(model="sim", input="hi", text_format=Tide)
        assert parsed.output_parsed == Tide(harbour="Trieste", metres=3)
        reply = await client.responses.create(model="sim", input="hi", tools=[tool])
        (call,) = reply.output
        assert call.type == "function_call"
        assert call.arguments == '{"harbour":"Trieste","days":3}'
        result: Any = [
            {"role": "user", "content": "hi"},
            call.model_dump(exclude_none=True),
            {"type": "function_call_output", "call_id": call.call_id, "output": "sun"},
        ]
        done = await client.responses.create(model="sim", input=result, tools=[tool])
        assert done.output_text == "Trieste"
        model = "fault/duplicate-tool-ids"
        twice = await client.responses.create(model=model, input="hi", tools=[tool])
        assert [item.type for item in twice.output] == ["function_call"] * 2
        # A stream's ids are looked at by the package itself.
        with pytest.raises(RuntimeError, match="conflicting output identities"):
            async with client.responses.stream(model=model, input="hi", tools=[tool]) as stream:
                await stream.get_final_response()


ERRORS = {
    "400": openai.BadRequestError,
    "401": openai.AuthenticationError,
    "404": openai.NotFoundError,
    "429-quota": openai.RateLimitError,
    "503": openai.InternalServerError,
    "content-filter": openai.BadRequestError,
    "reset": openai.APIConnectionError,
}


@pytest.mark.parametrize("stream", [False, True])
async def test_a_response_that_is_refused(stream: bool) -> None:
    async with sdk(Simulator(), max_retries=0) as client:
        for name, made in ERRORS.items():
            with pytest.raises(made):
                await client.responses.create(model=f"fault/{name}", input="hi", stream=stream)


async def test_a_response_that_fails_on_the_way() -> None:
    async with sdk(Simulator()) as client:
        failed = await client.responses.create(model="fault/error-event", input="hi")
        assert failed.error is not None
        assert (failed.status, failed.error.code) == ("failed", "server_error")
        events = await client.responses.create(model="fault/error-event", input="hi", stream=True)
        with pytest.raises(openai.APIError, match="The server had an error"):
            async for _ in events:
                pass


async def test_a_whole_response_comes_through_harmless_faults() -> None:
    for name in ("split-utf8", "drip", "slow-start"):
        rule = Rule(fault=name, seconds=0.001, size=64)
        async with (
            sdk(Simulator(Script(faults=(rule,)))) as client,
            client.responses.stream(model="sim", input="hi") as stream,
        ):
            assert (await stream.get_final_response()).output_text == TEXT
