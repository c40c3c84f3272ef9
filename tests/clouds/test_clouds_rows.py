"""The clouds over plain HTTP: every address, header and body as their references show them, made
of data and an account's variables."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from clouds_world import ACCOUNT, ANTHROPIC, GEMINI, JSON, OPENAI, aws, client, dumped, sse

from seawall import AsyncSeawall, ConfigError
from seawall.dialects.hosted import Hosting
from seawall.ports import Draft, Outbound, reveal
from seawall.transports.memory import Memory

SONNET = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
VERTEX = (
    "https://europe-west4-aiplatform.googleapis.com/v1/projects/harbour-1/locations/europe-west4"
)
BEDROCK = "https://bedrock-runtime.eu-central-1.amazonaws.com/model"
MANTLE = "https://bedrock-mantle.eu-central-1.api.aws/anthropic"

#: Model, URL of a whole answer and of a stream, credentials, the answer's dialect.
PLACES = [
    ("azure/mine", *["https://harbour.openai.azure.com/openai/v1/chat/completions"] * 2,
     ("api-key", "azure-key-0123456789"), "openai"),
    ("azure-deployments/mine", *["https://harbour.openai.azure.com/openai/deployments/mine/"
     "chat/completions?api-version=2024-10-21"] * 2,
     ("api-key", "azure-key-0123456789"), "openai"),
    ("vertex/gemini-3.8-flash",
     f"{VERTEX}/publishers/google/models/gemini-3.8-flash:generateContent",
     f"{VERTEX}/publishers/google/models/gemini-3.8-flash:streamGenerateContent?alt=sse",
     ("authorization", "Bearer ya29.vertex-0123456789"), "gemini"),
    ("vertex/claude-sonnet-4-5@20250929",
     f"{VERTEX}/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
     f"{VERTEX}/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict",
     ("authorization", "Bearer ya29.vertex-0123456789"), "anthropic"),
    ("vertex-express/gemini-3.8-flash",
     "https://aiplatform.googleapis.com/v1/publishers/google/models/"
     "gemini-3.8-flash:generateContent",
     "https://aiplatform.googleapis.com/v1/publishers/google/models/"
     "gemini-3.8-flash:streamGenerateContent?alt=sse",
     ("x-goog-api-key", "AIza-express-0123456789"), "gemini"),
    (f"bedrock/{SONNET}", f"{BEDROCK}/{SONNET}/invoke",
     f"{BEDROCK}/{SONNET}/invoke-with-response-stream",
     ("authorization", "Bearer bedrock-key-0123456789"), "bedrock"),
    ("bedrock-mantle/anthropic.claude-opus-5", *[f"{MANTLE}/v1/messages"] * 2,
     ("authorization", "Bearer bedrock-key-0123456789"), "anthropic"),
]  # fmt: skip

each_place = pytest.mark.parametrize(
    ("model", "whole", "streamed", "key", "dialect"), PLACES, ids=[place[0] for place in PLACES]
)


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)


def answering(dialect: str) -> Memory:
    body = {"openai": OPENAI, "gemini": GEMINI}.get(dialect, ANTHROPIC)

    def answer(outbound: Outbound) -> tuple[int, dict[str, str], bytes]:
        if not outbound.stream:
            return 200, JSON, dumped(body)
        if dialect == "bedrock":
            kind = "application/vnd.amazon.eventstream"
            return 200, {"content-type": kind}, b"".join(aws())
        return 200, {"content-type": "text/event-stream"}, b"".join(sse(dialect))

    return Memory(answer)


def headers(outbound: Outbound) -> dict[str, str]:
    return {name: reveal(value) for name, value in outbound.headers}


@each_place
async def test_a_whole_answer(
    model: str, whole: str, streamed: str, key: tuple[str, str], dialect: str
) -> None:
    memory = answering(dialect)
    reply = await client(memory, model).chat("Name a harbour.", system="Be brief.", max_tokens=9)
    assert (reply.text, reply.finish_reason) == ("Trieste.", "stop")
    assert reply.usage is not None
    assert reply.usage.total_tokens == 15
    (outbound,) = memory.requests
    assert outbound.url == whole
    assert headers(outbound)[key[0]] == key[1]
    assert len([name for name in headers(outbound) if name in ("authorization", "api-key")]) <= 1


@each_place
async def test_a_stream(
    model: str, whole: str, streamed: str, key: tuple[str, str], dialect: str
) -> None:
    memory = answering(dialect)
    async with client(memory, model).stream("Name a harbour.") as stream:
        pieces = [text async for text in stream.text]
        reply = await stream.reply()
    assert pieces == ["Tri", "este."]
    assert reply.usage is not None
    assert reply.usage.total_tokens == 15
    (outbound,) = memory.requests
    assert outbound.url == streamed
    assert headers(outbound)[key[0]] == key[1]
    assert memory.open == 0


@pytest.mark.parametrize(
    ("model", "version", "without", "betas"),
    [(f"bedrock/{SONNET}", "bedrock-2023-05-31", {"model", "stream"}, "body"),
     ("vertex/claude-sonnet-4-5@20250929", "vertex-2023-10-16", {"model"}, "header")],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_cloud_moves_into_the_body_and_the_path(
    model: str, version: str, without: set[str], betas: str, stream: bool
) -> None:
    memory = answering("bedrock" if model.startswith("bedrock") else "anthropic")
    ours = client(memory, model)
    asked: dict[str, Any] = {"extra": {"anthropic": {"betas": ["a-1", "b-2"]}}, "max_tokens": 9}
    if stream:
        async with ours.stream("hi", **asked) as answer:
            await answer.reply()
    else:
        await ours.chat("hi", **asked)
    (outbound,) = memory.requests
    body = msgspec.json.decode(outbound.body)
    assert body["anthropic_version"] == version
    assert body["messages"] == [{"role": "user", "content": "hi"}]
    assert not without & body.keys()
    sent = headers(outbound)
    assert "anthropic-version" not in sent
    if betas == "body":
        assert body["anthropic_beta"] == ["a-1", "b-2"]
        assert "anthropic-beta" not in sent
        assert sent["accept"].endswith("eventstream" if stream else "/json")
    else:
        assert (sent["anthropic-beta"], body.get("stream")) == ("a-1,b-2", True if stream else None)


@pytest.mark.parametrize(
    ("model", "path"),
    [("arn:aws:bedrock:eu-central-1:1:inference-profile/eu.a",
      "arn:aws:bedrock:eu-central-1:1:inference-profile%2Feu.a"),
     ("a;b?c#d e", "a%3Bb%3Fc%23d%20e")],
)  # fmt: skip
async def test_a_model_is_one_segment_of_the_path(model: str, path: str) -> None:
    memory = answering("bedrock")
    await client(memory, f"bedrock/{model}").chat("hi")
    assert memory.requests[0].url == f"{BEDROCK}/{path}/invoke"


@pytest.mark.parametrize(
    ("location", "host"),
    [("global", "aiplatform.googleapis.com"), ("us", "aiplatform.us.rep.googleapis.com"),
     ("eu", "aiplatform.eu.rep.googleapis.com"), ("", "aiplatform.googleapis.com"),
     ("asia-east1", "asia-east1-aiplatform.googleapis.com")],
)  # fmt: skip
async def test_vertex_has_a_host_for_each_location(
    location: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", location)
    memory = answering("gemini")
    await client(memory, "vertex/gemini-3.8-flash").chat("hi")
    place = f"https://{host}/v1/projects/harbour-1/locations/{location or 'global'}/"
    assert memory.requests[0].url.startswith(place)


async def test_settings_are_stronger_than_the_environment() -> None:
    memory = answering("openai")
    own = {"variables": {"resource": "quay", "api_version": "2025-04-01-preview"}}
    vendors: dict[str, Any] = {"azure": own, "azure-deployments": own}
    await client(memory, "azure/mine", vendors=vendors).chat("hi")
    await client(memory, "azure-deployments/mine", vendors=vendors).chat("hi")
    first, second = (outbound.url for outbound in memory.requests)
    assert first == "https://quay.openai.azure.com/openai/v1/chat/completions"
    assert second.endswith("?api-version=2025-04-01-preview")


def test_what_is_asked_of_no_model_has_no_deployment_in_its_path() -> None:
    hosting = Hosting(path="/deployments/{model}{path}", query={"v": "1"})
    placed = hosting.place(Draft(path="/models", body=b"", method="GET"), "", False)
    assert (placed.path, placed.query, placed.body) == ("/models", (("v", "1"),), b"")


async def test_embeddings_are_asked_of_a_deployment() -> None:
    vectors = b'{"object": "list", "data": [{"index": 0, "embedding": [0.0, 1.0]}]}'
    memory = Memory(lambda outbound: (200, JSON, vectors))
    await client(memory, "azure-deployments/mine").embed(["hi"], model="azure-deployments/vectors")
    path = "/openai/deployments/vectors/embeddings?api-version=2024-10-21"
    assert memory.requests[0].url == f"https://harbour.openai.azure.com{path}"


async def test_an_endpoint_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://harbour.services.ai.azure.com/")
    memory = answering("openai")
    await client(memory, "azure/mine").chat("hi")
    (outbound,) = memory.requests
    assert outbound.url == "https://harbour.services.ai.azure.com/openai/v1/chat/completions"


@pytest.mark.parametrize(
    ("model", "unset", "named"),
    [("azure/mine", "AZURE_OPENAI_RESOURCE", "AZURE_OPENAI_ENDPOINT or AZURE_OPENAI_RESOURCE"),
     ("azure/mine", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_API_KEY"),
     ("vertex/gemini-3.8-flash", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_PROJECT"),
     ("vertex/claude-sonnet-4-6", "GOOGLE_CLOUD_PROJECT", "ANTHROPIC_VERTEX_PROJECT_ID"),
     ("vertex/gemini-3.8-flash", "VERTEX_ACCESS_TOKEN", "VERTEX_ACCESS_TOKEN"),
     ("bedrock/a", "AWS_REGION", "AWS_REGION or AWS_DEFAULT_REGION"),
     ("bedrock/a", "AWS_BEARER_TOKEN_BEDROCK", "AWS_BEARER_TOKEN_BEDROCK")],
)  # fmt: skip
async def test_what_is_not_set_is_named_and_another_route_takes_over(
    model: str, unset: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(unset)
    memory = answering("openai")
    with pytest.raises(ConfigError, match=f"is not set.*{named}"):
        await client(memory, model).chat("hi")
    assert memory.requests == []
    ours = client(memory, model, vendors={"wall": {"base_url": "http://wall/v1"}})
    reply = await ours.chat("hi", model=[model, "wall/any"])
    assert reply.model == "wall/any"
    assert named in reply.decision.refused[0].reason


@pytest.mark.parametrize("value", ["evil.test/x?", "a b", "x#"])
async def test_a_variable_is_no_way_to_another_host(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", value)
    memory = answering("bedrock")
    with pytest.raises(ConfigError, match="cannot be part of an address"):
        await client(memory, "bedrock/a").chat("hi")
    assert memory.requests == []


async def test_a_cloud_of_ones_own_is_a_row_too() -> None:
    memory = answering("anthropic")
    row = {
        "dialect": "anthropic", "base_url": "https://claude.corp.test", "key": "sk-corp-0123456789",
        "hosting": {"path": "/{model}/ask", "query": {"team": "quay"}, "without": ["model"],
                    "body": {"tenant": 7}},
    }  # fmt: skip
    await client(memory, "corp/c", vendors={"corp": row}).chat("hi")
    (outbound,) = memory.requests
    assert outbound.url == "https://claude.corp.test/c/ask?team=quay"
    body = msgspec.json.decode(outbound.body)
    assert (body["tenant"], "model" in body) == (7, False)


async def test_a_transcript_with_tools_moves_to_each_cloud() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages: list[Any] = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sun"},
    ]
    for model, *_, dialect in PLACES:
        memory = answering(dialect)
        assert (await client(memory, model).chat(messages)).text == "Trieste."
        assert b"sun" in memory.requests[0].body


def test_the_rows_need_nothing_until_they_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ACCOUNT:
        monkeypatch.delenv(name)
    seawall = AsyncSeawall(ledger=False)
    router = seawall.assembly.router
    assert router.base_of("https://api.openai.com/v1/chat") == "https://api.openai.com/v1"
