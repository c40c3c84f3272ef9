"""Run inside the environment of mistralai: what is its own above the door."""

# pyright: reportMissingImports=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from door_sdks_inside import JSON, OWN, SSE, World, answer, faulty
from mistralai.client import errors
from mistralai.client.utils import BackoffStrategy, RetryConfig
from sdk_speakers import Mistral

from seawall.simulator import Script
from seawall.transports.memory import Memory


@pytest.mark.parametrize("fault", ["503", "429-bare", "reset", "silent"])
async def test_its_own_retries_do_not_multiply_ours(tmp_path: Path, fault: str) -> None:
    world = World(tmp_path, faulty(fault))
    backoff = BackoffStrategy(1, 2, 1.0, 2000)
    sdk = Mistral(world.http, retry_config=RetryConfig("backoff", backoff, True), timeout=20)
    with pytest.raises(errors.SDKError) as caught:
        await world.run(sdk.text())
    assert len(world.one.log) == (1 if fault == "silent" else 3)
    assert caught.value.__cause__ is not None
    (row,) = world.rows()
    assert row.id == caught.value.headers["x-seawall-id"]


async def test_a_stream_is_not_asked_what_its_api_refuses(tmp_path: Path) -> None:
    memory = Memory(lambda outbound: (200, SSE, answer(OWN)[1]))
    world = World(tmp_path, memory)
    await world.run(world.sdk.streamed())
    assert "stream_options" not in msgspec.json.decode(memory.requests[0].body)
    (row,) = world.rows()
    assert row.total_tokens == 13
    assert world.sdk.usage.total_tokens == 13  # type: ignore[attr-defined]


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic", "gemini", "cohere"])
async def test_usage_comes_with_the_finish(tmp_path: Path, dialect: str) -> None:
    """From whomever: a chunk without choices, as OpenAI has it, would trip its users."""
    world = World(tmp_path, faulty("503"), Script(answer="from two"), dialect=dialect)
    assert await world.run(world.sdk.streamed()) == "from two"
    usage: Any = world.sdk.usage  # type: ignore[attr-defined]
    assert usage.completion_tokens > 0


async def test_what_mistral_calls_otherwise_is_said_to_another_vendor(tmp_path: Path) -> None:
    sent: list[Any] = []

    async def two(outbound: Any) -> Any:
        sent.append(msgspec.json.decode(outbound.body))
        return 200, JSON, answer(OWN)[0]

    one = Memory(lambda outbound: (503, JSON, b"{}"))
    world = World(tmp_path, one, Memory(two), retry=False)
    call = {"id": "abc123def", "function": {"name": "f", "arguments": "{}"}}
    asked = world.sdk.ASKED["messages"] + [  # type: ignore[attr-defined]
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "abc123def", "content": "x"},
    ]
    tool: Any = {"type": "function", "function": {"name": "f", "parameters": {}}}
    chat = world.sdk.client.chat  # type: ignore[attr-defined]
    await world.run(
        chat.complete_async(
            model="sim", messages=asked, tools=[tool], tool_choice="any", random_seed=7
        )
    )
    (body,) = sent
    assert (body["tool_choice"], body["seed"]) == ("required", 7)
    assert not {"random_seed", "safe_prompt"} & body.keys()
    assert "prefix" not in body["messages"][1]
    assert "index" not in body["messages"][1]["tool_calls"][0]


async def test_its_agents_pass_through(tmp_path: Path) -> None:
    """It tells streams apart by a fragment of its address, which is nobody else's business."""
    memory = Memory(lambda outbound: (200, SSE, answer(OWN)[1]))
    world = World(tmp_path, memory)
    asked: Any = {"agent_id": "a", "messages": [{"role": "user", "content": "hi"}]}

    async def use() -> str:
        stream = await world.sdk.client.agents.stream_async(**asked)  # type: ignore[attr-defined]
        return "".join([event.data.choices[0].delta.content or "" async for event in stream])

    assert "Trieste" in await world.run(use())
    (sent,) = memory.requests
    assert sent.url == "http://one/v1/agents/completions"
