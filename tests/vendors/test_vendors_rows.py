"""Rows are data: complete, sourced, enforced before the call, and shown as they are."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from vendors_world import EXCHANGES, ROWS, client, exchanges, row

from seawall import (
    AsyncSeawall,
    ContextLengthError,
    NotFoundError,
    Seawall,
    UnsupportedError,
)
from seawall.cli.doctor import endpoints
from seawall.cli.doctor.setup import load
from seawall.cli.models import models
from seawall.ports import Quirks
from seawall.transports.memory import Memory
from seawall.vendors import names
from seawall.vendors.pages import write
from seawall.vendors.table import filled, provenance

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"
FACTS = {"tools", "parallel_tools", "formats", "images", "prefill"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}}
INLINE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}}

each_row = pytest.mark.parametrize("name", ROWS)


def answering(name: str) -> Memory:
    body = exchanges(name).text.encode()
    return Memory(lambda outbound: (200, {"content-type": "application/json"}, body))


def sent(memory: Memory) -> list[Any]:
    return [msgspec.json.decode(outbound.body) for outbound in memory.requests]


@each_row
def test_every_fact_has_its_source(name: str) -> None:
    entry = row(name)
    told = {key for key in Quirks.__struct_fields__ if getattr(entry.quirks, key) != _usual(key)}
    told |= {key for key in ("base_url", "key_env", "operations", "retired") if getattr(entry, key)}
    overlaid = {key for known in entry.models.values() for key in known.quirks}
    assert told | FACTS <= entry.sources.keys()
    assert entry.sources.keys() <= told | FACTS | overlaid
    assert entry.source
    assert all(entry.sources.values())
    assert all(known.source for known in entry.models.values())


def _usual(key: str) -> Any:
    return getattr(Quirks(), key)


@pytest.mark.parametrize("name", names())
def test_a_row_can_be_used_as_it_is(name: str) -> None:
    entry = row(name)
    for model, known in entry.models.items():
        assert known.window is None or known.window > 0
        assert known.price is None or known.price.price().input >= 0
        assert isinstance(entry.quirks_of(model), Quirks)
    for gone in entry.retired.values():
        assert date.fromisoformat(gone.since) < date(2026, 11, 24)
        assert gone.successor not in entry.retired, "a successor is still there to be asked"
    assert not entry.retired.keys() & entry.models.keys()
    assert not set(entry.quirks.unsupported) & set(entry.quirks.left_out)


def test_a_quirk_of_one_model_that_there_is_not_is_an_error() -> None:
    entry = msgspec.structs.replace(
        row("groq"), models={"m": msgspec.convert({"quirks": {"colour": 1}}, _model())}
    )
    with pytest.raises(msgspec.ValidationError, match="colour"):
        entry.quirks_of("m")


def _model() -> Any:
    return type(row("groq").models["openai/gpt-oss-20b"])


# Enforced before the call


@pytest.mark.parametrize("field", ["n", "logprobs", "parallel_tool_calls", "tool_choice"])
async def test_what_is_not_taken_is_refused_unsent(field: str) -> None:
    refused = [name for name in ROWS if field in row(name).quirks.unsupported]
    assert refused
    value: Any = {"n": 2, "logprobs": True, "parallel_tool_calls": False}.get(field, "required")
    for name in refused:
        memory = answering(name)
        with pytest.raises(UnsupportedError, match=f"{field} is not accepted here"):
            await client(name, memory).chat("hi", **{field: value})
        assert memory.requests == []


async def test_the_value_that_holds_anyway_is_left_out_with_a_note() -> None:
    memory = answering("ollama")
    reply = await client("ollama", memory).chat("hi", n=1, tool_choice="auto", logprobs=False)
    assert not {"n", "tool_choice", "logprobs"} & sent(memory)[0].keys()
    assert len(reply.decision.notes) == 3


async def test_a_penalty_of_nothing_is_none() -> None:
    memory = answering("groq")
    groq = client("groq", memory)
    await groq.chat("hi", presence_penalty=0.0, frequency_penalty=0)
    assert not {"presence_penalty", "frequency_penalty"} & sent(memory)[0].keys()
    with pytest.raises(UnsupportedError, match="presence_penalty is not accepted"):
        await groq.chat("hi", presence_penalty=0.5)


@pytest.mark.parametrize("name", ["groq", "mistral"])
async def test_names_that_are_refused_are_not_sent(name: str) -> None:
    memory = answering(name)
    named: list[Any] = [{"role": "user", "name": "ann", "content": "hi"}]
    with pytest.raises(UnsupportedError, match=r"messages\[\].name is not accepted here"):
        await client(name, memory).chat(named)
    assert memory.requests == []


@pytest.mark.parametrize(
    ("name", "part", "taken"),
    [("ollama", IMAGE, False), ("ollama", INLINE, True), ("local", INLINE, False),
     ("openai", IMAGE, True), ("mistral", IMAGE, True)],
)  # fmt: skip
async def test_pictures_go_where_they_are_looked_at(name: str, part: Any, taken: bool) -> None:
    memory = answering(name)
    question: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "?"}, part]}]
    if taken:
        await client(name, memory).chat(question)
        assert sent(memory)[0]["messages"][0]["content"][1] == part
        return
    with pytest.raises(UnsupportedError, match="images are"):
        await client(name, memory).chat(question)
    assert memory.requests == []


async def test_pictures_among_a_tools_results_count_too() -> None:
    memory = answering("ollama")
    messages: list[Any] = [
        {"role": "user", "content": "look"},
        {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f"}}]},
        {"role": "tool", "tool_call_id": "a", "content": [IMAGE]},
    ]
    with pytest.raises(UnsupportedError, match="fetch it or choose a route"):
        await client("ollama", memory).chat(messages)


async def test_a_models_own_quirks_go_before_its_vendors() -> None:
    memory = answering("groq")
    groq = client("groq", memory)
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    await groq.chat("hi", response_format=wanted, model="groq/openai/gpt-oss-20b")
    await groq.chat("hi", response_format=wanted, model="groq/qwen/qwen3.8-27b")
    assert [body["response_format"]["type"] for body in sent(memory)] == [
        "json_schema",
        "json_object",
    ]


async def test_a_prompt_that_cannot_fit_is_not_sent_and_goes_where_it_can() -> None:
    memory = answering("openai")
    options: dict[str, Any] = {"transports": {"http": memory}, "ledger": False}
    short = {"small/m": {"window": 100}, "large/m": {"window": 1_000_000}}
    at = {"base_url": "http://some/v1"}
    seawall = AsyncSeawall(vendors={"small": at, "large": at}, models=short, **options)
    question = "sea " * 500
    with pytest.raises(ContextLengthError, match="cannot fit the context of 100"):
        await seawall.chat(question, model="small/m")
    assert memory.requests == []
    reply = await seawall.chat(question, model=["small/m", "large/m"])
    assert reply.model == "large/m"
    assert [refused.model for refused in reply.decision.refused] == ["small/m"]
    await seawall.chat("sea " * 390, model="small/m")  # which may fit, or may not
    assert len(memory.requests) == 2


# Retired models

RETIRED = [(name, model) for name in ROWS for model in row(name).retired]


@pytest.mark.parametrize(("name", "model"), RETIRED)
async def test_a_retired_model_is_a_fault_that_names_its_successor(name: str, model: str) -> None:
    memory = answering(name)
    with pytest.raises(NotFoundError) as caught:
        await client(name, memory).chat("hi", model=f"{name}/{model}")
    assert f"ask for {name}/{row(name).retired[model].successor}" in str(caught.value)
    assert caught.value.code == "model_retired"
    assert memory.requests == []


async def test_another_route_takes_over_from_a_retired_model() -> None:
    memory = answering("xai")
    reply = await client("xai", memory).chat("hi", model=["xai/grok-3", "xai/grok-4.3"])
    assert reply.model == "xai/grok-4.3"
    (refused,) = reply.decision.refused
    assert refused.model == "xai/grok-3"
    assert [attempt.model for attempt in reply.decision.attempts] == ["xai/grok-4.3"]


async def test_whoever_is_still_served_says_so() -> None:
    memory = answering("groq")
    model = "groq/llama-3.3-70b-versatile"
    seawall = AsyncSeawall(
        model=model,
        models={model: {"retired": False}},
        vendors={"groq": {"key": "sk-row"}},
        transports={"http": memory},
        ledger=False,
    )
    assert (await seawall.chat("hi")).text == "Trieste."


# Keys and addresses


@pytest.mark.parametrize("name", ["ollama", "vllm", "llamacpp"])
async def test_a_server_is_asked_with_its_key_or_without(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = str(row(name).key_env)
    seen: list[bool] = []
    for key in ("", "sk-mine"):
        monkeypatch.setenv(variable, key)
        memory = answering(name)
        seawall = AsyncSeawall(model=f"{name}/m", transports={"http": memory}, ledger=False)
        await seawall.chat("hi")
        (outbound,) = memory.requests
        assert outbound.url.startswith("http://localhost:")
        seen.append("authorization" in dict(outbound.headers))
    assert seen == [False, True]


async def test_the_doctor_asks_no_server_that_nobody_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in names():
        if (variable := row(name).key_env) is not None:
            monkeypatch.delenv(variable, raising=False)
    setup, problems = load(None, None)
    assert problems == []
    assert await endpoints.check(setup) == []
    (tmp_path / "seawall.toml").write_text('[vendors.vllm]\nbase_url = "http://127.0.0.1:9/v1"\n')
    setup, _ = load(None, None)
    (answer,) = await endpoints.check(setup)
    assert (answer.finding.level, answer.finding.title) == ("fail", "vllm")


# Shown as they are


def test_the_page_shows_the_rows_as_they_are() -> None:
    page = PAGE.read_text()
    again = "python -m seawall.vendors.table docs/providers.md tests/vendors/exchanges"
    assert page == filled(page, EXCHANGES), f"run: {again}"


def test_every_vendor_has_a_page_that_shows_its_row() -> None:
    directory = PAGE.parent / "providers"
    pages = write(directory, EXCHANGES)
    again = "python -m seawall.vendors.pages docs/providers tests/vendors/exchanges"
    assert {path: path.read_text() for path in directory.iterdir()} == pages, f"run: {again}"


def test_the_page_shows_which_exchanges_were_captured(tmp_path: Path) -> None:
    (tmp_path / "quay.toml").write_text('after = "its reference"\ncaptured = ["text", "stream"]\n')
    assert "| `quay` | text, stream | its reference |" in provenance(tmp_path)


def test_a_page_without_a_place_for_the_tables_is_an_error() -> None:
    with pytest.raises(ValueError, match="no place for the tables"):
        filled("# A page\n")


def test_the_command_line_shows_what_each_can(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(models, ["--json"])
    rows = {told["model"]: told for told in map(json.loads, shown.output.splitlines())}
    assert rows["groq/openai/gpt-oss-20b"]["can"]["schema"] == "yes"
    assert rows["groq/qwen/qwen3.8-27b"]["can"]["schema"] == "no"
    assert rows["ollama/…"]["can"]["images"] == "data"
    assert rows["ollama/…"]["ready"] is True
    drawn = " ".join(CliRunner().invoke(models, []).output.split())
    assert re.search("ollama tools, schema, json mode, images as data", drawn)
    assert re.search("groq tools, parallel tools, json mode", drawn)
    assert re.search("groq/openai/gpt-oss-20b tools, parallel tools, schema", drawn)


def test_a_retired_model_names_its_successor_even_without_a_key() -> None:
    with Seawall(ledger=False) as client, pytest.raises(NotFoundError) as gone:
        client.chat("?", model="openai/gpt-3.5-turbo")
    assert "ask for openai/gpt-4.1-mini" in str(gone.value)
    assert gone.value.code == "model_retired"
