"""What is wrong is told with its source, its key and what to do, and before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seawall import AsyncSeawall, BadRequestError, ConfigError, Seawall

FILE = "seawall.toml: "


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _refused(toml: str = "", **code: Any) -> str:
    if toml:
        Path("seawall.toml").write_text(toml)
    with pytest.raises(ConfigError) as raised:
        AsyncSeawall(ledger=False, **code)
    return str(raised.value)


MISSPELT = [
    ('modle = "x/y"', "", "modle", "model"),
    ("[default]\nreasks = 1", "", "default", "defaults"),
    ("[vendor.wall]", "", "vendor", "vendors"),
    ('[vendors.wall]\nbase_uri = "http://x"', "vendors.wall: ", "base_uri", "base_url"),
    ("[vendors.wall.quirks]\nmax_token_field = 'x'", *["vendors.wall.quirks: ", "max_token_field"]),
    ("[models.smart]\nroutes = ['a/b']", "models.smart: ", "routes", "route"),
    ("[models.'a/b']\nprize = {input = '1'}", "models.a/b: ", "prize", "price"),
    (
        "[models.'a/b'.price]\ninput = '1'\noutput = '1'\ncache = '1'",
        *["models.a/b.price: ", "cache", "cached"],
    ),
    ("[defaults.retry]\natempts = 1", "defaults.retry: ", "atempts", "attempts"),
    ("[models.smart]\nretry = {atempts = 1}", "models.smart.retry: ", "atempts", "attempts"),
    ("[defaults.breaker]\ncool_down = 1", "defaults.breaker: ", "cool_down", "cooldown"),
    (
        "[models.smart.deadline]\nfirst_tokn = 1",
        *["models.smart.deadline: ", "first_tokn", "first_token"],
    ),
    ("[ledger]\ncontents = 'none'", "ledger: ", "contents", "content"),
    ("[local]\nthread = 1", "local: ", "thread", "threads"),
]


@pytest.mark.parametrize("case", MISSPELT, ids=lambda case: case[2])
def test_a_misspelt_key_is_named_with_what_was_meant(case: tuple[str, ...]) -> None:
    toml, key, name, *meant = case
    wanted = f"{FILE}{key}there is no setting {name!r}. Did you mean {(meant or ('',))[0]!r}?"
    assert _refused(toml) == wanted if meant else name in _refused(toml)


def test_a_name_like_no_other_is_told_what_there_is() -> None:
    told = _refused("[defaults]\nxyzzy = 1")
    assert told.startswith(f"{FILE}defaults: there is no setting 'xyzzy'. Known: breaker, deadline")


def test_the_source_that_is_wrong_is_blamed_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAWALL_MODELS__SMART__REASKS", "1")
    code = {"smart": {"reasks": 2}, "other": {"reasks": 3}}
    assert _refused("[models.smart]\nrout = []", models=code).startswith(f"{FILE}models.smart: ")
    Path("seawall.toml").write_text("[models.smart]\nreasks = 3")
    monkeypatch.setenv("SEAWALL_MODELS__SMART__ROUT", "[]")
    assert _refused(models=code).startswith("the environment: models.smart: ")
    monkeypatch.delenv("SEAWALL_MODELS__SMART__ROUT")
    assert _refused(models={"smart": {"rout": []}}).startswith("code: models.smart: ")


WRONG = {
    "[defaults]\nreasks = 'two'": "defaults.reasks: Expected `int`, got `str`",
    "[defaults]\nreasks = -1": "defaults.reasks: Expected `int` >= 0",
    "[defaults]\nretry = 3": "defaults.retry: Expected `",
    "[defaults.retry]\nattempts = 0": "defaults.retry.attempts: Expected `int` >= 1",
    "[defaults.retry]\nattempts = 1.5": "defaults.retry.attempts: Expected `int`, got `float`",
    "[defaults.retry]\nbudget = 101": "defaults.retry.budget: Expected `int` <= 100",
    "[defaults.retry]\nbase = -0.5": "defaults.retry.base: Expected `float` >= 0",
    "[defaults.breaker]\nprobes = 0": "defaults.breaker.probes: Expected `int` >= 1",
    "[defaults.breaker]\nratio = 1.5": "defaults.breaker.ratio: Expected `float` <= 1",
    "[defaults.breaker]\ncooldown = 0": "defaults.breaker.cooldown: Expected `float` > 0",
    "[defaults.deadline]\ntotal = 0": "the deadline total is 0 s; it must be longer than 0 s",
    "[models.a.deadline]\nidle = -3": "models.a: the deadline idle is -3 s",
    "[models.a.deadline]\nidle = nan": "the deadline idle is nan s",
    "[models.a]\nroute = 'x/y'": "models.a.route: Expected `array`, got `str`",
    "[models.a]\nroute = ['x/y', 5]": "models.a.route: Expected `str`, got `int`",
    "[models.a.price]\ninput = '1'": "models.a.price: Object missing required field `output`",
    "[models.a.price]\ninput = 1.5\noutput = '2'": "got `float`. Put it in quotes.",
    "[defaults]\ndeadline = 30": "Write a table of connect, first_byte, first_token",
    "[local]\nslots = 0": "local.slots: Expected `int` >= 1",
    "[local]\nstart = 0": "local.start: Expected `float` > 0",
    "[vendors.wall]\nbase_url = 5": "vendors.wall.base_url: Expected `str | null`, got `int`",
    "[vendors.wall]\nkey = 5": "vendors.wall.key: expected Secret, got int",
    "[vendors.wall]\nheaders = { a = 1 }": "vendors.wall: the header a is 1; write text",
    "[ledger]\ncontent = 'most'": "ledger.content: Invalid enum value 'most'",
    "[ledger]\nkeep_days = 0": "ledger.keep_days: Expected `float` > 0",
    "vendors = 5": "vendors: Expected `object`, got `int`",
}


@pytest.mark.parametrize("toml", WRONG)
def test_a_wrong_value_is_named_where_it_stands(toml: str) -> None:
    # Others of its kind that are right must not be blamed for it.
    right = "[models.right]\nreasks = 1\n[models.right.retry]\nattempts = 1\n"
    right += "[vendors.right]\nbase_url = 'http://x'\n"
    told = _refused(toml if toml.startswith("vendors =") else f"{toml}\n{right}")
    assert told.startswith(FILE)
    assert WRONG[toml] in told


def test_toml_that_is_none_is_told_with_its_line() -> None:
    assert "seawall.toml: is not valid TOML" in _refused("a = 1\nb = [1,\n")
    assert "line 2" in _refused("a = 1\nb = = 3\n")


def test_a_file_that_cannot_be_read_is_named(directory: Path) -> None:
    assert (
        _refused(config="absent.toml") == "absent.toml: cannot be read: No such file or directory"
    )
    assert "cannot be read" in _refused(config=directory)
    (directory / "latin.toml").write_bytes(b'model = "caf\xe9/x"')
    assert _refused(config="latin.toml").startswith("latin.toml: is not valid TOML")
    assert (
        _refused(env_file="absent.env") == "absent.env: cannot be read: No such file or directory"
    )
    assert "cannot be read" in _refused(env_file=directory)
    (directory / "latin.env").write_bytes(b"A=caf\xe9")
    assert _refused(env_file="latin.env").startswith("latin.env: is not UTF-8")


LITERALS = [
    ("key = 'abc'", "vendors.wall.key"),
    ("key = 'Bearer abc'", "vendors.wall.key"),
    ("key = 'prefix-${WALL_KEY}'", "vendors.wall.key"),
    *(
        (f"headers = {{ {name} = 'abc' }}", f"vendors.wall.headers.{name}")
        for name in (
            "Authorization",
            "authorization",
            "x-api-key",
            "X-Goog-Api-Key",
            "apikey",
            "api_key",
            "x-auth-token",
            "x-auth",
            "Cookie",
            "x-secret",
            "Ocp-Apim-Subscription-Key",
        )
    ),
    ("headers = { x-wall = 'sk-proj-0123456789abcdefghij' }", "vendors.wall.headers.x-wall"),
    ("base_url = 'http://x/sk-proj-0123456789abcdefghij'", "vendors.wall.base_url"),
]


@pytest.mark.parametrize(("line", "key"), LITERALS)
def test_a_literal_key_in_a_file_is_refused_and_not_repeated(line: str, key: str) -> None:
    told = _refused(f"[vendors.wall]\n{line}")
    assert told == (
        f"{FILE}{key}: a literal secret stands in the file. "
        "Put it into an environment variable and write ${ITS_NAME} here."
    )


def test_a_header_that_is_no_secret_may_be_literal() -> None:
    Path("seawall.toml").write_text(
        "[vendors.wall]\nheaders = { x-team = 'key', x-author = 'me', x-tokens = '5' }"
    )
    AsyncSeawall(ledger=False)


def test_a_variable_that_is_not_set_is_named() -> None:
    wanted = (
        "vendors.wall.base_url: WALL_URL is not set. Set WALL_URL in the environment or in .env"
    )
    assert _refused("[vendors.wall]\nbase_url = '${WALL_URL}/v1'").startswith(f"{FILE}{wanted}")
    wanted = "models.smart.route: WALL_MODEL is not set"
    assert _refused("[models.smart]\nroute = ['wall/${WALL_MODEL}']").startswith(f"{FILE}{wanted}")


async def test_a_key_that_is_not_set_matters_when_it_is_used() -> None:
    Path("seawall.toml").write_text(
        "[vendors.wall]\nbase_url = 'http://x'\nkey = '${WALL_KEY}'\n"
        "[vendors.pier]\nbase_url = 'http://x'\nheaders = { x-api-key = '${PIER_KEY}' }\n"
    )
    client = AsyncSeawall(ledger=False)
    with pytest.raises(ConfigError, match=r"seawall\.toml: vendors\.wall\.key.*Set WALL_KEY"):
        await client.chat("?", model="wall/m")
    with pytest.raises(ConfigError, match=r"vendors\.pier\.headers\.x-api-key.*Set PIER_KEY"):
        await client.chat("?", model="pier/m")
    with pytest.raises(ConfigError, match=r"Set OPENAI_API_KEY in the environment"):
        await client.chat("?", model="openai/m")


@pytest.mark.parametrize(
    "routes",
    [
        {"a": ["a"]},
        {"a": ["b"], "b": ["a"]},
        {"a": ["x/y", "b"], "b": ["c"], "c": ["x/y", "a"]},
    ],
)
async def test_an_alias_that_leads_to_itself_is_named(routes: dict[str, list[str]]) -> None:
    tables = [f"[models.{name}]\nroute = {route}" for name, route in routes.items()]
    Path("seawall.toml").write_text("\n".join(tables))
    client = AsyncSeawall(ledger=False)
    with pytest.raises(ConfigError, match=r"^seawall\.toml: models\.a\.route: .*: a -> ") as raised:
        await client.chat("?", model="a")
    assert str(raised.value).endswith("-> a")


URLS = {
    "": "base_url is ''",
    "x.test/v1": "base_url is 'x.test/v1'",
    "ftp://x.test": "base_url is 'ftp://x.test'",
    "http://": "base_url is 'http://'",
    "http:///v1": "base_url is 'http:///v1'",
    "http://[::1": "base_url is no address",
    "http://x.test:99999": "base_url is no address",
    "http://x.test:abc": "base_url is no address",
    "http://me:hunter2@x.test": "holds a user name, a query or a fragment",
    "https://x.test/v1?api-version=1&key=hunter2": "holds a user name, a query or a fragment",
    "https://x.test/v1#hunter2": "holds a user name, a query or a fragment",
}


@pytest.mark.parametrize("url", URLS)
async def test_an_address_that_is_none_is_refused_without_showing_a_key(url: str) -> None:
    Path("seawall.toml").write_text(f"[vendors.wall]\nbase_url = '{url}'")
    with pytest.raises(ConfigError) as raised:
        await AsyncSeawall(ledger=False).chat("?", model="wall/m")
    told = str(raised.value)
    assert told.startswith(f"{FILE}vendors.wall.base_url: ")
    assert URLS[url] in told
    assert "Give an address such as" in told
    assert "hunter2" not in told


async def test_a_name_that_leads_nowhere_is_told_with_what_was_meant() -> None:
    Path("seawall.toml").write_text("[models.smart]\nroute = ['openai/gpt-4o']")
    client = AsyncSeawall(ledger=False)
    for model, told in {
        "smrt": "'smrt' is neither an alias nor vendor/model. Did you mean 'smart'?",
        "gpt-4o": "Write for example 'openai/gpt-4o'",
        "opnai/gpt-4o": "there is no vendor 'opnai'. Did you mean 'openai'?",
        "/m": "'/m' is neither an alias nor vendor/model",
        "openai/": "'openai/' is neither an alias nor vendor/model",
    }.items():
        with pytest.raises(ConfigError) as raised:
            await client.chat("?", model=model)
        assert told in str(raised.value)


@pytest.mark.parametrize("field", ["dialect", "transport"])
async def test_a_plugin_that_is_not_there_is_named(field: str) -> None:
    row = {"base_url": "http://x", field: "carrier_pigeon"}
    client = AsyncSeawall(ledger=False, vendors={"wall": row})
    with pytest.raises(ConfigError, match=f"there is no {field} 'carrier_pigeon'.*Built in: "):
        await client.chat("?", model="wall/m")


async def test_a_price_that_is_no_amount_is_named() -> None:
    for amount in ("1,5", "$1", "-1", "1e-3", "", "0.1234567"):
        Path("seawall.toml").write_text(
            f"[models.'wall/m'.price]\ninput = '1'\noutput = '{amount}'\n"
            "[vendors.wall]\nbase_url = 'http://x'"
        )
        with pytest.raises(ConfigError, match=r"^seawall\.toml: models\.wall/m\.price: .*no price"):
            await AsyncSeawall(ledger=False).chat("?", model="wall/m")


@pytest.mark.parametrize("turned", [False, True])
def test_variables_that_contradict_each_other_are_named(
    turned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [("SEAWALL_DEFAULTS__RETRY", "false"), ("SEAWALL_DEFAULTS__RETRY__ATTEMPTS", "3")]
    for name, value in reversed(pairs) if turned else pairs:
        monkeypatch.setenv(name, value)
    told = _refused()
    assert told.startswith("the environment: SEAWALL_DEFAULTS__RETRY")
    assert "Unset one of them" in told


OPTIONS = [
    ({"deadline": 0}, "the deadline total is 0 s"),
    ({"deadline": -1.5}, "the deadline total is -1.5 s"),
    ({"deadline": float("nan")}, "the deadline total is nan s"),
    ({"deadline": {"total": 5, "idel": 3}}, "deadline has no 'idel'"),
    ({"deadline": "soon"}, "deadline is 'soon'"),
    ({"deadline": True}, "deadline is True"),
    ({"retry": 3}, "retry is 3; give a Retry, a dict of its fields, or False"),
    ({"retry": {"attempt": 3}}, "retry has no 'attempt'. Known: attempts"),
    ({"retry": {"attempts": 0}}, "retry: Expected `int` >= 1"),
    ({"breaker": {"ratio": "half"}}, "breaker: Expected `float`, got `str`"),
    ({"reasks": -1}, "reasks is -1"),
    ({"reasks": 1.5}, "reasks is 1.5"),
    ({"reasks": True}, "reasks is True"),
    ({"feature": 5}, "feature is 5"),
    ({"prompt": b"x"}, "prompt is b'x'"),
]


@pytest.mark.parametrize(("options", "told"), OPTIONS, ids=str)
async def test_a_wrong_option_of_a_call_is_named(options: dict[str, Any], told: str) -> None:
    client = AsyncSeawall(ledger=False, vendors={"wall": {"base_url": "http://x"}}, model="wall/m")
    with pytest.raises(ConfigError) as raised:
        await client.chat("?", **options)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"temprature": 1}, "there is no option 'temprature'; did you mean 'temperature'?"),
        ({"timeout": 1}, "there is no option 'timeout'"),
        ({"xyzzy": 1}, "extra={'openai_chat': {'xyzzy': ...}}"),
    ],
)
async def test_an_unknown_option_is_named_by_every_road(options: Any, told: str) -> None:
    client = AsyncSeawall(ledger=False, vendors={"wall": {"base_url": "http://x"}}, model="wall/m")
    with pytest.raises(TypeError) as raised:
        await client.chat("?", **options)
    assert told in str(raised.value)
    with pytest.raises(TypeError):
        client.stream("?", **options)
    with pytest.raises(TypeError):
        client.with_options(**options)


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([], "there are no messages"),
        ([5], r"messages\[0\] is a int"),
        ([{"role": "wizard", "content": "x"}], "wizard"),
        ([{"content": "x"}], "role"),
    ],
)
async def test_messages_that_are_none_are_told(messages: Any, told: str) -> None:
    client = AsyncSeawall(ledger=False, vendors={"wall": {"base_url": "http://x"}}, model="wall/m")
    with pytest.raises(BadRequestError, match=told):
        await client.chat(messages)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"temperature": "hot"}, "temperature is 'hot', a str"),
        ({"max_tokens": 1.5}, "max_tokens is 1.5"),
        ({"n": True}, "n is True"),
        ({"response_format": "json"}, "response_format 'json' is not understood"),
        ({"tool_choice": "any"}, "any"),
        ({"tools": ["x"]}, "a tool is a str"),
        ({"stop": 5}, "stop is 5, a int"),
        ({"stop": ["x", 5]}, "stop is"),
        ({"tools": 5}, "tools is 5, a int"),
        ({"tools": {"type": "function"}}, "tools is"),
        ({"system": 5}, "system is 5, a int"),
        ({"extra": {"openai_chat": 5}}, "extra holds fields by dialect"),
    ],
)
async def test_parameters_that_are_none_are_told(options: Any, told: str) -> None:
    client = AsyncSeawall(ledger=False, vendors={"wall": {"base_url": "http://x"}}, model="wall/m")
    with pytest.raises(BadRequestError, match=told):
        await client.chat("?", **options)


def test_a_byte_order_mark_is_no_part_of_the_settings() -> None:
    Path("seawall.toml").write_bytes(b"\xef\xbb\xbfmodel = 'openai/x'")
    assert Seawall(ledger=False).assembly.settings.model == "openai/x"


def test_settings_nested_beyond_reason_are_told() -> None:
    assert "nested too deeply" in _refused("a" + ".b" * 5000 + " = 1")


def test_a_price_beyond_reason_is_no_price() -> None:
    Path("seawall.toml").write_text(
        "[models.'openai/x'.price]\ninput = '1000000000'\noutput = '1'\n"
    )
    with pytest.raises(ConfigError, match="'1000000000' is no price"):
        Seawall(ledger=False, vendors={"openai": {"key": "k"}}).chat("?", model="openai/x")


def test_an_alias_without_a_route_says_so() -> None:
    Path("seawall.toml").write_text("[models.smart]\nreasks = 1")
    with pytest.raises(ConfigError) as raised:
        Seawall(ledger=False).chat("?", model="smart")
    assert str(raised.value).startswith(
        "seawall.toml: models.smart.route: the alias has no route. "
    )


@pytest.mark.parametrize("named", [False, True])
def test_a_blank_variable_is_no_key(named: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " \n")
    vendors = {"openai": {"key": "${OPENAI_API_KEY}"}} if named else None
    with pytest.raises(ConfigError, match="the key of openai is not set"):
        Seawall(ledger=False, vendors=vendors).chat("?", model="openai/x")


@pytest.mark.parametrize("line", ['KEY="sk-0123456789', "KEY='it's'", "no value", "=5"])
def test_a_line_of_the_environment_file_that_says_nothing_is_named_and_not_shown(
    line: str,
) -> None:
    Path(".env").write_text(f"# keys\nOTHER=1\n{line}\nLAST=2\n")
    told = _refused(env_file=".env")
    assert told.startswith(".env: line 3 is not NAME=value. ")
    assert "sk-" not in told
