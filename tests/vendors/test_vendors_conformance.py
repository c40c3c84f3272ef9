"""Every row, whatever it is asked and whatever befalls the answer: documented exchanges are
understood, no request goes beyond the reference, each fault is a whole answer or a typed error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from vendors_world import EXCHANGES, ROWS, TOOLS, client, exchanges, row, takes_tools

from seawall.errors import Fault, UnsupportedError
from seawall.ports import Outbound, Prefill, reveal
from seawall.simulator import KINDS, Rule, Script, Simulator
from seawall.simulator.answers import TEXT
from seawall.testing import VirtualClock
from seawall.transports.memory import Memory

each_row = pytest.mark.parametrize("name", ROWS)

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}


@dataclass
class Harbour:
    name: str


class Vendor:
    """A vendor that gives one documented answer, and refuses a request its reference has not."""

    def __init__(self, name: str, body: bytes, status: int = 200) -> None:
        self.name, self.body, self.status = name, body, status
        self.asked: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.transport = Memory(self._answer)
        self.client = client(name, self.transport)

    def _answer(self, outbound: Outbound) -> tuple[int, Mapping[str, str], bytes]:
        body = msgspec.json.decode(outbound.body)
        assert body.keys() <= exchanges(self.name).accepts
        assert outbound.url == f"{row(self.name).base_url}/chat/completions"
        self.asked.append(body)
        self.headers.append({key: reveal(value) for key, value in outbound.headers})
        return self.status, SSE if body.get("stream") else JSON, self.body


def test_every_row_has_its_exchanges_and_no_other() -> None:
    assert {file.stem for file in EXCHANGES.iterdir()} == set(ROWS)


@each_row
async def test_text(name: str) -> None:
    vendor = Vendor(name, exchanges(name).text.encode())
    reply = await vendor.client.chat("Name a harbour.", max_tokens=9, temperature=0, seed=7)
    assert (reply.text, reply.finish_reason) == ("Trieste.", "stop")
    assert reply.usage is not None
    assert reply.usage.total_tokens == 15
    quirks = row(name).quirks
    assert vendor.asked[0][quirks.max_tokens_field] == 9
    told = vendor.asked[0].get(quirks.seed_field) == 7
    assert told != ("seed was left out; this vendor does not take it" in reply.decision.notes)
    key = "Bearer sk-row-0123456789abcdef"
    assert vendor.headers[0].get("authorization") == (None if name == "local" else key)


@each_row
async def test_a_hint_nobody_relies_on_costs_no_answer(name: str) -> None:
    vendor = Vendor(name, exchanges(name).text.encode())
    reply = await vendor.client.chat("hi", user="u-1", n=1)
    told = {"user", "n"} & vendor.asked[0].keys()
    assert len(told) + len(reply.decision.notes) == 2


@each_row
async def test_tools(name: str) -> None:
    told = exchanges(name)
    vendor = Vendor(name, told.tools.encode())
    if not takes_tools(name):
        with pytest.raises(UnsupportedError, match="tools is not accepted here"):
            await vendor.client.chat("Weather?", tools=TOOLS)
        assert vendor.asked == []
        return
    reply = await vendor.client.chat("Weather?", tools=TOOLS)
    (call,) = reply.tool_calls
    documented = msgspec.json.decode(told.tools)["choices"][0]["message"]["tool_calls"][0]
    assert (call.id, call.name) == (documented["id"], "weather")
    assert msgspec.json.decode(call.arguments) == {"harbour": "Trieste"}
    assert reply.finish_reason == "tool_calls"


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
    vendor = Vendor(name, exchanges(name).text.encode())
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


@each_row
async def test_structured(name: str) -> None:
    vendor = Vendor(name, exchanges(name).structured('{"name": "Trieste"}'))
    reply = await vendor.client.chat("Name a harbour.", output=Harbour)
    assert reply.output == Harbour("Trieste")
    asked = vendor.asked[0].get("response_format", {}).get("type")
    model = next(iter(row(name).models), "")
    served = row(name).quirks_of(model).formats
    best = [kind for kind in ("json_schema", "json_object") if kind in served]
    assert asked == best[0]
    told = any("does not serve json_schema" in note for note in reply.decision.notes)
    assert told == (asked != "json_schema")


@each_row
async def test_stream(name: str) -> None:
    vendor = Vendor(name, exchanges(name).stream.encode())
    async with vendor.client.stream("Name a harbour.") as stream:
        pieces = [text async for text in stream.text]
        reply = await stream.reply()
    assert pieces == ["Tri", "este."]
    assert (reply.text, reply.finish_reason) == ("Trieste.", "stop")
    assert reply.usage is not None
    assert reply.usage.total_tokens == 15
    assert ("stream_options" in vendor.asked[0]) == row(name).quirks.stream_usage
    assert vendor.transport.open == 0


@each_row
async def test_an_error_in_the_vendors_own_words(name: str) -> None:
    error = exchanges(name).error
    vendor = Vendor(name, error.body.encode(), error.status)
    with pytest.raises(Fault, match=error.says) as caught:
        await vendor.client.chat("hi", retry=False)
    assert caught.value.kind == error.fault
    assert caught.value.status == error.status
    assert caught.value.model.startswith(f"{name}/")


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

CASES = [
    (kind.name, stream)
    for kind in KINDS.values()
    for stream in (False, True)
    if (kind.streamed if stream else kind.whole) and kind.name not in ("huge-body", "huge-event")
]


@each_row
@pytest.mark.parametrize(("fault", "stream"), CASES)
async def test_a_fault_is_a_whole_answer_or_a_typed_error(
    name: str, fault: str, stream: bool
) -> None:
    kind = KINDS[fault]
    tools = kind.calls > 1
    if tools and not takes_tools(name):
        pytest.skip("the row takes no tools")
    clock = VirtualClock()
    simulator = Simulator(Script(faults=(Rule(fault=fault),)), clock=clock)
    carrier = simulator.transport()
    asked: dict[str, Any] = {"tools": TOOLS} if tools else {}
    answer: Any = None
    error: Fault | None = None
    # The simulator answers where OpenAI does; some vendors' addresses have more in front.
    ours = client(name, carrier, clock, at="http://sim/v1")
    try:
        answer = await clock.run(_ask(ours, stream, asked))
    except Fault as caught:
        error = caught
    if error is not None:
        assert error.model.startswith(f"{name}/")
        assert kind.leaves != "whole" or fault == "malformed-event"
    elif tools:
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
