"""Run inside the environment of pydantic-ai: agents of its own on Seawall."""

# pyright: reportMissingImports=false
from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from integrations_world import WIRES, Provider, provider, settings
from integrations_world import streamed as stream_of
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.exceptions import (
    ModelConnectionError,
    ModelHTTPError,
    ModelRateLimitError,
)
from pydantic_ai.models.fallback import FallbackModel

from seawall import AsyncSeawall, RateLimitError, Seawall, StreamCutError
from seawall.dialects.anthropic import FACE
from seawall.integrations.pydantic_ai import SeawallModel, SeawallModelSettings
from seawall.simulator import Pace, Rule, Script
from seawall.sinks import Ledger
from seawall.types import Image, Message, Reasoning, Text, ToolCall

BOTH = ["wall/sim", "wall2/sim"]


@pytest.fixture
def wall() -> Iterator[Provider]:
    with provider() as one:
        yield one


@pytest.fixture
def wall2() -> Iterator[Provider]:
    with provider() as one:
        yield one


class Harbour(BaseModel):
    name: str
    depth: int


def asking(model: SeawallModel, **more: Any) -> Agent[None, Any]:
    agent = Agent(model, **more)

    @agent.tool_plain
    def tide(harbour: str) -> str:
        """The tide at a harbour."""
        return f"{harbour}: 12 minutes past noon"

    return agent


QUESTION = "When is high water at 'Trieste'?"
ANSWER = "It said: Trieste: 12 minutes past noon"


async def test_an_agent_goes_on_elsewhere_in_the_middle_of_its_loop(
    wall: Provider, wall2: Provider, tmp_path: Path
) -> None:
    wall.simulator.fail(Rule(fault="503", requests=(2,)))
    async with AsyncSeawall(**settings(wall, wall2, ledger={"dir": str(tmp_path)})) as client:
        options = SeawallModelSettings(seawall_options={"feature": "tides"})
        model = SeawallModel(BOTH, client=client, settings=options)
        run = await asking(model, instructions="Ask before you answer.").run(QUESTION)
    assert run.output == ANSWER
    said = [m for m in run.all_messages() if m.kind == "response"]
    assert [one.model_name for one in said] == BOTH
    first, second = wall.requests[0].messages
    assert (first.role, first.text, second.text) == ("system", "Ask before you answer.", QUESTION)
    call, result = wall2.requests[0].messages[-2:]
    assert (call.tool_calls[0].name, result.role) == ("tide", "tool")
    with Ledger.open(tmp_path) as ledger:
        rows = [ledger.get(one.provider_response_id or "") for one in said]
    assert [(row.feature, row.model) for row in rows] == [("tides", name) for name in BOTH]
    assert run.usage.requests == 2
    assert run.usage.input_tokens == sum(row.prompt_tokens or 0 for row in rows) > 0


@pytest.mark.parametrize("wire", WIRES)
async def test_an_agent_streams_in_every_dialect(wall: Provider, wire: str) -> None:
    async with AsyncSeawall(**settings(wall, wire=wire)) as client:
        async with asking(SeawallModel(client=client)).run_stream(QUESTION) as run:
            pieces = [piece async for piece in run.stream_text(delta=True, debounce_by=None)]
        assert run.usage.output_tokens > 0
    assert "".join(pieces) == ANSWER
    assert len(pieces) > 1


@pytest.mark.parametrize("wanted", [ToolOutput(Harbour), NativeOutput(Harbour), Harbour])
async def test_an_answer_has_a_type_whole_and_streamed(wall: Provider, wanted: Any) -> None:
    async with AsyncSeawall(**settings(wall)) as client:
        agent = Agent(SeawallModel(client=client), output_type=wanted)
        question = "Name a harbour 7 deep, 'Trieste' say."
        assert isinstance((await agent.run(question)).output, Harbour)
        async with agent.run_stream(question) as run:
            assert isinstance(await run.get_output(), Harbour)
    assert [request.stream for request in wall.requests] == [False, True]


async def test_a_prompted_answer_is_asked_for_as_json(wall: Provider) -> None:
    async with AsyncSeawall(**settings(wall)) as client:
        agent = Agent(SeawallModel(client=client), output_type=PromptedOutput(Harbour), retries=0)
        wall.answers.append(Message("assistant", (Text('{"name":"T","depth":7}'),)))
        assert (await agent.run("Name one.")).output == Harbour(name="T", depth=7)
    assert wall.requests[0].format is not None
    assert wall.requests[0].format.type == "json_object"


async def test_a_fault_is_known_by_both_names(wall: Provider, wall2: Provider) -> None:
    wall.simulator.fail(Rule(fault="429", requests=(1, 2)))
    async with AsyncSeawall(**settings(wall, wall2)) as client:
        model = SeawallModel("wall/sim", client=client)
        with pytest.raises(ModelRateLimitError) as caught:
            await Agent(model).run("Hi")
        assert isinstance(caught.value, RateLimitError)
        assert isinstance(caught.value, ModelHTTPError)
        fault: Any = caught.value
        assert (fault.status_code, fault.model_name) == (429, "wall/sim")
        assert fault.retry_after == fault.after is not None
        assert fault.decision.attempts[0].outcome == "rate_limit"
        # pydantic-ai's own fallback takes it for what it is.
        other = SeawallModel("wall2/sim", client=client)
        assert (await Agent(FallbackModel(model, other)).run("Hi")).output.startswith("Hello")


async def test_a_cut_stream_raises_and_what_came_before_it_is_given(wall: Provider) -> None:
    wall.simulator.fail("cut")
    pieces: list[str] = []

    async def read(client: AsyncSeawall) -> None:
        async with Agent(SeawallModel(client=client)).run_stream("Hi") as run:
            async for piece in run.stream_text(delta=True, debounce_by=None):
                pieces.append(piece)

    async with AsyncSeawall(**settings(wall)) as client:
        with pytest.raises(ModelConnectionError) as caught:
            await read(client)
    assert isinstance(caught.value, StreamCutError)
    assert pieces
    assert "Hello, and welcome to Trieste.".startswith("".join(pieces))


async def test_settings_are_said_in_seawalls_words(wall: Provider) -> None:
    said = SeawallModelSettings(
        temperature=0.5,
        max_tokens=3,
        stop_sequences=["!"],
        seed=7,
        timeout=20,
        max_retries=1,
        thinking="low",
        seawall_options={"user": "u1"},
    )
    wall.simulator.fail(Rule(fault="500", requests=(1,)))
    async with AsyncSeawall(**settings(wall)) as client:
        run = await Agent(SeawallModel(client=client), model_settings=said).run("Hi")
    asked = wall.requests[-1]
    assert (asked.temperature, asked.max_tokens, asked.stop) == (0.5, 3, ("!",))
    assert (asked.seed, asked.reasoning_effort, asked.user) == (7, "low", "u1")
    assert run.response.finish_reason == "length"


THOUGHT = Message(
    "assistant",
    (
        Reasoning("Where?", "signed", {"anthropic": {"type": "thinking"}}),
        ToolCall("call_7", "tide", '{"harbour":"Trieste"}'),
    ),
)


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_signed_thought_comes_back_signed(wall: Provider, streamed: bool) -> None:
    async with AsyncSeawall(**settings(wall, wire="anthropic")) as client:
        agent = asking(SeawallModel(client=client))
        if streamed:
            wall.streams.append(stream_of(FACE, THOUGHT, "tool_calls"))
            async with agent.run_stream(QUESTION) as run:
                assert await run.get_output() == ANSWER
        else:
            wall.answers.append(THOUGHT)
            assert (await agent.run(QUESTION)).output == ANSWER
    assert wall.requests[-1].messages[1] == THOUGHT


async def test_an_image_through_the_client_that_is_not_asynchronous(wall: Provider) -> None:
    with Seawall(**settings(wall)) as client:
        picture = BinaryContent(b"\x89PNG", media_type="image/png")
        await Agent(SeawallModel(client=client)).run(["What is this?", picture])
        await client.assembly.disconnect()
    image = wall.requests[0].messages[0].content[1]
    assert isinstance(image, Image)
    assert base64.b64decode(image.data or "") == b"\x89PNG"


async def test_leaving_a_stream_stops_the_provider(tmp_path: Path) -> None:
    with provider(Script(pace=Pace(between=30.0))) as slow:
        async with AsyncSeawall(**settings(slow, ledger={"dir": str(tmp_path)})) as client:
            async with Agent(SeawallModel(client=client)).run_stream("Hi") as run:
                async for _ in run.stream_text(delta=True, debounce_by=None):
                    await run.cancel()
            assert run.response.state == "interrupted"
    with Ledger.open(tmp_path) as ledger:
        assert [row.outcome for row in ledger.calls()] == ["cancelled"]
