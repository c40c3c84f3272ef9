"""Which source wins, and what no source may do."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seawall import AsyncSeawall, ConfigError, Retry, Timeouts
from seawall.config import gather
from seawall.ports import Outbound, reveal
from seawall.transports.memory import Memory

BODY = msgspec.json.encode(
    {"choices": [{"index": 0, "message": {"content": "fine"}, "finish_reason": "stop"}]}
)


class World:
    """A directory with a file, a ``.env`` and an environment, and a provider in memory."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.monkeypatch = monkeypatch
        self.memory = Memory(lambda outbound: (200, {"content-type": "application/json"}, BODY))
        monkeypatch.chdir(directory)

    def write(self, toml: str = "", env: str = "") -> None:
        (self.directory / "seawall.toml").write_text(toml)
        (self.directory / ".env").write_text(env)

    def client(self, **code: Any) -> AsyncSeawall:
        code.setdefault("env_file", ".env")
        return AsyncSeawall(transports={"http": self.memory}, ledger=False, **code)

    async def ask(self, client: AsyncSeawall, **options: Any) -> Outbound:
        await client.chat("?", **options)
        return self.memory.requests[-1]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def _header(name: str) -> Callable[[Outbound], str]:
    return lambda outbound: {n: reveal(v) for n, v in outbound.headers}.get(name, "")


def _model(outbound: Outbound) -> str:
    return msgspec.json.decode(outbound.body)["model"]


def _url(outbound: Outbound) -> str:
    return outbound.url


class Setting(msgspec.Struct):
    """One setting by every road, its value ``{}``, and how it shows in what is sent."""

    toml: str
    variable: str
    code: Callable[[Any], dict[str, Any]]
    call: Callable[[Any], dict[str, Any]] | None
    shown: Callable[[Outbound], str]
    values: tuple[Any, ...] = (2, 3, 4, 5, 6)
    as_shown: str = "{}"


SETTINGS = {
    "model": Setting(
        'model = "{}"',
        "SEAWALL_MODEL",
        lambda value: {"model": value},
        lambda value: {"model": value},
        _model,
        values=("wall/file", "wall/dotenv", "wall/env", "wall/code", "wall/call"),
    ),
    "retry": Setting(
        "[defaults.retry]\nattempts = {}",
        "SEAWALL_DEFAULTS__RETRY__ATTEMPTS",
        lambda value: {"defaults": {"retry": {"attempts": value}}},
        lambda value: {"retry": {"attempts": value}},
        _header("x-seawall-attempts-left"),
    ),
    "retry of an alias": Setting(
        '[models."wall/m"]\nretry = {{ attempts = {} }}',
        "",
        lambda value: {"models": {"wall/m": {"retry": Retry(attempts=value)}}},
        lambda value: {"retry": Retry(attempts=value)},
        _header("x-seawall-attempts-left"),
    ),
    "deadline": Setting(
        "[defaults]\ndeadline = {{ total = {} }}",
        "SEAWALL_DEFAULTS__DEADLINE__TOTAL",
        lambda value: {"defaults": {"deadline": {"total": value}}},
        lambda value: {"deadline": value},
        lambda outbound: str(-(-int(_header("x-seawall-deadline-ms")(outbound)) // 1000)),
        values=(20, 30, 40, 50, 60),
    ),
    "base_url": Setting(
        '[vendors.wall]\nbase_url = "{}"',
        "SEAWALL_VENDORS__WALL__BASE_URL",
        lambda value: {"vendors": {"wall": {"base_url": value}}},
        None,
        _url,
        values=tuple(f"http://{name}.test/v1" for name in ("file", "dotenv", "env", "code")),
        as_shown="{}/chat/completions",
    ),
    "key": Setting(
        '[vendors.wall]\nkey = "${{{}}}"',
        "SEAWALL_VENDORS__WALL__KEY",
        lambda value: {"vendors": {"wall": {"key": value}}},
        None,
        _header("authorization"),
        values=("FILE_KEY", "dotenv-key", "12345", "true"),
        as_shown="Bearer {}",
    ),
}


LEVELS = ("file", "dotenv", "environment", "code", "call")
ROADS = [
    pytest.param(name, level, id=f"{name} in {LEVELS[level]}")
    for name, setting in SETTINGS.items()
    for level in range(len(setting.values))
    if setting.variable or LEVELS[level] not in ("dotenv", "environment")
]


@pytest.mark.parametrize(("name", "level"), ROADS)
async def test_the_stronger_source_wins(world: World, name: str, level: int) -> None:
    setting = SETTINGS[name]
    toml = 'model = "wall/m"\n' if name != "model" else ""
    toml += setting.toml.format(setting.values[0])
    if name not in ("base_url", "key"):
        toml += "\n[vendors.wall]"
    if name != "base_url":
        toml += '\nbase_url = "http://file.test/v1"'
    env, code, call = "FILE_KEY=FILE_KEY\n", {}, {}
    if level >= 1 and setting.variable:
        env += f"{setting.variable}={setting.values[1]}\n"
    if level >= 2 and setting.variable:
        world.monkeypatch.setenv(setting.variable, str(setting.values[2]))
    if level >= 3:
        code = setting.code(setting.values[3])
    if level >= 4:
        assert setting.call is not None
        call = setting.call(setting.values[4])
    world.write(toml, env)
    outbound = await world.ask(world.client(**code), **call)
    wanted = setting.as_shown.format(setting.values[level]).removeprefix("wall/")
    assert setting.shown(outbound) == wanted


async def test_a_client_made_of_another_stands_between_code_and_call(world: World) -> None:
    world.write('model = "wall/m"\n[vendors.wall]\nbase_url = "http://x"\n')
    shown = SETTINGS["retry"].shown
    client = world.client(defaults={"retry": {"attempts": 4}}).with_options(retry={"attempts": 5})
    assert shown(await world.ask(client)) == "5"
    assert shown(await world.ask(client.with_options(retry={"attempts": 6}))) == "6"
    assert shown(await world.ask(client, retry={"attempts": 7})) == "7"


async def test_the_environment_file_is_read_only_when_asked(world: World) -> None:
    world.write(
        '[vendors.wall]\nbase_url = "http://x"', "SEAWALL_MODEL=wall/m\nOPENAI_API_KEY=sk-x\n"
    )
    client = world.client(env_file=None)
    assert client.assembly.settings.model.startswith("local/")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        await client.chat("?", model="openai/gpt-4o")
    assert _model(await world.ask(world.client())) == "m"
    outbound = await world.ask(world.client(), model="openai/gpt-4o")
    assert _header("authorization")(outbound) == "Bearer sk-x"


async def test_the_environment_goes_before_the_environment_file_for_keys_too(world: World) -> None:
    world.write("", "OPENAI_API_KEY=from-file\nOPENAI_BASE_URL=http://file.test/v1\n")
    world.monkeypatch.setenv("OPENAI_API_KEY", "from-env")
    outbound = await world.ask(world.client(), model="openai/gpt-4o")
    assert _header("authorization")(outbound) == "Bearer from-env"
    assert outbound.url == "http://file.test/v1/chat/completions"


async def test_nothing_is_written_to_the_environment(world: World) -> None:
    world.write(
        '[vendors.wall]\nbase_url = "http://x"\nkey = "${A}"', "A=1\nSEAWALL_MODEL=wall/m\n"
    )
    before = dict(os.environ)
    await world.ask(world.client())
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("'single quotes'", "single quotes"),
        ('"double quotes"', "double quotes"),
        ("with # no comment", "with"),
        ('"$NOT_EXPANDED ${NOR_THIS}"', "$NOT_EXPANDED ${NOR_THIS}"),
    ],
)
def test_the_environment_file_is_read_as_python_dotenv_does(
    world: World, text: str, value: str
) -> None:
    world.write("", f"export X={text}\n")
    assert gather(env_file=".env", environ={}).variables["X"] == value


def test_which_file(world: World, tmp_path: Path) -> None:
    for name in ("seawall.toml", "named.toml", "given.toml"):
        (tmp_path / name).write_text(f'model = "wall/{name}"')
    (tmp_path / ".env").write_text("SEAWALL_CONFIG=named.toml")

    def model(client: AsyncSeawall) -> str:
        return client.assembly.settings.model

    assert model(world.client(env_file=None)) == "wall/seawall.toml"
    assert model(world.client()) == "wall/named.toml"
    world.monkeypatch.setenv("SEAWALL_CONFIG", "given.toml")
    assert model(world.client()) == "wall/given.toml"
    assert model(world.client(config="seawall.toml")) == "wall/seawall.toml"
    world.monkeypatch.setenv("HOME", str(tmp_path))
    assert model(world.client(config="~/named.toml")) == "wall/named.toml"
    assert model(world.client(config=tmp_path / "given.toml")) == "wall/given.toml"


def test_without_a_file_the_defaults_hold(world: World) -> None:
    settings = world.client(env_file=None).assembly.settings
    assert settings.model == "local/qwen2.5-coder-1.5b"
    assert settings.defaults.retry == Retry()
    assert settings.defaults.deadline == Timeouts()


def test_a_variable_finds_the_name_it_cannot_spell(world: World) -> None:
    world.write('[vendors.Wall-Two]\nbase_url = "http://file"\n[models.big-one]\nreasks = 1')
    world.monkeypatch.setenv("SEAWALL_VENDORS__WALL_TWO__BASE_URL", "http://env")
    world.monkeypatch.setenv("SEAWALL_MODELS__IN_CODE__REASKS", "3")
    settings = world.client(
        env_file=None, models={"In-Code": {"route": ["wall/m"]}, "big_one": {"reasks": 5}}
    ).assembly.settings
    assert settings.vendors.keys() == {"Wall-Two"}
    assert settings.vendors["Wall-Two"].base_url == "http://env"
    assert {name: entry.reasks for name, entry in settings.models.items()} == {
        "big-one": 1,
        "big_one": 5,
        "In-Code": 3,
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5), ("0", 0), ("plain words", "plain words"), ('"5"', "5"), ("it's", "it's")],
)
def test_a_variable_is_a_toml_value_where_it_is_one(world: World, text: str, value: Any) -> None:
    field = "reasks" if isinstance(value, int) else "fallback_reply"
    world.monkeypatch.setenv(f"SEAWALL_DEFAULTS__{field.upper()}", text)
    assert getattr(world.client(env_file=None).assembly.settings.defaults, field) == value


def test_a_variable_may_hold_a_table_or_switch_a_policy_off(world: World) -> None:
    world.monkeypatch.setenv("SEAWALL_DEFAULTS__RETRY", "{ attempts = 7 }")
    world.monkeypatch.setenv("SEAWALL_DEFAULTS__BREAKER", "false")
    world.monkeypatch.setenv("SEAWALL_MODELS__SMART__ROUTE", '["wall/a", "wall/b"]')
    settings = world.client(env_file=None).assembly.settings
    assert settings.defaults.retry == Retry(attempts=7)
    assert settings.defaults.breaker is False
    assert settings.models["smart"].route == ("wall/a", "wall/b")


def test_a_part_of_a_policy_leaves_the_rest_as_it_was(world: World) -> None:
    world.write(
        "[defaults]\nretry = { attempts = 5, base = 2.0 }\ndeadline = { idle = 5 }\n"
        "[models.smart]\nroute = ['wall/m']\nretry = { cap = 3.0 }\ndeadline = { total = 7 }\n"
        "[vendors.openai.quirks]\nstream_usage = false\n"
    )
    client = world.client(models={"smart": {"deadline": {"connect": 1}}})
    policies = client.assembly.settings.models["smart"]
    assert policies.retry == Retry(attempts=5, base=2.0, cap=3.0)
    assert policies.deadline == Timeouts(idle=5, total=7, connect=1)
    assert policies.breaker is None
    quirks = client.assembly.router.vendor("openai").quirks
    assert (quirks.stream_usage, quirks.max_tokens_field) == (False, "max_completion_tokens")


async def test_secrets_of_headers_are_taken_from_variables(world: World) -> None:
    world.write(
        'model = "wall/m"\n[vendors.wall]\nbase_url = "http://x"\n'
        'headers = { x-api-key = "${A}", authorization = "Bearer ${A}", x-team = "harbour" }',
        "A= secret-of-a \n",
    )
    sent: Mapping[str, Any] = dict((await world.ask(world.client())).headers)
    assert repr(sent["x-api-key"]) == repr(sent["authorization"]) == "***"
    assert reveal(sent["x-api-key"]) == "secret-of-a"
    assert reveal(sent["authorization"]) == "Bearer secret-of-a"
    assert sent["x-team"] == "harbour"


async def test_a_key_goes_only_where_its_vendor_is(world: World) -> None:
    """Another address for a built-in vendor does not get the vendor's key by itself."""
    world.monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    world.write('[vendors.openai]\nbase_url = "http://elsewhere.test/v1"')
    outbound = await world.ask(world.client(), model="openai/gpt-4o")
    assert _header("authorization")(outbound) == ""
    world.write(
        '[vendors.openai]\nbase_url = "http://elsewhere.test/v1"\nkey = "${OPENAI_API_KEY}"'
    )
    outbound = await world.ask(world.client(), model="openai/gpt-4o")
    assert _header("authorization")(outbound) == "Bearer sk-of-openai"


async def test_inf_switches_a_deadline_off(world: World) -> None:
    world.write(
        'model = "wall/m"\n[vendors.wall]\nbase_url = "http://x"\n'
        "[defaults.deadline]\ntotal = inf\nidle = inf\nfirst_byte = inf"
    )
    for options in ({}, {"deadline": float("inf")}, {"deadline": False}):
        outbound = await world.ask(world.client(), **options)
        assert _header("x-seawall-deadline-ms")(outbound) == ""


def test_a_variable_finds_a_built_in_vendor_it_cannot_spell(world: World) -> None:
    world.monkeypatch.setenv("SEAWALL_VENDORS__VERTEX_EXPRESS__BASE_URL", "http://env")
    vendors = world.client(env_file=None).assembly.settings.vendors
    assert {name: vendor.base_url for name, vendor in vendors.items()} == {
        "vertex-express": "http://env"
    }
