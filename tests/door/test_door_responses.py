"""``client.responses`` of the openai SDK above the door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest
from door_world import KEY
from pydantic import BaseModel

import seawall
from seawall.dialects.openai_chat import FACE as CHAT
from seawall.dialects.openai_responses import FACE
from seawall.folding import unfold
from seawall.ports import Face, Head, Outbound
from seawall.sinks import Ledger
from seawall.transports.memory import Memory
from seawall.types import Choice, Finish, Message, Metered, Response, Text, ToolCall, Usage

USAGE = Usage(prompt_tokens=9, completion_tokens=4, total_tokens=13)
ROME = ToolCall("call_1", "weather", '{"city":"Rome"}')
WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "strict": True,
    "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
}
#: As the reference documents an answer of a reasoning model that used a hosted tool.
SEALED: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "m",
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed",
         "action": {"type": "search", "query": "q"}},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "Bari", "annotations": []}]},
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {"input_tokens": 9, "output_tokens": 4, "total_tokens": 13,
              "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
              "output_tokens_details": {"reasoning_tokens": 0}},
}  # fmt: skip


def response(*parts: Any, finish: str = "stop") -> Response:
    choice = Choice(message=Message("assistant", parts), finish_reason=finish)
    return Response(id="resp_1", model="m", created=1, choices=(choice,), usage=USAGE)


def frames(face: Face, answer: Response, *, upto: type[Any] | None = None) -> list[bytes]:
    """The stream of ``answer``; cut off before the event of type ``upto``."""
    writer = face.writer(Head(model="m", stream=True, include_usage=True))
    pieces: list[bytes] = []
    for event in unfold(answer):
        if upto is not None and isinstance(event, upto):
            return pieces
        pieces.append(writer.event(event))
    return [*pieces, writer.end()]


JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}


def answering(face: Face, answer: Response, **options: Any) -> Any:
    """A provider that gives ``answer``, whole or streamed, as it is asked."""

    def provider(outbound: Outbound) -> Any:
        if outbound.stream:
            return 200, SSE, frames(face, answer, **options)
        return 200, JSON, face.write(answer)

    return Memory(provider)


def sdk(tmp_path: Path, one: Any, two: Any = None, **options: Any) -> openai.AsyncOpenAI:
    http: Any = seawall.http_client(
        vendors={"two": {"base_url": "http://two/v1", "transport": "two"}},
        transports={"http": one, "two": two or one},
        fallback="two/m" if two else (),
        ledger={"dir": str(tmp_path)},
        **options,
    )
    return openai.AsyncOpenAI(api_key=KEY, base_url="http://one/v1", http_client=http)


async def rows(client: openai.AsyncOpenAI, tmp_path: Path) -> list[Any]:
    await client.close()
    with Ledger.open(tmp_path) as ledger:
        return [ledger.get(row.id) for row in ledger.calls()]


async def test_bytes_go_up_and_come_down_as_they_are(tmp_path: Path) -> None:
    said = msgspec.json.encode(SEALED).replace(b'"Bari"', b'  "Bari"')
    memory = Memory(lambda outbound: (200, JSON | {"x-request-id": "r1"}, said))
    client = sdk(tmp_path, memory)
    raw = await client.responses.with_raw_response.create(
        model="m", input="hi", extra_body={"new": {"b": []}}, store=False
    )
    assert raw.content == said
    assert raw.headers["x-request-id"] == "r1"
    assert raw.parse().output_text == "Bari"
    (sent,) = memory.requests
    assert sent.url == "http://one/v1/responses"
    assert msgspec.json.decode(sent.body) == {
        "model": "m", "input": "hi", "new": {"b": []}, "store": False,
    }  # fmt: skip
    (row,) = await rows(client, tmp_path)
    assert (row.outcome, row.model, row.total_tokens) == ("finished", "one/m", 13)
    assert row.messages == [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]


async def test_a_stream_comes_down_frame_by_frame(tmp_path: Path) -> None:
    early = SEALED | {"status": "in_progress", "output": [], "usage": None}
    output: Any = SEALED["output"]
    events: list[dict[str, Any]] = [{"type": "response.created", "response": early}]
    for at, item in enumerate(output):
        place = {"output_index": at, "item_id": item["id"]}
        events.append({"type": "response.output_item.added", "output_index": at, "item": item})
        if item["type"] == "web_search_call":
            events.append({"type": "response.web_search_call.searching", **place})
        events.append({"type": "response.output_item.done", "output_index": at, "item": item})
    events.append({"type": "response.completed", "response": SEALED})
    body = b"".join(
        b"event: %b\ndata: %b\n\n"
        % (event["type"].encode(), msgspec.json.encode(event | {"sequence_number": at}))
        for at, event in enumerate(events)
    )
    client = sdk(tmp_path, Memory(lambda outbound: (200, SSE, [body[:77], body[77:]])))
    async with client.responses.with_streaming_response.create(
        model="m", input="hi", stream=True
    ) as raw:
        assert b"".join([piece async for piece in raw.iter_bytes()]) == body
    (row,) = await rows(client, tmp_path)
    assert (row.outcome, row.total_tokens) == ("finished", 13)


class Harbour(BaseModel):
    name: str
    depth: int


@pytest.mark.parametrize("options", [{}, {"recovery": "resume"}, {"recovery": "hold"}])
async def test_helpers_of_the_sdk_work(tmp_path: Path, options: Any) -> None:
    answer = response(Text('{"name":"Bari","depth":9}'), ROME, finish="tool_calls")
    client = sdk(tmp_path, answering(FACE, answer), **options)
    parsed = await client.responses.parse(
        model="m", input="hi", text_format=Harbour, tools=[WEATHER]
    )
    assert parsed.output_parsed == Harbour(name="Bari", depth=9)
    async with client.responses.stream(
        model="m", input="hi", text_format=Harbour, tools=[WEATHER]
    ) as events:
        kinds = [event.type async for event in events]
        final = await events.get_final_response()
    assert {"response.output_text.delta", "response.function_call_arguments.delta"} <= set(kinds)
    assert kinds[-1] == "response.completed"
    assert final.output_parsed == Harbour(name="Bari", depth=9)
    call = final.output[1]
    assert call.type == "function_call"
    assert (call.call_id, call.arguments) == (ROME.id, ROME.arguments)
    assert final.usage is not None
    assert final.usage.total_tokens == 13


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("face", [CHAT, FACE], ids=["chat", "responses"])
async def test_another_provider_answers_in_the_sdks_words(
    tmp_path: Path, face: Face, stream: bool
) -> None:
    answer = response(Text("from two"), ROME, finish="tool_calls")
    down = Memory(lambda outbound: (503, JSON, b'{"error":{"message":"down"}}'))
    two = answering(face, answer)
    vendor = {"dialect": face.name, "base_url": "http://two/v1", "transport": "two"}
    http: Any = seawall.http_client(
        vendors={"two": vendor},
        transports={"http": down, "two": two},
        fallback="two/other",
        retry=False,
        ledger={"dir": str(tmp_path)},
    )
    client = openai.AsyncOpenAI(api_key=KEY, base_url="http://one/v1", http_client=http)
    asked: Any = {"model": "m", "input": "hi", "instructions": "be brief", "tools": [WEATHER]}
    if stream:
        async with client.responses.stream(**asked) as events:
            got: Any = await events.get_final_response()
    else:
        got = await client.responses.create(**asked)
    assert got.output_text == "from two"
    assert [item.call_id for item in got.output if item.type == "function_call"] == ["call_1"]
    assert got.usage.total_tokens == 13
    (sent,) = two.requests
    said = msgspec.json.decode(sent.body)
    assert said["model"] == "other"
    assert "be brief" in str(said)
    (row,) = await rows(client, tmp_path)
    assert row.model == "two/other"


async def test_a_conversation_another_provider_cannot_know_does_not_go_there(
    tmp_path: Path,
) -> None:
    down = Memory(lambda outbound: (503, JSON, b'{"error":{"message":"down"}}'))
    two = answering(CHAT, response(Text("about what?")))
    client = sdk(tmp_path, down, two, retry=False)
    with pytest.raises(openai.InternalServerError, match="down"):
        await client.responses.create(model="m", input="and?", previous_response_id="resp_0")
    assert not two.requests


@pytest.mark.parametrize("helper", [False, True], ids=["create", "stream"])
@pytest.mark.parametrize("upto", [Finish, ToolCall, Metered], ids=["finish", "none", "usage"])
@pytest.mark.parametrize("recovery", ["error", "resume"])
async def test_a_stream_that_is_cut_is_no_end(
    tmp_path: Path, helper: bool, upto: type[Any], recovery: Any
) -> None:
    answer = response(Text("half an answer"), ROME, finish="tool_calls")
    whole = frames(FACE, answer)
    cut = whole if upto is ToolCall else frames(FACE, answer, upto=upto)
    body = b"".join(cut)
    if upto is ToolCall:  # all but the last event, which ends it
        body = body[: body.rindex(b"event: response.completed")]
    client = sdk(tmp_path, Memory(lambda outbound: (200, SSE, [body])), recovery=recovery)
    told: list[str] = []

    async def use() -> None:
        if helper:
            async with client.responses.stream(model="m", input="hi") as events:
                async for event in events:
                    told.append(event.type)
        else:
            async for event in await client.responses.create(model="m", input="hi", stream=True):
                told.append(event.type)

    with pytest.raises(openai.APIError, match="cut"):
        await use()
    assert "response.output_text.delta" in told
    assert "response.completed" not in told
    (row,) = await rows(client, tmp_path)
    assert row.outcome == "cut"


@pytest.mark.parametrize("event", [
    {"type": "error", "code": "server_error", "message": "gone", "param": None},
    {"type": "error", "error": {"type": "server_error", "code": "x", "message": "gone"}},
    {"type": "response.failed", "response": SEALED | {
        "status": "failed", "error": {"code": "server_error", "message": "gone"}}},
])  # fmt: skip
async def test_the_providers_own_error_in_a_stream_is_raised(
    tmp_path: Path, event: dict[str, Any]
) -> None:
    """The bare SDK takes the flat event, and a response that failed, for a clean end."""
    begun = b"".join(frames(FACE, response(Text("half")), upto=Finish))
    last = b"data: %b\n\n" % msgspec.json.encode(event | {"sequence_number": 9})
    client = sdk(tmp_path, Memory(lambda outbound: (200, SSE, [begun, last])))
    with pytest.raises(openai.APIError, match="gone"):
        async for _ in await client.responses.create(model="m", input="hi", stream=True):
            pass
    (row,) = await rows(client, tmp_path)
    assert row.outcome == "cut"


async def test_what_fails_before_its_first_words_is_asked_again(tmp_path: Path) -> None:
    answers = iter([b'{"type":"error","error":{"message":"overloaded"}}', None])

    def provider(outbound: Outbound) -> Any:
        event = next(answers)
        said = frames(FACE, response(Text("Bari")))
        return 200, SSE, said if event is None else [said[0], b"data: %b\n\n" % event]

    client = sdk(tmp_path, Memory(provider), retry={"base": 0.001})
    async with client.responses.stream(model="m", input="hi") as events:
        assert (await events.get_final_response()).output_text == "Bari"
    (row,) = await rows(client, tmp_path)
    assert row.attempts == 2


async def test_what_is_no_answer_yet_passes_through(tmp_path: Path) -> None:
    queued = msgspec.json.encode(SEALED | {"status": "queued", "output": [], "usage": None})
    memory = Memory(lambda outbound: (200, JSON, queued))
    client = sdk(tmp_path, memory)
    got = await client.responses.create(model="m", input="hi", background=True)
    assert got.status == "queued"
    again = await client.responses.retrieve("resp_1")
    assert again.status == "queued"
    assert [sent.method for sent in memory.requests] == ["POST", "GET"]


def test_the_synchronous_sdk(tmp_path: Path) -> None:
    memory = answering(FACE, response(Text("Bari")))
    http: Any = seawall.http_client(
        sync=True, transports={"http": memory}, ledger={"dir": str(tmp_path)}
    )
    with openai.OpenAI(api_key=KEY, base_url="http://one/v1", http_client=http) as client:
        assert client.responses.create(model="m", input="hi").output_text == "Bari"
        with client.responses.stream(model="m", input="hi") as events:
            assert events.get_final_response().output_text == "Bari"


async def test_a_stream_is_given_up(tmp_path: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        for piece in frames(FACE, response(Text("Bari")), upto=Finish):
            yield piece
        await asyncio.Event().wait()

    memory = Memory(lambda outbound: (200, SSE, body()))
    client = sdk(tmp_path, memory)
    stream = await client.responses.create(model="m", input="hi", stream=True)
    await anext(aiter(stream))
    await stream.close()
    assert memory.open == 0
    (row,) = await rows(client, tmp_path)
    assert row.outcome == "cancelled"
