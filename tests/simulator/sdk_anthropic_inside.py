"""Run inside the environment of the anthropic package: what its client makes of the simulator, it
would make of Anthropic."""

# pyright: reportMissingImports=false
from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import httpx2
import pytest

from seawall.simulator import KINDS, Quota, Rule, Script, Simulator
from seawall.simulator.answers import TEXT

HI: Any = [{"role": "user", "content": "hi"}]
TIDE: Any = {
    "name": "tide",
    "input_schema": {
        "type": "object",
        "properties": {"harbour": {"type": "string"}, "metres": {"type": "number"}},
        "required": ["harbour", "metres"],
    },
}
CALLED = {"harbour": "Trieste", "metres": 3}


@asynccontextmanager
async def sdk(simulator: Simulator, **options: Any) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """The bare SDK, as its users make it."""
    async with (
        simulator.serve() as url,
        anthropic.AsyncAnthropic(
            base_url=url.removesuffix("/v1"), api_key="sk-ant-test", **options
        ) as client,
    ):
        yield client


def asked(model: str = "sim", **more: Any) -> Any:
    return {"model": model, "messages": HI, "max_tokens": 500} | more


async def test_an_answer_whole_and_streamed() -> None:
    async with sdk(Simulator()) as client:
        reply = await client.messages.create(**asked())
        assert [block.text for block in reply.content] == [TEXT]
        assert (reply.id, reply._request_id, reply.stop_reason) == (
            "msg_sim_1",
            "req_sim_1",
            "end_turn",
        )
        assert reply.usage.output_tokens > 0
        async with client.messages.stream(**asked()) as stream:
            texts = [text async for text in stream.text_stream]
            final = await stream.get_final_message()
        assert len(texts) > 5
        assert "".join(texts) == final.content[0].text == TEXT
        assert final.usage.output_tokens == reply.usage.output_tokens
        short = await client.messages.create(**asked(max_tokens=2))
        assert short.stop_reason == "max_tokens"


async def test_tools_one_and_several_and_their_results() -> None:
    async with sdk(Simulator(Script(answer="Trieste"))) as client:
        reply = await client.messages.create(**asked(tools=[TIDE]))
        (call,) = reply.content
        assert (call.type, call.name, call.input) == ("tool_use", "tide", CALLED)
        assert reply.stop_reason == "tool_use"
        async with client.messages.stream(**asked(tools=[TIDE])) as stream:
            final = await stream.get_final_message()
        assert final.content[0].input == CALLED
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "high"}
        going_on = [
            *HI,
            {"role": "assistant", "content": [block.model_dump() for block in reply.content]},
            {"role": "user", "content": [result]},
        ]
        done = await client.messages.create(**asked(tools=[TIDE], messages=going_on))
        assert done.content[0].text == "Trieste"
        several = await client.messages.create(**asked("fault/duplicate-tool-ids", tools=[TIDE]))
        assert [block.input for block in several.content] == [CALLED, CALLED]


async def test_structured_answers() -> None:
    shape = {"format": {"type": "json_schema", "schema": TIDE["input_schema"]}}
    async with sdk(Simulator(Script(answer="Trieste"))) as client:
        reply = await client.messages.create(**asked(output_config=shape))
        assert reply.content[0].text == '{"harbour":"Trieste","metres":3}'


async def test_the_models_are_listed() -> None:
    async with sdk(Simulator(Script(models=("harbour",)))) as client:
        names = [model.id async for model in client.models.list()]
        assert names[0] == "harbour"
        assert {f"fault/{name}" for name in KINDS} < set(names)
        assert (await client.models.retrieve("harbour")).created_at.year == 2025
        with pytest.raises(anthropic.NotFoundError, match="nosuch"):
            await client.models.retrieve("nosuch")


ERRORS = {
    "400": ("BadRequestError", "invalid_request_error"),
    "401": ("AuthenticationError", "authentication_error"),
    "403": ("PermissionDeniedError", "permission_error"),
    "404": ("NotFoundError", "not_found_error"),
    "409": ("ConflictError", "conflict_error"),
    "422": ("UnprocessableEntityError", "invalid_request_error"),
    "429": ("RateLimitError", "rate_limit_error"),
    "429-quota": ("PaymentRequiredError", "billing_error"),
    "500": ("InternalServerError", "api_error"),
    "502": ("InternalServerError", None),
    "503": ("ServiceUnavailableError", "api_error"),
    "529": ("OverloadedError", "overloaded_error"),
    "context-length": ("BadRequestError", "invalid_request_error"),
    "content-filter": ("BadRequestError", "invalid_request_error"),
    "reset": ("APIConnectionError", None),
    "silent": ("APITimeoutError", None),
}


@pytest.mark.parametrize("stream", [False, True])
async def test_it_raises_its_own_errors(stream: bool) -> None:
    async with sdk(Simulator(), max_retries=0, timeout=0.2) as client:
        for name, (made, kind) in ERRORS.items():
            with pytest.raises(anthropic.APIError) as caught:
                await client.messages.create(**asked(f"fault/{name}", stream=stream))
            assert type(caught.value).__name__ == made, name
            assert getattr(caught.value, "type", None) == kind, name


async def test_an_error_in_a_stream_is_raised_and_what_follows_a_cut() -> None:
    async with sdk(Simulator(), max_retries=0, timeout=0.5) as client:

        async def read(name: str) -> None:
            async for _ in await client.messages.create(**asked(f"fault/{name}", stream=True)):
                pass

        with pytest.raises(anthropic.APIStatusError) as caught:
            await read("error-event")
        assert caught.value.type == "api_error"
        with pytest.raises(httpx2.RemoteProtocolError):
            await read("cut")
        with pytest.raises(httpx2.ReadTimeout):
            await read("stall")


async def test_whole_answers_come_through_harmless_faults() -> None:
    for name in ("split-utf8", "no-done", "drip"):
        rule = Rule(fault=name, seconds=0.001, size=64)
        async with (
            sdk(Simulator(Script(faults=(rule,)))) as client,
            client.messages.stream(**asked()) as stream,
        ):
            assert await stream.get_final_text() == TEXT, name


async def test_its_retries_are_judged() -> None:
    simulator = Simulator()
    async with sdk(simulator, max_retries=1) as client:
        await client.messages.create(**asked("fault/429-ms-once"))
        await client.messages.create(**asked("fault/529-once"))
    assert simulator.verdict().good, simulator.verdict()
    async with sdk(simulator, max_retries=0) as client:
        for _ in range(2):
            with pytest.raises(anthropic.RateLimitError):
                await client.messages.create(**asked("fault/429"))
    assert [charge.offence for charge in simulator.verdict().charges] == ["ignored Retry-After"]


async def test_quotas_are_told() -> None:
    simulator = Simulator(Script(quota=Quota(requests=1)), speed=100)
    async with sdk(simulator, max_retries=1) as client:
        raw = await client.messages.with_raw_response.create(**asked())
        assert raw.headers["anthropic-ratelimit-requests-remaining"] == "0"
        await client.messages.create(**asked(messages=[{"role": "user", "content": "again"}]))
    assert [seen.fault for seen in simulator.log] == ["", "quota", ""]
    assert simulator.verdict().good, simulator.verdict()
