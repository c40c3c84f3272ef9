"""Run inside the environment of LangChain: what Seawall adds there, agents included."""

# pyright: reportMissingImports=false
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from integrations_world import WIRES, Provider, provider, settings
from integrations_world import streamed as stream_of
from langchain.agents import create_agent
from langchain_core.exceptions import ContextOverflowError, ModelAPIError, ModelConnectionError
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

import seawall
from seawall import AsyncSeawall, ContextLengthError, ProviderError, Seawall, StreamCutError
from seawall.dialects.anthropic import FACE
from seawall.integrations.langchain import ChatSeawall, SeawallEmbeddings
from seawall.simulator import Rule
from seawall.sinks import Ledger, Row
from seawall.types import Message, Opaque, Reasoning, Text, ToolCall


@pytest.fixture
def wall() -> Iterator[Provider]:
    with provider() as one:
        yield one


@pytest.fixture
def wall2() -> Iterator[Provider]:
    with provider() as one:
        yield one


@tool
def tide(harbour: str) -> str:
    """The tide at a harbour."""
    return f"{harbour}: 12 minutes past noon"


BOTH = ["wall/sim", "wall2/sim"]


def failing(on: Provider, fault: str, *requests: int) -> None:
    on.simulator.fail(Rule(fault=fault, requests=requests))


def outcomes(row: Row) -> list[str]:
    assert row.decision is not None
    return [attempt.outcome for attempt in row.decision.attempts]


def models(messages: list[Any]) -> list[str]:
    return [m.response_metadata["model_name"] for m in messages if isinstance(m, AIMessage)]


async def test_an_agent_goes_on_elsewhere_in_the_middle_of_its_loop(
    wall: Provider, wall2: Provider, tmp_path: Path
) -> None:
    failing(wall, "503", 2)
    async with AsyncSeawall(**settings(wall, wall2, ledger={"dir": str(tmp_path)})) as client:
        model = ChatSeawall(model=BOTH, client=client, feature="tides")
        agent: Any = create_agent(model, [tide], system_prompt="Ask before you answer.")
        question = {"messages": [HumanMessage("When is high water at 'Trieste'?")]}
        said = (await agent.ainvoke(question))["messages"]
    assert said[-1].text == "It said: Trieste: 12 minutes past noon"
    assert models(said) == ["wall/sim", "wall2/sim"]
    # The second provider was shown the first one's tool call, with its id and its result.
    call, result = wall2.requests[-1].messages[-2:]
    assert call.tool_calls[0].id == said[1].tool_calls[0]["id"]
    assert (call.tool_calls[0].name, result.role) == ("tide", "tool")
    with Ledger.open(tmp_path) as ledger:
        rows = [ledger.get(said[n].response_metadata["id"]) for n in (1, 3)]
    assert [row.feature for row in rows] == ["tides"] * 2
    assert [row.model for row in rows] == BOTH
    assert [outcomes(row) for row in rows] == [["finished"], ["overloaded", "finished"]]


@pytest.mark.parametrize("wire", WIRES)
async def test_an_agent_streams_in_every_dialect(wall: Provider, wire: str) -> None:
    async with AsyncSeawall(**settings(wall, wire=wire)) as client:
        agent: Any = create_agent(ChatSeawall(client=client), [tide])
        question = {"messages": [HumanMessage("When is high water at 'Trieste'?")]}
        pieces = [
            piece
            async for piece, where in agent.astream(question, stream_mode="messages")
            if where["langgraph_node"] == "model"
        ]
    text = "".join(piece.text for piece in pieces)
    assert text == "It said: Trieste: 12 minutes past noon"
    assert len([piece for piece in pieces if piece.text]) > 1
    assert all(request.stream for request in wall.requests)


def test_an_agent_answers_with_a_type_and_without_a_loop(wall: Provider) -> None:
    class Tide(BaseModel):
        harbour: str
        minutes: int

    with Seawall(**settings(wall)) as client:
        agent: Any = create_agent(ChatSeawall(client=client), [tide], response_format=Tide)
        said = agent.invoke({"messages": [HumanMessage("When is high water at 'Trieste'?")]})
    assert isinstance(said["structured_response"], Tide)
    assert wall.requests[-1].format is not None, "the profile says that a schema is enforced"


def test_a_fault_is_known_by_both_names(wall: Provider) -> None:
    model = ChatSeawall(client=Seawall(**settings(wall)))
    failing(wall, "500", 1)
    with pytest.raises(ModelAPIError) as caught:
        model.invoke("Hi")
    assert isinstance(caught.value, ProviderError)
    fault: Any = caught.value
    assert (fault.status, fault.model, fault.is_retryable) == (500, "wall/sim", True)
    assert fault.decision.attempts[0].outcome == "provider_error"
    assert type(fault.__cause__) is ProviderError
    assert str(fault) == str(fault.__cause__)
    failing(wall, "context-length", 2)
    with pytest.raises(ContextOverflowError) as caught:
        model.invoke("Hi")
    assert isinstance(caught.value, ContextLengthError)


async def test_a_cut_stream_raises_and_what_came_before_it_is_given(wall: Provider) -> None:
    model = ChatSeawall(client=AsyncSeawall(**settings(wall)))
    failing(wall, "cut", 1, 2)
    pieces: list[str] = []

    async def read() -> None:
        pieces.extend([piece.text async for piece in model.astream("Hi")])

    async def read_blocking() -> None:
        for piece in model.stream("Hi"):
            pieces.append(piece.text)

    for asking in (read, read_blocking):
        with pytest.raises(ModelConnectionError) as caught:
            await asking()
        assert isinstance(caught.value, StreamCutError)
    assert pieces
    assert "Hello, and welcome to Trieste.".startswith("".join(pieces))


def test_options_are_said_once_or_with_a_call(wall: Provider, tmp_path: Path) -> None:
    kept = {"dir": str(tmp_path)}
    with Seawall(**settings(wall, ledger=kept)) as client:
        model = ChatSeawall(client=client, temperature=0.5, stop=["!"], seed=7, feature="a")
        said = [model.invoke("Hi"), model.invoke("Hi", stop=["?"], seed=8, feature="b")]
        with seawall.tags(prompt="greeting"):
            said.append(model.bind(max_tokens=3).invoke("Hi"))
    asked = [(r.temperature, r.stop, r.seed, r.max_tokens) for r in wall.requests]
    assert asked == [(0.5, ("!",), 7, None), (0.5, ("?",), 8, None), (0.5, ("!",), 7, 3)]
    assert said[-1].response_metadata["finish_reason"] == "length"
    with Ledger.open(tmp_path) as ledger:
        rows = [ledger.get(one.response_metadata["id"]) for one in said]
    assert [(row.feature, row.prompt_name) for row in rows] == [
        ("a", None),
        ("b", None),
        ("a", "greeting"),
    ]
    with pytest.raises(TypeError, match="did you mean 'temperature'"):
        ChatSeawall(client=client, temprature=0.5)


def test_retries_and_the_deadline_are_set_by_langchains_names(wall: Provider) -> None:
    client = Seawall(**settings(wall))
    failing(wall, "500", 1)
    model = ChatSeawall(client=client, max_retries=1, timeout=20)
    assert model.invoke("Hi").text == "Hello, and welcome to Trieste."
    assert model.asdict()["deadline"] == {"total": 20}


THOUGHT = Message(
    "assistant",
    (
        Reasoning("Where?", "signed", {"anthropic": {"type": "thinking"}}),
        ToolCall("call_7", "tide", '{"harbour":"Trieste"}'),
    ),
)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_signed_thought_comes_back_signed(wall: Provider, streamed: bool) -> None:
    if streamed:
        wall.streams.append(stream_of(FACE, THOUGHT, "tool_calls"))
    else:
        wall.answers.append(THOUGHT)
    model = ChatSeawall(client=Seawall(**settings(wall, wire="anthropic")))
    question = HumanMessage("When is high water at Trieste?")
    asking = model.bind_tools([tide])
    if streamed:
        pieces = list(asking.stream([question]))
        said: Any = pieces[0]
        for piece in pieces[1:]:
            said += piece
    else:
        said = asking.invoke([question])
    blocks = [(b["type"], b.get("reasoning")) for b in said.content_blocks]
    assert ("reasoning", "Where?") in blocks
    again = [question, said, ToolMessage("noon", tool_call_id="call_7")]
    asking.invoke(again)
    assert wall.requests[-1].messages[1] == THOUGHT
    # A message that somebody changed since is what counts, not what was kept of it.
    said.tool_calls[0]["id"] = "call_8"
    asking.invoke([question, said, ToolMessage("noon", tool_call_id="call_8")])
    assert [c.id for c in wall.requests[-1].messages[1].tool_calls] == ["call_8"]


def test_arguments_that_are_no_json_are_named_and_go_back_as_they_were(wall: Provider) -> None:
    wall.answers.append(Message("assistant", (ToolCall("call_7", "tide", '{"harbour": Tri'),)))
    model = ChatSeawall(client=Seawall(**settings(wall)))
    said = model.bind_tools([tide]).invoke("When?")
    assert [call["args"] for call in said.invalid_tool_calls] == ['{"harbour": Tri']
    model.invoke([HumanMessage("When?"), said, ToolMessage("no JSON", tool_call_id="call_7")])
    assert wall.requests[-1].messages[1].tool_calls[0].arguments == '{"harbour": Tri'


def test_a_wrong_answer_is_asked_again_before_langchain_sees_it(wall: Provider) -> None:
    class Harbour(BaseModel):
        name: str

    wall.answers += [Message("assistant", (Text('{"nam": 1}'),))]
    asking = ChatSeawall(client=Seawall(**settings(wall))).with_structured_output(
        Harbour, include_raw=True
    )
    said = asking.invoke("Name a harbour.")
    assert isinstance(said, dict)
    assert isinstance(said["parsed"], Harbour)
    assert len(wall.requests) == 2


def test_files_go_in_openais_words_and_are_refused_in_others(wall: Provider) -> None:
    block = {"type": "file", "base64": "QUJD", "mime_type": "application/pdf"}
    question = [HumanMessage([{"type": "text", "text": "Sum up:"}, block])]
    ChatSeawall(client=Seawall(**settings(wall))).invoke(question)
    assert isinstance(wall.requests[-1].messages[0].content[1], Opaque)
    with pytest.raises(seawall.UnsupportedError, match="cannot be said"):
        ChatSeawall(client=Seawall(**settings(wall, wire="anthropic"))).invoke(question)


def test_embeddings_fall_back_to_the_same_model_elsewhere(
    wall: Provider, wall2: Provider, tmp_path: Path
) -> None:
    wall.refused = 503
    with Seawall(**settings(wall, wall2, ledger={"dir": str(tmp_path)})) as client:
        made = SeawallEmbeddings(BOTH, client=client, feature="search")
        assert made.embed_documents([]) == []
        first, second = made.embed_documents(["sea", "land"])
        assert made.embed_query("sea") == first != second
    assert wall2.embedded == [["sea", "land"], ["sea"]]
    with Ledger.open(tmp_path) as ledger:
        rows = ledger.calls()
    assert [(row.feature, row.model) for row in rows] == [("search", "wall2/sim")] * 2
    with pytest.raises(TypeError, match="did you mean 'dimensions'"):
        SeawallEmbeddings(BOTH, client=client, dimension=3)


def test_a_model_named_alone_takes_a_key_and_the_settings(
    wall: Provider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SEAWALL_DIR", str(tmp_path))
    monkeypatch.setenv("OPENAI_BASE_URL", f"{wall.url}/v1")
    model = ChatSeawall(model="openai/gpt-4o-mini", api_key="sk-sea-0123456789")
    said = model.invoke("Hi")
    assert said.response_metadata["cost"] > 0
    assert model.profile is not None
    assert model.profile["max_input_tokens"] == 128_000
    assert "sk-sea" not in repr(model)
    with pytest.raises(ValueError, match="named vendor/model"):
        ChatSeawall(model="alias", api_key="sk-sea-0123456789")
