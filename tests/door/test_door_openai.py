"""The openai SDK above the door keeps what it has, and gains the policies."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest
from door_world import KEY, MESSAGES, DoorWorld, faulty
from pydantic import BaseModel

import seawall
from seawall.client.door.libraries import library
from seawall.ports import Outbound, Secret, reveal
from seawall.simulator import Rule, Script
from seawall.simulator.answers import TEXT
from seawall.transports.memory import Memory

LIBRARY: Any = library("openai")
BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@pytest.fixture
def world(tmp_path: Path) -> DoorWorld:
    return DoorWorld(tmp_path)


@BOTH
async def test_answers_and_records(world: DoorWorld, stream: bool) -> None:
    assert await world.run(world.text(stream=stream)) == TEXT
    (row,) = await world.rows()
    assert (row.outcome, row.model, row.stream, row.attempts) == ("finished", "one/sim", stream, 1)
    assert row.messages == [
        {"role": "user", "content": [{"type": "text", "text": MESSAGES[0]["content"]}]}
    ]
    assert row.total_tokens == row.prompt_tokens + row.completion_tokens > 0


async def test_helpers_of_the_sdk_work(world: DoorWorld) -> None:
    class Harbour(BaseModel):
        name: str
        depth: int

    async def use() -> None:
        chat: Any = world.sdk.chat.completions
        raw = await chat.with_raw_response.create(model="sim", messages=MESSAGES)
        assert raw.headers["x-seawall-model"] == "one/sim"
        assert raw.parse().choices[0].message.content == TEXT
        async with chat.with_streaming_response.create(model="sim", messages=MESSAGES) as reply:
            assert (await reply.parse()).choices[0].message.content == TEXT
        assert "sim" in [model.id async for model in await world.sdk.models.list()]

    await world.run(use())


async def test_typed_helpers_of_the_sdk_work(world: DoorWorld) -> None:
    class Harbour(BaseModel):
        name: str
        depth: int

    beta: Any = world.sdk.beta
    chat: Any = world.sdk.chat.completions
    if not hasattr(chat, "parse"):  # where older ones have them
        chat = beta.chat.completions if hasattr(beta, "chat") else None
    if chat is None:
        pytest.skip("openai 1.30 has no such helpers")

    async def use() -> None:
        parsed = await chat.parse(model="sim", messages=MESSAGES, response_format=Harbour)
        assert isinstance(parsed.choices[0].message.parsed, Harbour)
        async with chat.stream(model="sim", messages=MESSAGES) as events:
            kinds = {event.type async for event in events}
            final = await events.get_final_completion()
        assert {"chunk", "content.delta", "content.done"} <= kinds
        assert final.choices[0].message.content == TEXT

    await world.run(use())


async def test_the_callers_bytes_go_up_and_the_providers_come_down(tmp_path: Path) -> None:
    """What nobody here knows survives, down to the order of the fields and the spaces."""
    answer = (
        b'{ "choices": [{"finish_reason":"stop", "index":0,"message":{"content":"Bari",'
        b'"role":"assistant"},"odd":[1,  2]}], "created":1,"id":"x","model":"m",'
        b'"object":"chat.completion","strange":{"a":1}}'
    )
    said = {"content-type": "application/json", "x-request-id": "r1"}
    provider = Memory(lambda outbound: (200, said, answer))
    http = seawall.http_client(transports={"http": provider}, ledger={"dir": str(tmp_path)})
    body = b'{"messages":[{"role":"user","content":"hi","odd":1}],  "model":"m","new":{"b":[ ]}}'
    reply = await http.post("http://one/v1/chat/completions?v=1", content=body)
    assert reply.content == answer
    assert reply.headers["x-request-id"] == "r1"
    (sent,) = provider.requests
    assert sent.body == body
    assert sent.url == "http://one/v1/chat/completions?v=1"


async def test_usage_is_asked_for_and_withheld(world: DoorWorld) -> None:
    async def use(**options: Any) -> list[Any]:
        asked = {"model": "sim", "messages": MESSAGES, "stream": True} | options
        return [chunk async for chunk in await world.sdk.chat.completions.create(**asked)]

    chunks = await world.run(use())
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)
    chunks = await world.run(use(stream_options={"include_usage": True}))
    assert chunks[-1].usage.total_tokens > 0
    assert not chunks[-1].choices
    first, second = await world.rows()
    assert first.total_tokens == second.total_tokens > 0
    assert first.cost_state == second.cost_state == "unknown"


@BOTH
async def test_what_fails_once_is_asked_again(tmp_path: Path, stream: bool) -> None:
    world = DoorWorld(tmp_path, faulty("429", requests=(1,)))
    assert await world.run(world.text(stream=stream)) == TEXT
    assert world.clock.now() >= 1  # Retry-After
    assert [seen.status for seen in world.first.log] == [429, 200]
    assert not world.first.verdict().charges
    (row,) = await world.rows()
    assert [attempt.outcome for attempt in row.decision.attempts] == ["rate_limit", "finished"]


@BOTH
async def test_another_route_takes_over(tmp_path: Path, stream: bool) -> None:
    world = DoorWorld(tmp_path, faulty("503"), Script(answer="from two"))
    assert await world.run(world.text(stream=stream)) == "from two"
    (row,) = await world.rows()
    assert row.model == "two/sim"
    seen = list(world.second.log)
    assert len(seen) == 1


async def test_the_sdks_key_goes_to_its_own_address_only(tmp_path: Path) -> None:
    answer = {"choices": [{"index": 0, "message": {"content": "ok"}, "finish_reason": "stop"}]}

    async def provider(outbound: Outbound) -> Any:
        if "one" in outbound.url:
            return 401, {"content-type": "application/json"}, b'{"error":{"message":"no"}}'
        return 200, {"content-type": "application/json"}, msgspec.json.encode(answer)

    memory = Memory(provider)
    http = seawall.http_client(
        vendors={"two": {"base_url": "http://two/v1", "key": Secret("key-of-two-12345678")}},
        fallback=["two/m"],
        transports={"http": memory},
        ledger={"dir": str(tmp_path)},
    )
    sdk = openai.AsyncOpenAI(
        api_key=KEY,
        organization="org-1",
        base_url="http://one/v1",
        http_client=http,
        default_headers={"x-mine": "1"},
    )
    done = await sdk.chat.completions.create(model="m", messages=MESSAGES)
    assert done.choices[0].message.content == "ok"
    one, two = memory.requests
    sent = {name.lower(): reveal(value) for name, value in one.headers}
    assert sent["authorization"] == f"Bearer {KEY}"
    assert sent["x-mine"] == "1"
    sent = {name.lower(): reveal(value) for name, value in two.headers}
    assert sent["authorization"] == "Bearer key-of-two-12345678"
    assert not {"x-mine", "openai-organization"} & sent.keys()
    text = "".join(str(file.read_bytes()) for file in tmp_path.rglob("*") if file.is_file())
    assert KEY not in text


async def test_tags_come_from_blocks_and_headers_and_stay_here(tmp_path: Path) -> None:
    answer = {"choices": [{"index": 0, "message": {"content": "ok"}, "finish_reason": "stop"}]}
    memory = Memory(lambda outbound: (200, {}, msgspec.json.encode(answer)))
    http = seawall.http_client(
        transports={"http": memory}, ledger={"dir": str(tmp_path)}, feature="door"
    )
    sdk = openai.AsyncOpenAI(api_key=KEY, base_url="http://one/v1", http_client=http)
    headers = {"x-seawall-feature": "search", "x-seawall-tags": '{"team": 7}'}
    await sdk.chat.completions.create(model="m", messages=MESSAGES, extra_headers=headers)
    with seawall.tags(prompt="greeting", prompt_version="3", team="a"):
        await sdk.chat.completions.create(model="m", messages=MESSAGES)
    for sent in memory.requests:
        assert not any("feature" in name or "tags" in name for name, _ in sent.headers)
    await sdk.close()
    with seawall_ledger(tmp_path) as ledger:
        first, second = ledger.calls()
    assert (first.feature, first.tags) == ("search", {"team": 7})
    assert (second.feature, second.prompt_name, second.prompt_version) == ("door", "greeting", "3")
    assert second.tags == {"team": "a"}


def seawall_ledger(directory: Path) -> Any:
    from seawall.sinks import Ledger

    return Ledger.open(directory)


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("400", openai.BadRequestError, None),
        ("401", openai.AuthenticationError, "invalid_api_key"),
        ("403", openai.PermissionDeniedError, None),
        ("404", openai.NotFoundError, "model_not_found"),
        ("422", openai.UnprocessableEntityError, None),
        ("context-length", openai.BadRequestError, "context_length_exceeded"),
        ("content-filter", openai.BadRequestError, "content_filter"),
        ("429-quota", openai.RateLimitError, "insufficient_quota"),
        ("503", openai.InternalServerError, None),
        ("html", openai.InternalServerError, "malformed_reply"),
    ],
)
@BOTH
async def test_faults_are_the_sdks_own_errors_and_not_tried_again(
    tmp_path: Path, fault: str, error: type[openai.APIStatusError], code: str | None, stream: bool
) -> None:
    world = DoorWorld(tmp_path, faulty(fault), sdk={"timeout": 20})
    with pytest.raises(error) as caught:
        await world.run(world.text(stream=stream))
    assert caught.value.code == code
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert world.clock.now() <= 20.25
    (row,) = await world.rows()  # the SDK came once
    assert row.outcome == "fault"
    assert row.id == caught.value.response.headers["x-seawall-id"]
    assert not world.first.verdict().charges


@pytest.mark.parametrize(
    ("fault", "error"),
    [("reset", openai.APIConnectionError), ("silent", openai.APITimeoutError)],
)
@BOTH
async def test_a_connection_that_fails_is_the_sdks_own_error_and_not_tried_again(
    tmp_path: Path, fault: str, error: type[openai.APIError], stream: bool
) -> None:
    world = DoorWorld(tmp_path, faulty(fault), sdk={"timeout": 20})
    with pytest.raises(error) as caught:
        await world.run(world.text(stream=stream))
    assert type(caught.value) is error
    assert isinstance(caught.value.__cause__, seawall.Fault)
    assert world.clock.now() <= 20.25
    (row,) = await world.rows()  # the SDK came once
    assert row.outcome == "fault"
    assert not world.first.verdict().charges


@pytest.mark.parametrize("fault", ["cut", "cut-reset", "cut-clean", "stall", "no-finish"])
async def test_a_cut_stream_never_ends_cleanly(tmp_path: Path, fault: str) -> None:
    world = DoorWorld(tmp_path, faulty(fault), sdk={"timeout": 20})
    said: list[str] = []

    async def use() -> None:
        stream = await world.sdk.chat.completions.create(
            model="sim", messages=MESSAGES, stream=True
        )
        async for chunk in stream:
            said.append(chunk.choices[0].delta.content or "")

    with pytest.raises(openai.APIError):
        await world.run(use())
    assert TEXT.startswith("".join(said))
    assert said
    (row,) = await world.rows()
    assert row.outcome == "cut"


async def test_after_the_error_event_the_body_breaks_off(tmp_path: Path) -> None:
    """A client that reads over an error event must not find a clean end behind it."""
    world = DoorWorld(tmp_path, faulty("cut"))
    lines: list[str] = []

    async def use() -> None:
        body = {"model": "sim", "messages": MESSAGES, "stream": True}
        url = "http://one/v1/chat/completions"
        async with world.http.stream("POST", url, json=body) as reply:
            async for line in reply.aiter_lines():
                lines.append(line)

    with pytest.raises(LIBRARY.RemoteProtocolError):
        await world.run(use())
    last = [line for line in lines if line][-1]
    assert last.startswith('data: {"error":')
    assert "data: [DONE]" not in lines


async def test_the_sdks_timeout_leaves_time_for_another_route(tmp_path: Path) -> None:
    world = DoorWorld(tmp_path, faulty("silent"), Script(answer="from two"), sdk={"timeout": 10})
    assert await world.run(world.text()) == "from two"
    assert world.clock.now() == pytest.approx(5, abs=0.5)


async def test_an_alias_goes_where_it_says(tmp_path: Path) -> None:
    models = {"smart": {"route": ["one/sim", "two/sim"]}}
    world = DoorWorld(tmp_path, faulty("503"), Script(answer="from two"), models=models)
    assert await world.run(world.text(model="smart")) == "from two"
    (row,) = await world.rows()
    assert (row.requested, row.model) == ("smart", "two/sim")
    assert row.decision.candidates == ["one/sim", "two/sim"]


async def test_what_cannot_be_translated_goes_to_its_own_provider_only(tmp_path: Path) -> None:
    memory = Memory(lambda outbound: (503, {}, b'{"error": {"message": "busy"}}'))
    http = seawall.http_client(
        vendors={"two": {"base_url": "http://two/v1"}},
        fallback="two/m",
        transports={"http": memory},
        ledger={"dir": str(tmp_path)},
        retry={"base": 0},
    )
    body = {"model": "m", "messages": [{"role": "user", "content": {"new": "shape"}}]}
    reply = await http.post("http://one/v1/chat/completions", json=body)
    assert reply.status_code == 503
    assert {sent.url for sent in memory.requests} == {"http://one/v1/chat/completions"}
    await http.aclose()
    with seawall_ledger(tmp_path) as ledger:
        row = ledger.get(reply.headers["x-seawall-id"])
    (refused,) = row.decision.refused
    assert refused.model == "two/m"
    assert "cannot be translated" in refused.reason


async def test_files_and_audio_pass_through_recorded(tmp_path: Path) -> None:
    seen: list[Outbound] = []

    async def provider(outbound: Outbound) -> Any:
        seen.append(outbound)
        if outbound.url.endswith("/files"):
            said = {"id": "f", "object": "file", "bytes": 3, "created_at": 1, "filename": "a.txt"}
            said |= {"purpose": "assistants", "status": "processed"}
            return 200, {"content-type": "application/json"}, msgspec.json.encode(said)
        if outbound.url.endswith("/embeddings"):
            said = {"object": "list", "model": "e", "data": []}
            said["usage"] = {"prompt_tokens": 4, "total_tokens": 4}
            return 200, {"content-type": "application/json"}, msgspec.json.encode(said)
        return 200, {"content-type": "audio/mpeg"}, [b"\x00" * 1000, b"\xff" * 1000]

    http = seawall.http_client(transports={"http": Memory(provider)}, ledger={"dir": str(tmp_path)})
    sdk = openai.AsyncOpenAI(api_key=KEY, base_url="http://one/v1", http_client=http)
    made = await sdk.files.create(file=("a.txt", b"abc"), purpose="assistants")
    assert made.id == "f"
    sound = await sdk.audio.speech.create(model="tts", voice="alloy", input="hi")
    assert len(await sound.aread()) == 2000
    await sdk.embeddings.create(model="e", input="hi", encoding_format="float")
    await sdk.close()
    assert b"abc" in seen[0].body
    sent = [{name.lower(): reveal(value) for name, value in asked.headers} for asked in seen]
    kinds = [headers["content-type"].partition(";")[0] for headers in sent]
    assert kinds == ["multipart/form-data", "application/json", "application/json"]
    with seawall_ledger(tmp_path) as ledger:
        rows = list(ledger.calls())
    assert [row.model for row in rows] == ["one/v1/files", "one/tts", "one/e"]
    assert [row.outcome for row in rows] == ["finished"] * 3
    assert [row.operation for row in rows] == ["http", "http", "embeddings"]
    assert rows[2].prompt_tokens == 4


async def test_a_cancelled_task_leaves_nothing_open(tmp_path: Path) -> None:
    world = DoorWorld(tmp_path, faulty("stall"))

    async def use() -> None:
        first = asyncio.Event()

        async def read() -> None:
            asked: Any = {"model": "sim", "messages": MESSAGES, "stream": True}
            async for _ in await world.sdk.chat.completions.create(**asked):
                first.set()

        task = asyncio.create_task(read())
        await first.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # Not awaited by anybody: an answer that is dropped unread.
        await world.sdk.chat.completions.create(model="sim", messages=MESSAGES, stream=True)
        gc.collect()
        for _ in range(10):
            await asyncio.sleep(0)

    await world.run(use())
    assert [seen.how for seen in world.first.log] == ["left", "left"]


def test_wrong_options_are_told_when_the_door_is_made() -> None:
    with pytest.raises(TypeError, match="retries"):
        seawall.http_client(retries=3)  # pyright: ignore[reportCallIssue]
    with pytest.raises(seawall.ConfigError, match="retry"):
        seawall.http_client(retry={"atempts": 3}, ledger=False)
    with pytest.raises(seawall.ConfigError, match="nowhere"):
        seawall.http_client(fallback="nowhere", ledger=False)
    with pytest.raises(seawall.ConfigError, match="not installed"):
        seawall.http_client(sdk="no-such-sdk", ledger=False)


async def test_a_wrong_alias_is_told_once_and_clearly(tmp_path: Path) -> None:
    models = {"smart": {"route": ["nobody/m"]}}
    world = DoorWorld(tmp_path, models=models)
    with pytest.raises(openai.BadRequestError, match="there is no vendor 'nobody'"):
        await world.run(world.text(model="smart"))


async def test_the_breaker_opens_and_says_when_it_probes(tmp_path: Path) -> None:
    world = DoorWorld(tmp_path, faulty("500"), breaker={"failures": 3, "cooldown": 60})

    async def use() -> Any:
        for _ in range(2):
            with pytest.raises(openai.InternalServerError) as caught:
                await world.text()
        return caught.value

    error = await world.run(use())
    assert error.status_code == 503
    assert error.code == "circuit_open"
    assert float(error.response.headers["retry-after"]) > 30
    assert len(list(world.first.log)) == 3


def test_sync(tmp_path: Path) -> None:
    from seawall.simulator import Simulator

    simulator = Simulator(Script(faults=(Rule(fault="500", requests=(1,)),)))
    http = seawall.http_client(
        sync=True,
        transports={"http": simulator.transport()},
        ledger={"dir": str(tmp_path)},
        retry={"base": 0.01},
    )
    with openai.OpenAI(api_key=KEY, base_url="http://one/v1", http_client=http) as sdk:
        done = sdk.chat.completions.create(model="sim", messages=MESSAGES)
        assert done.choices[0].message.content == TEXT
        with seawall.tags("in a block"):
            stream = sdk.chat.completions.create(model="sim", messages=MESSAGES, stream=True)
            said = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        assert said == TEXT
    with seawall_ledger(tmp_path) as ledger:
        rows = list(ledger.calls())
    assert [row.outcome for row in rows] == ["finished", "finished"]
    assert rows[1].feature == "in a block"
