"""Run inside the environment of llm: its library and its command line on Seawall."""

# pyright: reportMissingImports=false
from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llm
import pytest
from click.testing import CliRunner
from integrations_world import WIRES, Provider, provider
from integrations_world import streamed as stream_of
from llm.cli import cli
from llm.plugins import pm

from seawall import OverloadedError, StreamCutError
from seawall.dialects.anthropic import FACE
from seawall.integrations.llm import AsyncSeawallModel, SeawallModel
from seawall.integrations.llm.models import client
from seawall.simulator import Rule
from seawall.sinks import Ledger
from seawall.types import Image, Message, Reasoning, Text, ToolCall

ROOT = Path(__file__).parents[2]


class World:
    """Two providers, the settings that know them, and where calls are recorded."""

    def __init__(self, wall: Provider, wall2: Provider, dir: Path) -> None:
        self.wall, self.wall2, self.dir = wall, wall2, dir

    def write(self, wire: str = "openai_chat") -> None:
        lines = ['model = "wall/sim"', "[defaults]", "retry = { attempts = 1 }", "[ledger]"]
        lines += [
            f'dir = "{self.dir}/ledger"',
            "[models.smart]",
            'route = ["wall/sim", "wall2/sim"]',
        ]
        for name, one in (("wall", self.wall), ("wall2", self.wall2)):
            lines += [f"[vendors.{name}]", f'dialect = "{wire}"']
            lines += [f'base_url = "{one.url}{WIRES[wire]}"', 'key = "${WALL_KEY}"']
        (self.dir / "seawall.toml").write_text("\n".join(lines))

    def rows(self) -> list[Any]:
        with Ledger.open(self.dir / "ledger") as ledger:
            return [ledger.get(row.id) for row in ledger.calls()]

    def llm(self, *arguments: str, status: int = 0) -> str:
        """What llm's command line prints, the plugin found by its entry point."""
        done = CliRunner().invoke(cli, arguments, input="")
        assert done.exit_code == status, done.output
        return done.output


@pytest.fixture(scope="module", autouse=True)
def _installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:  # pyright: ignore[reportUnusedFunction] - pytest finds it by its mark
    """The entry points of pyproject.toml, as an installation writes them."""
    site = tmp_path_factory.mktemp("site")
    made = site / "seawall-0.1.0.dist-info"
    made.mkdir(parents=True)
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: seawall\nVersion: 0.1.0\n")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [f"{name} = {where}" for name, where in project["entry-points"]["llm"].items()]
    (made / "entry_points.txt").write_text("\n".join(["[llm]", *named]))
    sys.path.insert(0, str(site))
    # What llm does when it starts; it had started before there was an installation.
    assert pm.load_setuptools_entrypoints("llm") == 1
    yield
    sys.path.remove(str(site))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WALL_KEY", "wall-key-0123456789")
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path / "llm"))
    with provider() as wall, provider() as wall2:
        made = World(wall, wall2, tmp_path)
        made.write()
        client.cache_clear()
        yield made
        if client.cache_info().currsize:
            client().assembly.settle()
        client.cache_clear()


SMART = ("seawall/smart", "smart")
QUESTION = "When is high water at 'Trieste'?"
ANSWER = "It said: Trieste: 12 minutes past noon"


def tide(harbour: str) -> str:
    """The tide at a harbour."""
    return f"{harbour}: 12 minutes past noon"


def test_the_command_line_lists_asks_logs_and_goes_on_elsewhere(world: World) -> None:
    listed = world.llm("models", "list")
    assert "Seawall: seawall/smart" in listed
    assert "Seawall: seawall\n" in listed
    assert "openai/gpt-4o" not in listed, "no key is set for it"
    world.wall.simulator.fail(Rule(fault="503", requests=(1,)))
    said = world.llm("-m", "seawall/smart", "Hi", "-s", "Be brief.", "-o", "feature", "chat")
    assert said.strip() == "Hello, and welcome to Trieste."
    assert [message.role for message in world.wall2.requests[0].messages] == ["system", "user"]
    (logged,) = json.loads(world.llm("logs", "--json"))
    assert logged["resolved_model"] == "wall2/sim"
    assert (logged["input_tokens"], logged["output_tokens"]) > (0, 0)
    (row,) = world.rows()
    assert (row.id, row.feature, row.model) == (logged["response_json"]["id"], "chat", "wall2/sim")
    assert [attempt.outcome for attempt in row.decision.attempts] == ["overloaded", "finished"]
    world.llm("-c", "And now?")
    assert [m.role for m in world.wall.requests[-1].messages] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    failed = world.llm("-m", "seawall", "-o", "model", "nowhere/x", "Hi", status=1)
    assert "there is no vendor 'nowhere'" in failed


def test_wrong_settings_stop_nobody_else(world: World) -> None:
    (world.dir / "seawall.toml").write_text("[models.smart]\nrout = []\n")
    assert "OpenAI" in world.llm("models", "list")
    assert "Did you mean 'route'" in world.llm("-m", "seawall", "Hi", status=1)


@pytest.mark.parametrize("wire", WIRES)
def test_tools_are_called_and_a_stream_goes_on_elsewhere(world: World, wire: str) -> None:
    world.write(wire)
    world.wall.simulator.fail(Rule(fault="503", requests=(2,)))
    chain = SeawallModel(*SMART).chain(QUESTION, tools=[tide])
    assert "".join(chain) == ANSWER
    assert [row.model for row in world.rows()] == ["wall/sim", "wall2/sim"]
    assert world.wall2.requests[0].messages[-2].tool_calls[0].name == "tide"


async def test_tools_are_called_by_the_asynchronous_model(world: World) -> None:
    chain = AsyncSeawallModel(*SMART).chain(QUESTION, tools=[tide])
    assert await chain.text() == ANSWER
    await client().assembly.disconnect()


@pytest.mark.parametrize("stream", [True, False])
def test_a_schema_and_options_are_said_in_seawalls_words(world: World, stream: bool) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    said = SeawallModel(*SMART).prompt(
        "Name a harbour.", schema=schema, stream=stream, temperature=0.5, max_tokens=60, seed=7
    )
    assert json.loads(said.text()).keys() == {"name"}
    asked = world.wall.requests[0]
    assert (asked.temperature, asked.max_tokens, asked.seed) == (0.5, 60, 7)
    assert asked.stream == stream
    assert asked.format is not None


def test_a_wrong_answer_is_asked_again(world: World) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    world.wall.answers.append(Message("assistant", (Text('{"nam": 1}'),)))
    said = SeawallModel(*SMART).prompt("Name a harbour.", schema=schema, stream=False)
    assert json.loads(said.text()).keys() == {"name"}
    assert len(world.wall.requests) == 2


def test_an_image_is_attached(world: World) -> None:
    picture = llm.Attachment(content=b"\x89PNG", type="image/png")
    SeawallModel(*SMART).prompt("What is this?", attachments=[picture]).text()
    assert isinstance(world.wall.requests[0].messages[0].content[1], Image)


def test_a_fault_is_known_by_both_names_and_a_cut_stream_raises(world: World) -> None:
    world.wall.simulator.fail(Rule(fault="503", requests=(1,)), "cut")
    model = SeawallModel("seawall")
    with pytest.raises(llm.ModelError) as caught:
        model.prompt("Hi").text()
    assert isinstance(caught.value, OverloadedError)
    pieces: list[str] = []
    with pytest.raises(StreamCutError):
        pieces.extend(piece for piece in _noted(model.prompt("Hi"), pieces))
    assert pieces
    assert "Hello, and welcome to Trieste.".startswith("".join(pieces))


def _noted(asking: Any, into: list[str]) -> Iterator[str]:
    for piece in asking:
        into.append(piece)
    yield from ()


THOUGHT = Message(
    "assistant",
    (
        Reasoning("Where?", "signed", {"anthropic": {"type": "thinking"}}),
        ToolCall("call_7", "tide", '{"harbour":"Trieste"}'),
    ),
)


@pytest.mark.parametrize("stream", [True, False])
def test_a_signed_thought_comes_back_signed(world: World, stream: bool) -> None:
    world.write("anthropic")
    if stream:
        world.wall.streams.append(stream_of(FACE, THOUGHT, "tool_calls"))
    else:
        world.wall.answers.append(THOUGHT)
    chain = SeawallModel(*SMART).chain(QUESTION, tools=[tide], stream=stream)
    assert chain.text() == ANSWER
    assert world.wall.requests[-1].messages[1] == THOUGHT
