"""A LiteLLM proxy's config.yaml becomes settings that load and lead to the same models."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from doc_provider import provider
from seawall import ConfigError, Seawall
from seawall.cli import seawall
from seawall.cli.imports import check
from seawall.cli.imports.deployments import deployments
from seawall.cli.imports.litellm import translate
from seawall.cli.imports.notices import Notices
from seawall.cli.imports.places import Places
from seawall.cli.imports.providers import PROVIDERS
from seawall.cli.imports.reading import read
from seawall.cli.imports.routing import grouped
from seawall.cli.imports.writing import needed, write
from seawall.client.routes import Router
from seawall.client.settings import Settings, inherit
from seawall.config import Source, Sources, shape
from seawall.vendors import built_in

CONFIG = """
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o-eu
      api_base: https://europe.openai.azure.com/
      api_key: os.environ/AZURE_EU
      api_version: "2024-10-21"
      rpm: 6
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o-ca
      api_base: https://canada.openai.azure.com/openai/deployments/gpt-4o-ca
      api_key: os.environ/AZURE_CA
      weight: 2
  - model_name: openai/gpt-4o-mini
    litellm_params: {model: openai/gpt-4o-mini, api_key: sk-proj-1234567890123456789012, seed: 1}
    model_info: {id: mini, input_cost_per_token: 0.00000015, output_cost_per_token: 6.0e-07}
  - model_name: claude
    litellm_params:
      model: anthropic/claude-haiku-4-5
      api_key: os.environ/ANTHROPIC_API_KEY
      timeout: 30
      stream_timeout: 5
      max_retries: 0
  - model_name: team
    litellm_params:
      model: openai/our-model
      api_base: http://models.internal:8000/v1
      api_key: none
      extra_headers: {x-team: harbour, x-token: hunter2}
  - {model_name: "groq/*", litellm_params: {model: "groq/*", api_key: os.environ/GROQ_API_KEY}}
  - {model_name: "*", litellm_params: {model: "*"}}
  - {model_name: speech, litellm_params: {model: elevenlabs/scribe_v1}}
litellm_settings:
  num_retries: 2
  request_timeout: 700
  drop_params: true
  fallbacks:
    - gpt-4o: [claude]
    - claude: ["openai/gpt-4o-mini"]
    - "openai/gpt-4o-mini": [gpt-4o]
  context_window_fallbacks: [{team: [gpt-4o]}]
  success_callback: [langfuse]
  cache: true
  cache_params: {type: redis, password: hunter2}
  turn_off_message_logging: true
router_settings:
  routing_strategy: least-busy
  model_group_alias: {gpt-4: gpt-4o, hidden: {model: team, hidden: true}}
  allowed_fails: 3
  cooldown_time: 30
general_settings:
  master_key: sk-1234
  database_url: postgresql://user:hunter2@host/db
  completion_model: claude
  maximum_spend_logs_retention_period: 30d
environment_variables: {LANGFUSE_SECRET_KEY: hunter2}
guardrails: []
"""

EU, CA = "azure/gpt-4o-eu", "azure-2/gpt-4o-ca"
MINI, CLAUDE = "openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"


def load(text: str, variables: Mapping[str, str]) -> tuple[Settings, Router]:
    sources = Sources((Source("seawall.toml", tomllib.loads(text)),), variables)
    settings = inherit(shape(sources, Settings), sources.tree())
    return settings, Router(settings, variables)


def imported(config: Any) -> tuple[str, Settings, Router, Notices]:
    notices = Notices()
    translated = translate(config, notices)
    text = write(translated, "config.yaml")
    variables = dict.fromkeys(needed(translated.settings), "https://set.test")
    check(text, translated.settings)
    return text, *load(text, variables), notices


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[[str, str], Path]:
    def write_file(name: str, text: str) -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write_file


@pytest.fixture
def settings(write_file: Callable[[str, str], Path]) -> tuple[str, Settings, Router, Notices]:
    return imported(read(write_file("config.yaml", CONFIG), Notices()))


def test_routes_lead_where_they_led(settings: Any) -> None:
    _, _, router, _ = settings
    # Of two deployments the one of more weight is first; fallbacks of fallbacks are followed.
    assert router.names("gpt-4o") == (CA, EU, CLAUDE, MINI)
    assert router.names("gpt-4") == router.names("gpt-4o")
    assert router.names("claude") == (CLAUDE, MINI, CA, EU)
    assert router.names(MINI) == (MINI, CA, EU, CLAUDE)
    assert router.names("team") == ("models-internal/our-model", CA, EU)
    assert router.names("hidden") == router.names("team")


def test_vendors_are_where_they_were_with_their_keys(settings: Any) -> None:
    _, _, router, _ = settings
    route = router.route(EU)
    assert route.base_url == "https://europe.openai.azure.com/openai/v1"
    assert [name for name, _ in route.headers] == ["api-key"]
    assert router.route(CA).base_url == "https://canada.openai.azure.com/openai/v1"
    team = router.route("models-internal/our-model")
    assert team.base_url == "http://models.internal:8000/v1"
    assert dict(team.headers).keys() == {"x-team", "x-token"}
    assert router.route(MINI).price is not None


def test_policies_and_the_rest_mean_the_same(settings: Any) -> None:
    _, found, _, _ = settings
    assert found.model == "claude"
    assert found.defaults.retry.attempts == 3
    assert found.defaults.deadline.first_byte == found.defaults.deadline.total == 700
    assert (found.defaults.breaker.failures, found.defaults.breaker.cooldown) == (4, 30)
    claude = found.models["claude"]
    assert claude.retry.attempts == 1
    assert (claude.deadline.first_byte, claude.deadline.first_token) == (30, 5)
    assert (found.ledger.content, found.ledger.keep_days) == ("none", 30)
    assert found.models[MINI].price.input == "0.15"


def test_no_secret_is_written_and_every_loss_is_told(settings: Any) -> None:
    text, _, _, notices = settings
    told = "\n".join(map(str, notices))
    for secret in ("hunter2", "1234567890123456789012", "sk-1234"):
        assert secret not in text + told
    assert "OPENAI_API_KEY" in text
    assert "MODELS_INTERNAL_X_TOKEN" in text
    for lost in (
        *("gpt-4o.litellm_params.rpm", "gpt-4o.litellm_params.api_version", "groq/*", ": *"),
        *(
            f"{MINI}.litellm_params.seed",
            f"{MINI}.litellm_params.api_key",
            "speech.litellm_params.m",
        ),
        *("drop_params", "context_window_fallbacks: team", "success_callback"),
        *("cache", "cache_params", "routing_strategy", "master_key", "database_url"),
        *("LANGFUSE_SECRET_KEY", "guardrails", "gpt-4o: its 2 deployments"),
    ):
        assert lost in told
    assert all(f"# - {notice}\n" in text for notice in notices)


@pytest.mark.parametrize("prefix", PROVIDERS)
def test_every_provider_is_asked_or_told(prefix: str) -> None:
    name = PROVIDERS[prefix].models[0] + "model"
    config = {"model_list": [{"model_name": "m", "litellm_params": {"model": f"{prefix}/{name}"}}]}
    _, _, router, notices = imported(config)
    vendor = PROVIDERS[prefix].vendor
    known = built_in(vendor) is not None or PROVIDERS[prefix].base_url
    if known:
        assert router.names("m") == (f"{vendor}/{name}",)
    else:
        assert "model_list: m.litellm_params.model" in "\n".join(map(str, notices))


def test_a_cloud_keeps_its_identity_project_and_region() -> None:
    params = {"model": "vertex_ai/claude-opus-5", "vertex_project": "p", "vertex_location": "eu"}
    config = {"model_list": [{"model_name": "m", "litellm_params": params}]}
    _, found, _, _ = imported(config)
    assert found.vendors["vertex"].variables == {"project": "p", "location": "eu"}
    assert found.vendors["vertex"].transport == "sdk"


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"model": "bedrock/amazon.titan-text"}, "only anthropic."),
        ({"model": "sagemaker/x"}, "SageMaker"),
        ({"model": "gpt-4o", "api_base": "your_api_base"}, "no HTTP address"),
        ({"model": "gpt-4o", "api_base": "https://user:hunter2@host"}, "no HTTP address"),
        ({"model": "unheard/of"}, "not known here"),
        ({"model": ["a"]}, "not text"),
        ("nonsense", "no table"),
        ({"model": "gpt-4o", "timeout": -1}, "between 0 and"),
        ({"model": "gpt-4o", "timeout": "os.environ/T"}, "not a number"),
        ({"model": "gpt-4o", "organization": ["a", "b"]}, "not one name"),
        ({"model": "gpt-4o", "litellm_credential_name": "gone"}, "not in credential_list"),
    ],
)
def test_what_cannot_be_carried_over_is_told(params: Any, told: str) -> None:
    text, _, _, notices = imported({"model_list": [{"model_name": "m", "litellm_params": params}]})
    assert told in "\n".join(map(str, notices))
    assert "hunter2" not in text


def test_a_literal_key_takes_no_variable_that_the_file_uses() -> None:
    keys = ("sk-first", "os.environ/OPENAI_API_KEY", "sk-first", "sk-other")
    entries = [
        {"model_name": f"m{n}", "litellm_params": {"model": "openai/gpt-4o", "api_key": key}}
        for n, key in enumerate(keys)
    ]
    _, _, router, _ = imported({"model_list": entries})
    vendors = [router.names(f"m{n}")[0].partition("/")[0] for n in range(4)]
    keys = [router.vendor(vendor).key_env for vendor in vendors]
    assert vendors == ["openai-2", "openai", "openai-2", "openai-3"]
    assert keys[1] == "OPENAI_API_KEY"


def test_credentials_and_responses_are_followed() -> None:
    config = {
        "credential_list": [
            {"credential_name": "c", "credential_values": {"api_key": "os.environ/MINE"}}
        ],
        "model_list": [
            {
                "model_name": "m",
                "litellm_params": {
                    "model": "openai/responses/gpt-5.5",
                    "litellm_credential_name": "c",
                },
            }
        ],
    }
    text, _, router, _ = imported(config)
    assert 'key = "${MINE}"' in text
    assert router.route(router.names("m")[0]).wire.name == "openai_responses"


# Properties: whatever stands in the file, what is written loads.

NAMES = st.sampled_from(
    [*("a", "b", "openai/x", "groq/y", "openai/y", "openai-2/x", "azure/x"), "${A}", "", "*"]
)
MODELS = st.sampled_from(
    [*("openai/x", "openai/y", "groq/y", "azure/x", "gpt-4o", "x", "mystery/x", "bedrock/z", "*")]
)
BASES = st.sampled_from(
    [None, "http://one.test/v1", "os.environ/BASE", "https://api.openai.com/v1"]
)
KEYS = st.sampled_from(
    [None, "none", "os.environ/KEY", "os.environ/9-?", "literal-one", "literal2"]
)
LISTS = st.lists(st.dictionaries(NAMES, st.lists(NAMES, max_size=3), max_size=2), max_size=3)
JUNK = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
ENTRIES = st.fixed_dictionaries(
    {
        "model_name": NAMES,
        "litellm_params": st.fixed_dictionaries(
            {"model": MODELS, "api_base": BASES, "api_key": KEYS},
            optional={"order": st.integers(0, 2), "timeout": JUNK, "extra_headers": JUNK},
        ),
    },
    optional={"model_info": JUNK},
)
CONFIGS = st.fixed_dictionaries(
    {
        "model_list": st.lists(ENTRIES, max_size=5),
        "litellm_settings": st.fixed_dictionaries(
            {"fallbacks": LISTS},
            optional={"num_retries": JUNK, "request_timeout": JUNK, "unheard_of": st.just(1)},
        ),
    },
    optional={
        "router_settings": st.fixed_dictionaries(
            {}, optional={"model_group_alias": st.dictionaries(NAMES, NAMES), "cooldown_time": JUNK}
        ),
        "general_settings": JUNK,
    },
)


@given(CONFIGS)
def test_what_is_written_always_loads_and_holds_no_literal_key(config: Any) -> None:
    text, _, _, notices = imported(config)
    assert "literal" not in text + "".join(map(str, notices))
    if "unheard_of" in config["litellm_settings"]:
        assert "litellm_settings.unheard_of" in text


@given(CONFIGS)
def test_an_alias_asks_its_deployments_and_then_those_of_its_fallbacks(config: Any) -> None:
    _, _, router, _ = imported({"model_list": config["model_list"]})
    _, _, whole, _ = imported({**config, "router_settings": None})
    alone = _aliases(config, router)
    listed = config["litellm_settings"]["fallbacks"]
    fallbacks = {name: steps for one in listed for name, steps in one.items()}
    for name in alone:
        expected: list[str] = []
        _follow(name, fallbacks, alone, expected, set())
        assert _places(whole, whole.names(name)) == _places(router, expected)


def _aliases(config: Any, router: Router) -> dict[str, tuple[str, ...]]:
    notices = Notices()
    carried = deployments(config["model_list"], {}, Places(()), notices)
    return {name: router.names(name) for name in grouped(carried, notices)}


def _follow(name: str, after: Any, alone: Any, found: list[str], seen: set[str]) -> None:
    if name in alone and name not in seen:
        seen.add(name)
        found += alone[name]
        for step in after.get(name, after.get("*", ())):
            _follow(step, after, alone, found, seen)


def _places(router: Router, names: Any) -> list[Any]:
    """Where each name leads, as the same vendor may have another name in another file."""
    places = [
        (router.base_url(vendor), router.vendor(vendor).key_env, model)
        for vendor, _, model in (name.partition("/") for name in names)
    ]
    return list(dict.fromkeys(places))


# The command.


def run(*arguments: str) -> Result:
    return CliRunner().invoke(seawall, ["import", "litellm", *arguments])


def test_the_command_writes_settings_that_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.chdir(tmp_path)
    with provider() as url:
        Path("config.yaml").write_text(f"""
include: [more.yaml]
model_list:
  - model_name: chat
    litellm_params:
      {{model: openai/one, api_base: "http://127.0.0.1:{unused_tcp_port}/v1", api_key: sk-1}}
litellm_settings: {{num_retries: 0, fallbacks: [{{chat: [spare]}}]}}
""")
        Path("more.yaml").write_text(f"""
model_list:
  - {{model_name: spare, litellm_params: {{model: hosted_vllm/two, api_base: "{url}"}}}}
""")
        result = run("config.yaml")
        assert result.exit_code == 0
        assert "seawall.toml: 2 aliases, 2 vendors" in result.stderr
        monkeypatch.setenv("SERVER_API_KEY", "set")
        with Seawall("seawall.toml", ledger={"enabled": False}) as client:
            reply = client.chat("Name a harbour.", model="chat")
    assert (reply.text, reply.model) == ("Trieste", "vllm/two")
    assert [attempt.outcome for attempt in reply.decision.attempts] == ["connection", "finished"]


def test_a_file_that_is_there_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(CONFIG)
    Path("seawall.toml").write_text("# mine\n")
    refused = run("config.yaml")
    assert isinstance(refused.exception, ConfigError)
    assert "--force" in str(refused.exception)
    assert Path("seawall.toml").read_text() == "# mine\n"
    shown = run("config.yaml", "-o", "-")
    assert "[models.gpt-4o]" in tomllib.loads(shown.stdout) or "[models.gpt-4o]" in shown.stdout
    assert run("config.yaml", "--force").exit_code == 0
    assert Path("seawall.toml").read_text() == shown.stdout


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("model_list: [", "line 1"),
        ("- 1", "holds no settings"),
        ("model_list:\n- model_name: *\n", "stands between quotes"),
        (
            "a: &a [1]\nb: &b [*a, *a]\n"
            + "".join(
                f"c{n}: &c{n} [{', '.join([f'*c{n - 1}' if n else '*b'] * 9)}]\n" for n in range(9)
            ),
            "holds too much",
        ),
        ("a: &a [*a]", "holds too much"),
        ("key: sk-123456789012345678901234: x", "not valid YAML"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    write_file: Callable[[str, str], Path], text: str, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        read(write_file("config.yaml", text), Notices())
    assert "config.yaml" in str(caught.value)
    assert "sk-1234" not in str(caught.value)


def test_the_missing_package_is_named_by_its_extra(
    write_file: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    with pytest.raises(ConfigError, match=r"seawall\[import\]"):
        read(write_file("config.yaml", CONFIG), Notices())
