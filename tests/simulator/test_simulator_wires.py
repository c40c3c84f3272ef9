"""Each wire beside OpenAI's chat: the same faults, in its provider's own shapes and headers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pytest
from simulator_world import WEATHER, WIRES, World, question

from seawall.errors import AuthenticationError, ContentFilterError, QuotaExceededError
from seawall.ports import Headers, Quirks
from seawall.simulator import KINDS, Quota, Rule, Script
from seawall.simulator.answers import TEXT
from seawall.simulator.apis import APIS, TROUBLES
from seawall.types import Message, Request, Text, Tool

OTHERS = sorted(WIRES.keys() - {"openai_chat"})
EACH = [
    (name, stream)
    for name, kind in KINDS.items()
    for stream in (False, True)
    if (kind.streamed if stream else kind.whole) and name != "huge-event"
]
each_wire = pytest.mark.parametrize("wire", OTHERS)
HI = Request(model="sim", messages=(Message("user", (Text("hi"),)),), max_tokens=999)

Raw = tuple[int, Headers, bytes]


async def ask(world: World, wire: str, **fields: Any) -> Raw:
    """What the simulator answers to ``HI``, as the dialect's own wire would ask it."""
    asked = msgspec.structs.replace(HI, **fields)
    draft = world.client.assembly.router.route("sim/sim").wire.encode(asked, Quirks())
    path = WIRES[wire]["base_url"].removeprefix("http://sim") + draft.path
    query = "&".join(f"{name}={value}" for name, value in draft.query)
    return await world.raw(msgspec.Raw(draft.body), path=f"{path}?{query}".rstrip("?"))


def test_every_api_has_words_for_every_trouble() -> None:
    assert {api.name for api in APIS} >= WIRES.keys()
    for api in APIS:
        assert api.refusals.keys() == set(TROUBLES), api.name


@each_wire
@pytest.mark.parametrize(("name", "stream"), EACH)
async def test_what_a_fault_leaves_is_what_a_careful_client_gets(
    wire: str, name: str, stream: bool
) -> None:
    kind = KINDS[name]
    world = World(Script(faults=(Rule(fault=name, size=300_000),)), wire=wire)
    options = {"tools": [WEATHER]} if kind.calls > 1 else {}
    fault, reply = await world.outcome(stream=stream, **options)
    first = world.simulator.log[0]
    if first.fault and kind.leaves != "whole":
        assert fault is not None or reply.damaged, "a part is never presented as if it were all"
    else:
        assert fault is None
        assert len(reply.tool_calls) == 2 or TEXT[-20:] in reply.text
        if kind.calls > 1:
            assert len({call.id for call in reply.tool_calls} - {""}) == 2
    assert first.fault == name or (kind.marked and wire != "anthropic")
    assert world.simulator.verdict().good, world.simulator.verdict()
    assert world.transport.open == 0


@each_wire
async def test_tools_and_shapes_are_met(wire: str) -> None:
    world = World(Script(answer="Trieste and Genoa"), wire=wire)
    for stream in (False, True):
        reply = await world.ask(tools=[WEATHER], stream=stream)
        (call,) = reply.tool_calls
        assert msgspec.json.decode(call.arguments) == {"harbour": "Trieste and Genoa", "days": 3}
        assert reply.finish_reason == "tool_calls"
        short = await world.ask(max_tokens=1, stream=stream)
        assert (short.text, short.finish_reason) == ("Trieste", "length")
        assert reply.usage is not None
        assert reply.usage.prompt_tokens > 0


# Errors in the provider's own words


async def refused(wire: str, fault: str, *, stream: bool = False, **dose: Any) -> Raw:
    world = World(Script(faults=(Rule(fault=fault, **dose),)), wire=wire)
    return await ask(world, wire, stream=stream)


async def test_anthropics_errors() -> None:
    found: dict[str, str] = {}
    for fault in ("429", "429-quota", "500", "529", "408", "400", "401", "403", "404", "409"):
        status, headers, body = await refused("anthropic", fault)
        error = msgspec.json.decode(body)
        assert error["type"] == "error"
        assert error["request_id"] == headers["request-id"] == "req_sim_1"
        found[fault] = f"{status} {error['error']['type']}"
    assert found == {
        "429": "429 rate_limit_error",
        "429-quota": "402 billing_error",
        "500": "500 api_error",
        "529": "529 overloaded_error",
        "408": "408 timeout_error",
        "400": "400 invalid_request_error",
        "401": "401 authentication_error",
        "403": "403 permission_error",
        "404": "404 not_found_error",
        "409": "409 conflict_error",
    }
    _, headers, _ = await refused("anthropic", "429", retry_after=1.5)
    assert headers["retry-after"] == "2"


async def test_geminis_errors() -> None:
    found: dict[str, str] = {}
    for fault in ("429", "500", "503", "529", "408", "400", "401", "403", "404", "409", "422"):
        status, _, body = await refused("gemini", fault)
        error = msgspec.json.decode(body)["error"]
        assert error["code"] == status
        found[fault] = f"{status} {error['status']}"
    assert found == {
        "429": "429 RESOURCE_EXHAUSTED",
        "500": "500 INTERNAL",
        "503": "503 UNAVAILABLE",
        "529": "503 UNAVAILABLE",
        "408": "504 DEADLINE_EXCEEDED",
        "400": "400 INVALID_ARGUMENT",
        "401": "400 INVALID_ARGUMENT",
        "403": "403 PERMISSION_DENIED",
        "404": "404 NOT_FOUND",
        "409": "409 ABORTED",
        "422": "400 INVALID_ARGUMENT",
    }
    _, headers, body = await refused("gemini", "429", retry_after=1.5)
    quota, retry = msgspec.json.decode(body)["error"]["details"]
    assert retry == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}
    assert "PerMinute" in quota["violations"][0]["quotaId"]
    assert "retry-after" not in headers
    _, _, body = await refused("gemini", "401")
    (info,) = msgspec.json.decode(body)["error"]["details"]
    assert info["reason"] == "API_KEY_INVALID"


async def test_coheres_errors() -> None:
    found: dict[str, int] = {}
    for fault in ("429", "429-quota", "500", "503", "529", "408", "401", "422", "content-filter"):
        status, _, body = await refused("cohere", fault)
        assert msgspec.json.decode(body).keys() == {"id", "message"}
        found[fault] = status
    assert list(found.values()) == [429, 402, 500, 503, 503, 504, 401, 422, 498]
    _, headers, _ = await refused("cohere", "429", retry_after=1.5)
    assert headers["retry-after"] == "2"


async def test_a_prompt_that_gemini_blocks_has_no_error_and_no_answer() -> None:
    for stream in (False, True):
        status, _, body = await refused("gemini", "content-filter", stream=stream)
        told = msgspec.json.decode(body.removeprefix(b"data: "))
        assert (status, told["promptFeedback"]["blockReason"]) == (200, "PROHIBITED_CONTENT")
        with pytest.raises(ContentFilterError):
            await World(wire="gemini").ask(model="sim/fault/content-filter", stream=stream)


async def test_a_fault_is_known_by_its_own_name() -> None:
    for wire in OTHERS:
        for fault, kind in (("401", AuthenticationError), ("429-quota", QuotaExceededError)):
            with pytest.raises(kind):
                await World(wire=wire).ask(model=f"sim/fault/{fault}")


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        ("anthropic", b'event: error\ndata: {"type":"error","error":{"type":"api_error"'),
        ("gemini", b'data: {"error":{"code":500,"message":'),
        (
            "cohere",
            b'event: message-end\ndata: {"type":"message-end","id":"sim-1","delta":{"error":',
        ),
        ("openai_responses", b'event: error\ndata: {"type":"error","sequence_number":'),
        ("openai_responses", b'event: response.failed\ndata: {"type":"response.failed"'),
    ],
)
async def test_an_error_in_a_stream_comes_in_the_providers_way(wire: str, said: bytes) -> None:
    _, _, body = await refused(wire, "error-event", stream=True)
    assert said in body


async def test_a_response_that_failed_has_its_error_in_it() -> None:
    status, _, body = await refused("openai_responses", "error-event")
    failed = msgspec.json.decode(body)
    assert (status, failed["status"], failed["error"]["code"]) == (200, "failed", "server_error")


# Waits and quotas


async def test_anthropics_quota_is_told_in_its_headers() -> None:
    world = World(Script(quota=Quota(requests=2)), wire="anthropic")
    _, headers, _ = await ask(world, "anthropic")
    assert headers["anthropic-ratelimit-requests-limit"] == "2"
    assert headers["anthropic-ratelimit-requests-remaining"] == "1"
    reset = datetime.fromisoformat(headers["anthropic-ratelimit-requests-reset"])
    assert 30 <= reset.timestamp() - world.clock.time() < 31
    await ask(world, "anthropic")
    status, headers, body = await ask(world, "anthropic")
    assert (status, headers["retry-after"]) == (429, "30")
    assert "rate limit of 2 requests per minute" in msgspec.json.decode(body)["error"]["message"]


async def test_geminis_quota_is_told_when_it_is_met() -> None:
    world = World(Script(quota=Quota(requests=1)), wire="gemini", speed=2)
    _, headers, _ = await ask(world, "gemini")
    assert [name for name in headers if "limit" in name] == []
    status, _, body = await ask(world, "gemini")
    quota, retry = msgspec.json.decode(body)["error"]["details"]
    assert (status, retry["retryDelay"], world.simulator.log[1].wait) == (429, "30s", 30.0)
    assert quota["violations"][0]["quotaValue"] == "1"


@each_wire
async def test_a_client_that_waits_as_told_gets_through(wire: str) -> None:
    world = World(Script(quota=Quota(requests=1)), wire=wire)
    for number in range(3):
        await world.ask(f"question {number}", deadline=200, retry={"patience": 100})
    assert world.clock.now() == pytest.approx(120, abs=2)
    assert [seen.fault for seen in world.simulator.log] == ["", *["quota", ""] * 2]
    assert world.simulator.verdict().good, world.simulator.verdict()


@each_wire
async def test_one_that_does_not_is_charged(wire: str) -> None:
    world = World(Script(faults=(Rule(fault="429", retry_after=20),)), wire=wire)
    for _ in range(2):
        await ask(world, wire)
        world.clock.advance(1)
    charges = [charge.offence for charge in world.simulator.verdict().charges]
    assert charges == ["ignored Retry-After"]


async def test_a_wish_that_never_fits_is_told_to_come_back_in_a_minute() -> None:
    world = World(Script(quota=Quota(tokens=5)), wire="anthropic")
    status, headers, _ = await ask(world, "anthropic")
    assert (status, headers["retry-after"]) == (429, "60")
    assert not world.simulator.log[0].final


# Addresses


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/models/sim:generateContent",
        "/v1/models/sim:generateContent",
        "/v1/projects/p/locations/l/publishers/google/models/sim:generateContent",
        "/v1beta/models/fault/429-once:generateContent",
        "/v1beta/models/fault%2F429-once:generateContent",
    ],
)
async def test_gemini_is_asked_for_a_model_in_the_path(path: str) -> None:
    world = World(wire="gemini")
    status, _, _ = await world.raw({"contents": [{"parts": [{"text": "hi"}]}]}, path=path)
    seen = world.simulator.log[0]
    assert (seen.model, status) == (("fault/429-once", 429) if "fault" in path else ("sim", 200))


async def test_a_stream_without_alt_is_an_array() -> None:
    asked = {"contents": [{"parts": [{"text": "hi"}]}]}

    async def stream(fault: str = "sim") -> Raw:
        world = World(Script(answer="a b c"), wire="gemini")
        return await world.raw(asked, path=f"/v1beta/models/{fault}:streamGenerateContent")

    status, headers, body = await stream()
    chunks = msgspec.json.decode(body)
    assert headers["content-type"].startswith("application/json")
    texts = [
        part["text"]
        for chunk in chunks
        for candidate in chunk.get("candidates", ())
        for part in candidate.get("content", {}).get("parts", ())
    ]
    assert (status, texts) == (200, ["a", " b", " c"])
    status, _, body = await stream("fault/error-event")
    assert (status, "error" in msgspec.json.decode(body)[-1]) == (200, True)
    status, _, body = await stream("fault/429")
    assert (status, msgspec.json.decode(body)[0]["error"]["code"]) == (429, 429)
    _, _, body = await stream("fault/malformed-event")
    assert msgspec.json.decode(body), "what befalls an event leaves an array alone"


async def test_the_models_are_listed_as_the_provider_does() -> None:
    world = World(Script(models=("harbour",)))
    for path, headers, key, name in (
        ("/v1/models", {"anthropic-version": "2023-06-01"}, "data", "harbour"),
        ("/v1beta/models", {}, "models", "models/harbour"),
        ("/v1/models", {"x-goog-api-key": "k"}, "models", "models/harbour"),
        ("/v1/models", {"user-agent": "cohere/7.3.1"}, "models", "harbour"),
        ("/v1/models", {}, "data", "harbour"),
    ):
        status, _, body = await world.raw(path=path, method="GET", headers=headers)
        first = msgspec.json.decode(body)[key][0]
        assert (status, first.get("name") or first["id"]) == (200, name)
    status, _, body = await world.raw(path="/v1beta/models/nosuch", method="GET")
    assert (status, msgspec.json.decode(body)["error"]["status"]) == (404, "NOT_FOUND")


async def test_a_wrong_address_is_told_in_the_words_of_whom_it_was_meant_for() -> None:
    world = World()
    for path, said in (("/v1beta/nosuch", b'"NOT_FOUND"'), ("/v1/nosuch", b'"unknown_url"')):
        status, _, body = await world.raw(question(), path=path)
        assert (status, said in body) == (404, True)
    status, _, body = await world.raw(path="/v1/messages", method="GET")
    assert (status, msgspec.json.decode(body)["type"]) == (405, "error")


async def test_an_unknown_fault_is_a_model_that_does_not_exist() -> None:
    for wire in OTHERS:
        status, _, body = await ask(World(wire=wire), wire, model="fault/cutt")
        assert (status, b"Did you mean 'cut'?" in body) == (404, True)


async def test_answers_and_calls_have_the_ids_of_their_provider() -> None:
    tool = Tool(name="tide", parameters={"type": "object"})
    _, _, body = await ask(World(wire="anthropic"), "anthropic", tools=(tool,))
    told = msgspec.json.decode(body)
    assert (told["id"], told["content"][0]["id"]) == ("msg_sim_1", "toolu_1")
