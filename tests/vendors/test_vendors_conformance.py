"""Every row, whatever it is asked and whatever befalls the answer: documented exchanges are
understood, no request goes beyond the reference, each fault is a whole answer or a typed error."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from vendors_world import (
    EXCHANGES,
    KEY,
    ROWS,
    SUBJECTS,
    TOOLS,
    Subject,
    client,
    exchanges,
    row,
    takes_tools,
)

from seawall.errors import Fault, UnsupportedError
from seawall.framing.aws_events import write_message
from seawall.ports import Outbound, Prefill, reveal
from seawall.simulator import KINDS, Rule, Script, Simulator
from seawall.simulator.answers import TEXT
from seawall.testing import VirtualClock
from seawall.transports.memory import Memory
from seawall.types import Message, Text, ToolResult

each_row = pytest.mark.parametrize("name", ROWS)
each_subject = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}
AWS = {"content-type": "application/vnd.amazon.eventstream"}
KINDS_OF_EXCHANGE = ("text", "tools", "parallel", "structured", "stream", "error")

#: Where each dialect is asked, the caps it puts on an answer, and the shape it wants of it.
PATHS = {
    "openai_chat": "/chat/completions",
    "openai_responses": "/responses",
    "anthropic": "/v1/messages",
    "cohere": "/v2/chat",
}
CAPS = {
    "openai_responses": ("max_output_tokens",),
    "anthropic": ("max_tokens",),
    "bedrock": ("max_tokens",),
    "gemini": ("generationConfig", "maxOutputTokens"),
    "cohere": ("max_tokens",),
}
SHAPES = {
    "openai_responses": ("text", "format", "schema"),
    "anthropic": ("output_config", "format", "schema"),
    "bedrock": ("output_config", "format", "schema"),
    "gemini": ("generationConfig", "responseJsonSchema"),
    "cohere": ("response_format", "json_schema"),
}


@dataclass
class Harbour:
    name: str


class Vendor:
    """A vendor that gives one of its exchanges, and refuses a request its reference has not."""

    def __init__(self, subject: Subject, answer: str, status: int = 200) -> None:
        self.subject, self.answer, self.status = subject, answer, status
        self.asked: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.transport = Memory(self._answer)
        self.client = client(subject.vendor, self.transport, model=subject.model)

    def _answer(self, outbound: Outbound) -> tuple[int, Mapping[str, str], bytes]:
        body = msgspec.json.decode(outbound.body)
        entry = self.subject.row
        assert body.keys() <= exchanges(self.subject.name).accepts | _beside(entry)
        if not entry.variables:  # those of the clouds are looked at in tests/clouds
            assert outbound.url.startswith(entry.base_url + _path(self.subject))
        self.asked.append(body)
        self.headers.append({key: reveal(value) for key, value in outbound.headers})
        streamed = self.status == 200 and self.answer.startswith(("data:", "event:"))
        if streamed and self.subject.dialect == "bedrock":
            return self.status, AWS, _as_aws_events(self.answer)
        return self.status, SSE if streamed else JSON, self.answer.encode()


def _beside(entry: Any) -> set[str]:
    """What a cloud puts into the body."""
    return set() if entry.hosting is None else {*entry.hosting.body, *entry.hosting.moved.values()}


def _path(subject: Subject) -> str:
    if subject.dialect == "gemini":
        return f"/models/{subject.model}:"
    return PATHS[subject.dialect]


def _as_aws_events(stream: str) -> bytes:
    headers = {":message-type": "event", ":event-type": "chunk"}
    data = [line[6:] for line in stream.splitlines() if line.startswith("data: ")]
    chunks = [b64encode(one.encode()).decode() for one in data]
    return b"".join(
        write_message(headers, msgspec.json.encode({"bytes": chunk})) for chunk in chunks
    )


def _at(body: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        body = body[name]
    return body


def test_every_row_has_its_exchanges_and_no_other() -> None:
    wanted = {subject.name for subject in SUBJECTS}
    assert {file.stem for file in EXCHANGES.iterdir()} == wanted


@each_subject
def test_every_exchange_says_where_it_is_from(subject: Subject) -> None:
    told = exchanges(subject.name)
    assert told.after, "the reference or SDK types that the documented ones follow"
    assert set(told.captured) <= set(KINDS_OF_EXCHANGE)
    assert all(getattr(told, kind) for kind in KINDS_OF_EXCHANGE), "one is missing"


@each_subject
async def test_text(subject: Subject) -> None:
    vendor = Vendor(subject, exchanges(subject.name).text)
    reply = await vendor.client.chat("Name a harbour.", max_tokens=9)
    assert (reply.text, reply.finish_reason) == ("Trieste.", "stop")
    assert reply.usage is not None
    assert reply.usage.total_tokens == 15
    quirks = subject.row.quirks_of(subject.model)
    assert _at(vendor.asked[0], CAPS.get(subject.dialect, (quirks.max_tokens_field,))) == 9
    sent = " ".join(vendor.headers[0].values())
    assert (KEY in sent) == (subject.row.key_env is not None)


@each_row
async def test_a_seed_is_told_or_noted(name: str) -> None:
    vendor = Vendor(Subject(name, "openai_chat"), exchanges(name).text)
    reply = await vendor.client.chat("Name a harbour.", temperature=0, seed=7)
    told = vendor.asked[0].get(row(name).quirks.seed_field) == 7
    assert told != ("seed was left out; this vendor does not take it" in reply.decision.notes)


@each_row
async def test_a_hint_nobody_relies_on_costs_no_answer(name: str) -> None:
    vendor = Vendor(Subject(name, "openai_chat"), exchanges(name).text)
    reply = await vendor.client.chat("hi", user="u-1", n=1)
    told = {"user", "n"} & vendor.asked[0].keys()
    assert len(told) + len(reply.decision.notes) == 2


@each_subject
async def test_tools(subject: Subject) -> None:
    vendor = Vendor(subject, exchanges(subject.name).tools)
    if not takes_tools(subject.vendor):
        with pytest.raises(UnsupportedError, match="tools is not accepted here"):
            await vendor.client.chat("Weather?", tools=TOOLS)
        assert vendor.asked == []
        return
    reply = await vendor.client.chat("Weather?", tools=TOOLS)
    (call,) = reply.tool_calls
    assert call.name == "weather"
    assert f'"{call.id}"' in vendor.answer
    assert msgspec.json.decode(call.arguments) == {"harbour": "Trieste"}
    assert reply.finish_reason == "tool_calls"


@each_subject
async def test_parallel_tools(subject: Subject) -> None:
    if not takes_tools(subject.vendor):
        pytest.skip("the row takes no tools")
    vendor = Vendor(subject, exchanges(subject.name).parallel)
    reply = await vendor.client.chat("Weather in both?", tools=TOOLS)
    called = [msgspec.json.decode(call.arguments)["harbour"] for call in reply.tool_calls]
    assert called == ["Trieste", "Genoa"]
    assert len({call.id for call in reply.tool_calls}) == 2
    # Their results go back, whoever is asked next.
    vendor.answer = exchanges(subject.name).text
    results = [Message("tool", (ToolResult(call.id, (Text("sun"),)),)) for call in reply.tool_calls]
    question = Message("user", (Text("Weather in both?"),))
    done = await vendor.client.chat([question, reply.message, *results], tools=TOOLS)
    assert done.text == "Trieste."


@each_row
async def test_a_conversation_with_tools_moves_here(name: str) -> None:
    """Its calls were made elsewhere: results still belong to them."""
    messages: list[Any] = [
        {"role": "user", "content": "Weather in two harbours?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": f"call_{n}_of_another", "type": "function",
                 "function": {"name": "weather", "arguments": "{}"}}
                for n in (1, 2)
            ],
        },
        {"role": "tool", "tool_call_id": "call_2_of_another", "content": "rain"},
        {"role": "tool", "tool_call_id": "call_1_of_another", "content": "sun"},
    ]  # fmt: skip
    vendor = Vendor(Subject(name, "openai_chat"), exchanges(name).text)
    reply = await vendor.client.chat(messages)
    _, calls, second, first = vendor.asked[0]["messages"]
    ids = [call["id"] for call in calls["tool_calls"]]
    assert [first["tool_call_id"], second["tool_call_id"]] == ids
    assert len(set(ids)) == 2
    length = row(name).quirks.tool_call_id_length
    if length is None:
        assert ids == ["call_1_of_another", "call_2_of_another"]
    else:
        assert all(id_.isalnum() and len(id_) == length for id_ in ids)
        assert any("ids of tool calls were rewritten" in note for note in reply.decision.notes)


@each_subject
async def test_structured(subject: Subject) -> None:
    vendor = Vendor(subject, exchanges(subject.name).structured)
    reply = await vendor.client.chat("Name a harbour.", output=Harbour)
    assert reply.output == Harbour("Trieste")
    served = subject.row.quirks_of(subject.model).formats
    if subject.dialect != "openai_chat":
        assert _at(vendor.asked[0], SHAPES[subject.dialect])["required"] == ["name"]
        return
    asked = vendor.asked[0].get("response_format", {}).get("type")
    best = [kind for kind in ("json_schema", "json_object") if kind in served]
    assert asked == best[0]
    told = any("does not serve json_schema" in note for note in reply.decision.notes)
    assert told == (asked != "json_schema")


@each_subject
async def test_stream(subject: Subject) -> None:
    vendor = Vendor(subject, exchanges(subject.name).stream)
    async with vendor.client.stream("Name a harbour.") as stream:
        pieces = [text async for text in stream.text]
        reply = await stream.reply()
    assert pieces == ["Tri", "este."]
    assert (reply.text, reply.finish_reason) == ("Trieste.", "stop")
    assert reply.usage is not None
    assert reply.usage.total_tokens == 15
    if subject.dialect == "openai_chat":
        assert ("stream_options" in vendor.asked[0]) == subject.row.quirks.stream_usage
    assert vendor.transport.open == 0


@each_subject
async def test_an_error_in_the_vendors_own_words(subject: Subject) -> None:
    error = exchanges(subject.name).error
    assert error is not None
    vendor = Vendor(subject, error.body, error.status)
    with pytest.raises(Fault, match=error.says) as caught:
        await vendor.client.chat("hi", retry=False)
    assert caught.value.kind == error.fault
    assert caught.value.status == error.status
    assert caught.value.model.startswith(f"{subject.vendor}/")


@each_row
async def test_prefill_is_asked_for_as_the_reference_says(name: str) -> None:
    wanted = row(name).quirks.prefill
    if not isinstance(wanted, Prefill):
        return
    request = wanted.request.keys()
    message = wanted.message.keys()
    assert request <= exchanges(name).accepts
    assert request or message


# The simulator behind each row

#: Where the simulator answers in place of each row: some vendors' addresses have more in front.
PLACES = {
    "anthropic": "http://sim",
    "cohere": "http://sim",
    "gemini": "http://sim/v1beta",
    "openai_chat": "http://sim/v1",
    "openai_responses": "http://sim/v1",
}
#: Those where what a cloud adds to the path is looked at as well.
CLOUDS = {
    "azure": "http://sim/openai/v1",
    "azure-deployments": "http://sim/openai",
    "vertex": "http://sim/v1",
    "vertex-express": "http://sim/v1/publishers/google",
}
#: The frames of AWS and its errors are broken in tests/clouds.
SIMULATED = [subject for subject in SUBJECTS if subject.dialect != "bedrock"]
CASES = [
    (kind.name, stream)
    for kind in KINDS.values()
    for stream in (False, True)
    if (kind.streamed if stream else kind.whole) and kind.name not in ("huge-body", "huge-event")
]


@pytest.mark.parametrize("subject", SIMULATED, ids=lambda subject: subject.name)
@pytest.mark.parametrize(("fault", "stream"), CASES)
async def test_a_fault_is_a_whole_answer_or_a_typed_error(
    subject: Subject, fault: str, stream: bool
) -> None:
    kind = KINDS[fault]
    tools = kind.calls > 1
    if tools and not takes_tools(subject.vendor):
        pytest.skip("the row takes no tools")
    clock = VirtualClock()
    simulator = Simulator(Script(faults=(Rule(fault=fault),)), clock=clock)
    carrier = simulator.transport()
    asked: dict[str, Any] = {"tools": TOOLS} if tools else {}
    answer: Any = None
    error: Fault | None = None
    at = CLOUDS.get(subject.vendor) or PLACES[subject.dialect]
    ours = client(subject.vendor, carrier, clock, at=at, model=subject.model)
    try:
        answer = await clock.run(_ask(ours, stream, asked))
    except Fault as caught:
        error = caught
    assert simulator.log[0].fault == fault or kind.marked, "it was not asked as it should be"
    if error is not None:
        assert error.model.startswith(f"{subject.vendor}/")
        assert kind.leaves != "whole" or fault == "malformed-event"
    elif tools:
        assert len(answer.tool_calls) == 2
        assert len({call.id for call in answer.tool_calls} - {""}) == 2
    else:
        assert answer.text == TEXT or answer.damaged
    assert carrier.open == 0
    assert simulator.verdict().good, str(simulator.verdict())


async def _ask(asked: Any, stream: bool, options: Mapping[str, Any]) -> Any:
    limits = {"total": 30, "first_byte": 8, "first_token": 8, "idle": 8}
    if not stream:
        return await asked.chat("Name a harbour.", deadline=limits, **options)
    async with asked.stream("Name a harbour.", deadline=limits, **options) as answer:
        return await answer.reply()
