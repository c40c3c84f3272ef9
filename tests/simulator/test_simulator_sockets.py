"""The simulator on sockets: what real clients get, and what it says of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel
from simulator_world import WEATHER, question

from seawall import AsyncSeawall
from seawall.errors import Fault
from seawall.simulator import KINDS, Quota, Rule, Script, Simulator
from seawall.simulator.answers import TEXT

HI: Any = [{"role": "user", "content": "hi"}]


@asynccontextmanager
async def sdk(simulator: Simulator, **options: Any) -> AsyncIterator[AsyncOpenAI]:
    """The bare SDK, as its users make it."""
    async with (
        simulator.serve() as url,
        AsyncOpenAI(base_url=url, api_key="sk-test", **options) as client,
    ):
        yield client


async def test_the_sdk_gets_an_answer_whole_and_streamed() -> None:
    async with sdk(Simulator()) as client:
        reply = await client.chat.completions.create(model="sim", messages=HI)
        assert reply.choices[0].message.content == TEXT
        assert reply.usage is not None
        assert reply.usage.total_tokens > reply.usage.completion_tokens > 0
        assert reply._request_id == "req_sim_1"
        options: Any = {"stream_options": {"include_usage": True}, "n": 2}
        async with client.chat.completions.stream(model="sim", messages=HI, **options) as stream:
            async for _ in stream:
                pass
            final = await stream.get_final_completion()
        assert [choice.message.content for choice in final.choices] == [TEXT, TEXT]
        assert final.usage is not None
        assert final.usage.completion_tokens == 2 * reply.usage.completion_tokens


class Tide(BaseModel):
    harbour: str
    metres: float
    falling: bool


async def test_the_sdk_parses_structured_answers_and_tool_calls() -> None:
    async with sdk(Simulator(Script(answer="Trieste"))) as client:
        parsed = await client.chat.completions.parse(model="sim", messages=HI, response_format=Tide)
        assert parsed.choices[0].message.parsed == Tide(harbour="Trieste", metres=3, falling=True)
        tools: Any = [openai.pydantic_function_tool(Tide), WEATHER]
        for choice in ("auto", "required"):
            async with client.chat.completions.stream(
                model="sim", messages=HI, tools=tools[:1], tool_choice=choice
            ) as stream:
                final = await stream.get_final_completion()
            calls = final.choices[0].message.tool_calls
            assert calls is not None
            assert calls[0].function.parsed_arguments == Tide(
                harbour="Trieste", metres=3, falling=True
            )
        whole = await client.chat.completions.create(model="sim", messages=HI, tools=tools)
        assert whole.choices[0].finish_reason == "tool_calls"


async def test_the_sdk_lists_the_models() -> None:
    async with sdk(Simulator(Script(models=("harbour",)))) as client:
        names = [model.id async for model in client.models.list()]
        assert names[0] == "harbour"
        assert {f"fault/{name}" for name in KINDS} < set(names)
        assert (await client.models.retrieve("harbour")).id == "harbour"
        with pytest.raises(openai.NotFoundError, match="'nosuch' does not exist"):
            await client.models.retrieve("nosuch")
        with pytest.raises(openai.NotFoundError, match=r"Invalid URL \(POST /v1/embeddings\)"):
            await client.embeddings.create(model="sim", input="x")


ERRORS = {
    "400": openai.BadRequestError,
    "401": openai.AuthenticationError,
    "403": openai.PermissionDeniedError,
    "404": openai.NotFoundError,
    "409": openai.ConflictError,
    "422": openai.UnprocessableEntityError,
    "429-bare": openai.RateLimitError,
    "429-quota": openai.RateLimitError,
    "500": openai.InternalServerError,
    "503": openai.InternalServerError,
    "context-length": openai.BadRequestError,
    "content-filter": openai.BadRequestError,
    "reset": openai.APIConnectionError,
    "silent": openai.APITimeoutError,
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ERRORS)
async def test_the_sdk_knows_the_errors(name: str, stream: bool) -> None:
    async with sdk(Simulator(), max_retries=0, timeout=0.2) as client:
        with pytest.raises(ERRORS[name]) as caught:
            await client.chat.completions.create(model=f"fault/{name}", messages=HI, stream=stream)
        body: Any = getattr(caught.value, "body", None)
        if isinstance(body, dict):
            assert set(body) == {"message", "type", "param", "code"}


HARMLESS = [name for name, kind in KINDS.items() if kind.leaves == "whole" and kind.calls == 1]


@pytest.mark.parametrize("name", sorted({*HARMLESS} - {"malformed-event", "huge-event"}))
async def test_the_sdk_gets_the_whole_answer_where_it_is_all_there(name: str) -> None:
    rule = Rule(fault=name, seconds=0.01, size=300_000 if name == "huge-body" else 64)
    async with sdk(Simulator(Script(faults=(rule,)))) as client:
        chunks = await client.chat.completions.create(model="sim", messages=HI, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])
        assert text.startswith("High water")
        assert text.endswith("14 °C 🌊.")
        reply = await client.chat.completions.create(model="sim", messages=HI)
        assert (reply.choices[0].message.content or "").endswith("14 °C 🌊.")


async def test_a_huge_body_waits_for_its_reader() -> None:
    simulator = Simulator()
    async with simulator.serve() as url, httpx2.AsyncClient(trust_env=False) as client:
        asked = question(model="fault/huge-body")
        async with client.stream("POST", f"{url}/chat/completions", json=asked) as reply:
            await asyncio.sleep(0.1)
            assert simulator.log[0].sent < 20_000_000
            size = sum([len(piece) async for piece in reply.aiter_raw()])
        assert size == int(reply.headers["content-length"]) == simulator.log[0].sent
        assert size > 70_000_000


def seawall(url: str, retry: Any = None, deadline: Any = None) -> AsyncSeawall:
    return AsyncSeawall(
        ledger=False,
        model="sim/sim",
        vendors={"sim": {"base_url": url}},
        defaults={"retry": retry or {}, "deadline": deadline or {}},
    )


QUICK: Any = {"total": 5, "first_byte": 0.4, "first_token": 0.4, "idle": 0.4}
#: Whole seconds and dates ask for a second at least.
ASKS_FOR_SECONDS = ("429", "429-date")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", [name for name in KINDS if not name.startswith("huge")])
async def test_seawall_meets_every_fault_on_sockets(name: str, stream: bool) -> None:
    kind = KINDS[name]
    seconds = None if name in ("stall", "silent") else 0.01
    rule = Rule(fault=name, seconds=seconds, size=64)
    retry = {"base": 0.001, "attempts": 1 if name in ASKS_FOR_SECONDS else 2}
    simulator = Simulator(Script(faults=(rule,)))
    tools: Any = {"tools": [WEATHER]} if kind.calls > 1 else {}
    fault = reply = None
    async with simulator.serve() as url, seawall(url, retry, QUICK) as client:
        try:
            if stream:
                async with client.stream("hi", **tools) as answer:
                    reply = await answer.reply()
            else:
                reply = await client.chat("hi", **tools)
        except Fault as caught:
            fault = caught
    applies = kind.streamed if stream else kind.whole
    if kind.leaves == "whole" or not applies:
        assert fault is None
        assert reply is not None
        assert reply.tool_calls or reply.text == TEXT
    else:
        assert fault is not None or (reply is not None and reply.damaged)
    assert simulator.verdict().good, simulator.verdict()


async def test_quotas_hold_for_a_real_client() -> None:
    simulator = Simulator(Script(quota=Quota(requests=10)), speed=20)
    async with simulator.serve() as url, seawall(url) as client:
        for number in range(13):
            await client.chat(f"question {number}", retry={"attempts": 5})
    refused = [seen for seen in simulator.log if seen.fault == "quota"]
    assert refused
    assert simulator.verdict().good, simulator.verdict()


async def test_the_sdk_keeps_retry_after_and_a_loop_around_it_does_not() -> None:
    simulator = Simulator()
    async with sdk(simulator, max_retries=1) as client:
        await client.chat.completions.create(model="fault/429-ms-once", messages=HI)
    assert simulator.verdict().good, simulator.verdict()
    assert len(simulator.log) == 2
    async with sdk(simulator, max_retries=0) as client:
        for _ in range(2):
            with pytest.raises(openai.RateLimitError):
                await client.chat.completions.create(model="fault/429", messages=HI)
    assert [charge.offence for charge in simulator.verdict().charges] == ["ignored Retry-After"]


async def test_the_sdk_takes_a_stream_that_ends_early_for_an_answer() -> None:
    simulator = Simulator()
    async with sdk(simulator) as client:
        chunks = await client.chat.completions.create(
            model="fault/cut-clean", messages=HI, stream=True
        )
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])
    assert TEXT.startswith(text)
    assert text != TEXT
    assert simulator.verdict().good, "so far nobody has said what became of it"
    simulator.claim(text)
    [charge] = simulator.verdict().charges
    assert (charge.offence, charge.requests) == ("accepted a truncated answer", (1,))


async def test_a_naive_loop_is_condemned() -> None:
    simulator = Simulator()
    async with simulator.serve() as url, httpx2.AsyncClient(trust_env=False) as client:
        for name in ("500", "401"):
            for _ in range(5):
                asked = question(model=f"fault/{name}")
                reply = await client.post(f"{url}/chat/completions", json=asked)
                assert reply.status_code == int(name)
    offences = [charge.offence for charge in simulator.verdict().charges]
    assert sorted(set(offences)) == ["hammering", "retried the hopeless"]
    evidence = {number for charge in simulator.verdict().charges for number in charge.requests}
    assert evidence == set(range(1, 11))


async def test_stopping_cuts_what_hangs() -> None:
    simulator = Simulator()
    async with httpx2.AsyncClient(trust_env=False) as client:
        async with simulator.serve() as url:
            asked = question(model="fault/silent")
            asking = asyncio.create_task(client.post(f"{url}/chat/completions", json=asked))
            while not simulator.log:
                await asyncio.sleep(0.005)
        with pytest.raises(httpx2.RemoteProtocolError):
            await asking
    assert [seen.how for seen in simulator.log] == ["left"]
