"""Built-in aliases: data that the vendors' rows bear out, and that the settings go before."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner

from seawall import AsyncSeawall, ConfigError
from seawall.cli.models import models
from seawall.transports.memory import Memory
from seawall.vendors import built_in
from seawall.vendors.aliases import aliases

BODY = (
    b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Yes"},'
    b'"finish_reason":"stop"}]}'
)


def client(**settings: Any) -> AsyncSeawall:
    memory = Memory(lambda outbound: (200, {"content-type": "application/json"}, BODY))
    return AsyncSeawall(transports={"http": memory}, ledger={"enabled": False}, **settings)


def price(name: str) -> tuple[Decimal, Decimal] | None:
    vendor, _, model = name.partition("/")
    row = built_in(vendor)
    assert row is not None
    found = row.models[model].price
    return None if found is None else (Decimal(found.input), Decimal(found.output))


def test_aliases_are_what_they_say_of_themselves() -> None:
    known = aliases()
    assert set(known) == {"volume", "frontier"}
    for alias in known.values():
        vendors = [name.partition("/")[0] for name in alias.route]
        assert len(set(vendors)) == len(vendors)
        assert date.fromisoformat(alias.chosen)
        for name in alias.route:
            vendor, _, model = name.partition("/")
            row = built_in(vendor)
            assert row is not None
            assert row.key_env is not None
            assert model not in row.retired
            assert row.models[model].source
    costs = [3 * cost[0] + cost[1] for name in known["volume"].route if (cost := price(name))]
    assert costs == sorted(costs)
    dear = [cost[1] for name in known["frontier"].route if (cost := price(name))]
    assert dear == sorted(dear, reverse=True)
    for alias in known.values():
        priced = [price(name) is not None for name in alias.route]
        assert priced == sorted(priced, reverse=True)


async def test_the_first_vendor_with_a_key_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", "set")
    async with client() as seawall:
        reply = await seawall.chat("Name a harbour.", model="volume")
    assert reply.model == "mistral/mistral-small-2603"


async def test_without_any_key_every_variable_is_named() -> None:
    async with client() as seawall:
        with pytest.raises(ConfigError) as caught:
            await seawall.chat("Name a harbour.", model="frontier")
    for name in aliases()["frontier"].route:
        row = built_in(name.partition("/")[0])
        assert row is not None
        assert str(row.key_env) in str(caught.value)


async def test_the_settings_go_before_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "set")
    own = {"volume": {"route": ["wall/any"]}, "frontier": {"fallback_reply": "Later."}}
    async with client(vendors={"wall": {"base_url": "http://wall.test/v1"}}, models=own) as seawall:
        assert (await seawall.chat("?", model="volume")).model == "wall/any"
        assert (await seawall.chat("?", model="frontier")).model == "openai/gpt-5.5"
        assert seawall.assembly.router.policies("frontier").fallback_reply == "Later."


def test_they_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAI_API_KEY", "set")
    shown = CliRunner().invoke(models, ["--json"]).output
    assert '"model":"volume","state":"→ openai/gpt-4o-mini, ' in shown


async def test_a_misspelt_one_is_recognised() -> None:
    async with client() as seawall:
        with pytest.raises(ConfigError, match="Did you mean 'frontier'"):
            await seawall.chat("?", model="fronteer")


async def test_a_vendor_may_be_like_another() -> None:
    own = {"second": {"like": "mistral", "key": "two"}}
    async with client(vendors=own) as seawall:
        router = seawall.assembly.router
        route, usual = router.route("second/mistral-small-2603"), built_in("mistral")
        assert usual is not None
        assert (route.base_url, route.quirks) == (usual.base_url, usual.quirks)
        assert route.price is not None
        assert (await seawall.chat("?", model="second/mistral-small-2603")).text == "Yes"
    with pytest.raises(ConfigError, match=r"vendors.second.like: there is no built-in vendor 'mis"):
        async with client(vendors={"second": {"like": "mistrall"}}) as wrong:
            await wrong.chat("?", model="second/x")


async def test_a_model_may_begin_the_route_of_its_own_name() -> None:
    own = {
        "wall/a": {"route": ["wall/a", "wall/b"]},
        "wall/b": {"route": ["wall/b", "wall/a"]},
        "both": {"route": ["wall/b"]},
    }
    async with client(vendors={"wall": {"base_url": "http://wall.test/v1"}}, models=own) as seawall:
        router = seawall.assembly.router
        assert router.names("wall/a") == ("wall/a", "wall/b")
        assert router.names("both") == ("wall/b", "wall/a")
