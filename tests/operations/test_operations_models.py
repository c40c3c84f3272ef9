"""The list of a provider's models, whole, however many pages it has."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from operations_upstream import Provider, client

from seawall import AsyncSeawall
from seawall.cli.logs import logs
from seawall.errors import AuthenticationError, ConfigError, MalformedReplyError
from seawall.sinks import Ledger


def _asked(provider: Provider) -> list[tuple[str, dict[str, list[str]]]]:
    parts = [urlsplit(outbound.url) for outbound in provider.asked]
    return [(part.path, parse_qs(part.query)) for part in parts]


async def test_openai_lists_its_models() -> None:
    provider = Provider()
    data = [
        {
            "id": "gpt-4o",
            "object": "model",
            "created": 5,
            "owned_by": "system",
            "shutdown_date": "x",
        },
        {"id": "m", "max_model_len": 4096},
    ]
    provider.script = [(200, {"object": "list", "data": data})]
    reply = await client(provider).models("openai")
    first, second = reply
    assert (first.id, first.created, first.owner) == ("gpt-4o", 5, "system")
    assert first.extra == {"openai_chat": {"shutdown_date": "x"}}
    assert (second.id, second.created, second.window) == ("m", None, 4096)
    assert len(reply) == 2
    assert provider.asked[0].method == "GET"
    assert provider.asked[0].body == b""
    assert _asked(provider) == [("/v1/models", {})]
    assert provider.header("authorization") == "Bearer key-0123456789"


async def test_a_bare_list_is_one() -> None:
    provider = Provider()
    provider.script = [(200, [{"id": "a/b", "context_length": 9}])]
    (model,) = await client(provider).models("together")
    assert (model.id, model.window) == ("a/b", 9)


async def test_anthropics_pages_are_followed() -> None:
    provider = Provider()
    item = {"type": "model", "display_name": "C", "created_at": "2026-02-04T00:00:00Z"}
    provider.script = [
        (200, {"data": [{"id": "c1", **item}], "has_more": True, "last_id": "c1"}),
        (529, {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}),
        (200, {"data": [{"id": "c2", "max_input_tokens": 7, **item}], "has_more": False}),
    ]
    reply = await client(provider).models("anthropic")
    assert [model.id for model in reply] == ["c1", "c2"]
    assert (reply.models[0].name, reply.models[0].created) == ("C", 1_770_163_200)
    assert reply.models[1].window == 7
    assert _asked(provider) == [
        ("/v1/models", {"limit": ["1000"]}),
        ("/v1/models", {"limit": ["1000"], "after_id": ["c1"]}),
        ("/v1/models", {"limit": ["1000"], "after_id": ["c1"]}),
    ]
    assert provider.header("x-api-key") == "key-0123456789"
    assert provider.header("anthropic-version") == "2026-10-21"
    assert len(reply.decision.attempts) == 3


async def test_geminis_pages_are_followed() -> None:
    provider = Provider()
    first = {"name": "models/gemini-x", "displayName": "X", "inputTokenLimit": 8}
    provider.script = [
        (200, {"models": [first], "nextPageToken": "p 2"}),
        (200, {"models": [{"name": "models/y", "supportedGenerationMethods": ["embedContent"]}]}),
    ]
    reply = await client(provider).models("google")
    assert [(model.id, model.name, model.window) for model in reply] == [
        ("gemini-x", "X", 8),
        ("y", "", None),
    ]
    assert _asked(provider)[1] == ("/v1beta/models", {"pageSize": ["1000"], "pageToken": ["p 2"]})


async def test_a_list_that_goes_round_in_a_circle_ends() -> None:
    provider = Provider(lambda _: (200, {"models": [{"name": "models/a"}], "nextPageToken": "p"}))
    with pytest.raises(MalformedReplyError, match="has no end"):
        await client(provider).models("google")
    assert len(provider.asked) == 2
    pages = iter(range(1000))
    provider.usual = lambda _: (200, {"nextPageToken": f"p{next(pages)}"})
    with pytest.raises(MalformedReplyError, match="has no end"):
        await client(provider).models("google")
    assert len(provider.asked) == 102


@pytest.mark.parametrize(
    ("vendor", "body"),
    [
        ("openai", {"models": []}),
        ("openai", {"data": [{"id": ""}]}),
        ("openai", {"data": ["gpt"]}),
        ("anthropic", {}),
        ("anthropic", {"data": [{}]}),
        ("google", {"models": [{}]}),
        ("google", []),
    ],
)
async def test_what_is_no_list(vendor: str, body: Any) -> None:
    provider = Provider(lambda _: (200, body))
    with pytest.raises(MalformedReplyError):
        await client(provider).models(vendor, retry=False)


async def test_faults_are_those_of_any_call() -> None:
    provider = Provider(lambda _: (401, {"error": {"message": "bad key"}}))
    with pytest.raises(AuthenticationError, match="bad key"):
        await client(provider).models("openai")
    with pytest.raises(ConfigError, match="there is no vendor 'opnai'"):
        await client(provider).models("opnai")


async def test_it_costs_nothing_and_is_recorded(tmp_path: Path) -> None:
    provider = Provider(lambda _: (200, {"data": [{"id": "m"}]}))
    async with client(provider, ledger={"dir": str(tmp_path)}) as asking:
        reply = await asking.models("openai", feature="setup")
    assert (reply.cost, reply.cost_estimated, reply.model) == (0, False, "openai/*")
    with Ledger.open(tmp_path) as ledger:
        (row,) = ledger.calls(contents=True)
    assert (row.operation, row.requested, row.feature) == ("models", "openai/*", "setup")
    assert (row.cost_nano_usd, row.cost_state, row.response) == (0, "exact", {"models": 1})
    shown = CliRunner().invoke(logs, ["--dir", str(tmp_path)])
    assert "operation" in shown.output
    assert "models" in shown.output


async def test_a_question_without_a_body_goes_over_a_socket() -> None:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        body = b'{"data": [{"id": "m"}]}'
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
        writer.write(b"content-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        wall = {"wall": {"base_url": url, "key": "k"}}
        async with AsyncSeawall(vendors=wall, ledger=False) as asking:
            assert [model.id for model in await asking.models("wall")] == ["m"]
    assert asked[0].startswith(b"GET /v1/models HTTP/1.1\r\n")
    assert b"content-length" not in asked[0].lower()
