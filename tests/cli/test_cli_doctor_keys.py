from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli_doctor import Repository, made_up

from seawall.cli.doctor import keys
from seawall.cli.doctor.findings import Finding
from seawall.cli.doctor.setup import load

KEY = made_up("sk-proj-", 120)


@pytest.fixture(autouse=True)
def _world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def look(config: str | None = None) -> dict[str, Finding]:
    if config is not None:
        Path("seawall.toml").write_text(config)
    env_file = Path(".env")
    setup, problems = load(None, env_file if env_file.is_file() else None)
    found = [*problems, *keys.check(setup, env_file)]
    assert KEY not in repr(found)
    return {finding.title: finding for finding in found}


WALL = '[vendors.wall]\nbase_url = "http://127.0.0.1:8401/v1"\n'


def test_without_anything_the_default_model_needs_no_key() -> None:
    found = look()
    assert (found["local"].level, found["local"].detail) == ("ok", "needs no key")
    assert (found["openai"].level, found["openai"].detail) == ("info", "OPENAI_API_KEY is not set")
    assert found["default model"].level == "ok"
    assert ".env" not in found


def test_the_variable_is_named_and_where_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    assert look()["openai"] == Finding("ok", "openai", "OPENAI_API_KEY from .env")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert look()["openai"] == Finding("ok", "openai", "OPENAI_API_KEY from the environment")


def test_a_configured_vendor_has_its_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    config = WALL + 'key = "${WALL_KEY}"\n'
    found = look(config)["wall"]
    assert (found.level, found.detail) == ("warn", "WALL_KEY is not set")
    assert "WALL_KEY" in found.remedy
    monkeypatch.setenv("WALL_KEY", KEY)
    assert look(config)["wall"] == Finding("ok", "wall", "WALL_KEY from the environment")
    assert look(WALL)["wall"] == Finding("ok", "wall", "needs no key")


def test_a_key_set_by_a_variable_of_seawall_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAWALL_VENDORS__WALL__KEY", KEY)
    assert look(WALL)["wall"] == Finding("ok", "wall", "key from the environment")


@pytest.mark.parametrize(
    ("value", "level", "says"),
    [
        (f" {KEY}", "warn", "has blanks or a line break around it"),
        (f"{KEY}\n", "warn", "has blanks or a line break around it"),
        (f'"{KEY}"', "fail", "has quotes in it"),
        (f"'{KEY}", "fail", "has quotes in it"),
        (f"Bearer {KEY}", "fail", "holds a blank"),
        (f"{KEY[:20]}\u200b{KEY[20:]}", "fail", "a character that no key has"),
        ("sk-your-key-here", "warn", "looks like a placeholder"),
    ],
)
def test_a_flaw_of_a_key_is_told_without_the_key(
    monkeypatch: pytest.MonkeyPatch, value: str, level: str, says: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", value)
    found = look()["openai"]
    assert found.level == level
    assert says in found.detail
    assert "OPENAI_API_KEY" in found.remedy
    assert value.strip() not in repr(found)


def test_a_literal_key_in_the_file_fails_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    found = look(WALL + f'key = "{KEY}"\n')
    assert found["settings"].level == "fail"
    assert found["settings"].detail.startswith("seawall.toml: vendors.wall.key: ")
    assert "${ITS_NAME}" in found["settings"].remedy
    assert found["openai"].level == "ok"


@pytest.mark.parametrize("config", ["[vendors", "[models.a]\nroute = 3\n"])
def test_settings_that_cannot_be_used_fail(config: str) -> None:
    found = look(config)
    assert found["settings"].level == "fail"
    assert "seawall.toml" in found["settings"].detail
    assert found["local"].level == "ok"


def test_an_unreadable_env_file_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    Path(".env").write_bytes(b"OPENAI_API_KEY=\xff\xfe\n")
    found = look()
    assert found["settings"].level == "fail"
    assert found["openai"].level == "ok"


def test_a_default_model_without_a_route_fails() -> None:
    found = look('model = "openai/gpt-4o-mini"\n')["default model"]
    assert (found.level, found.detail) == ("fail", "openai/gpt-4o-mini cannot be asked: no key")
    assert "OPENAI_API_KEY" in found.remedy


def test_a_default_alias_says_what_it_does_without() -> None:
    route = '["openai/gpt-4o-mini", "local/qwen2.5-coder-1.5b"]'
    found = look(f'model = "smart"\n[models.smart]\nroute = {route}\n')["default model"]
    assert found.level == "ok"
    assert "without openai/gpt-4o-mini" in found.detail


def test_a_default_model_that_leads_nowhere_fails() -> None:
    assert (
        look('model = "smrat"\n[models.smart]\nroute = ["local/x"]\n')["default model"].level
        == "fail"
    )
    assert look('model = "opnai/gpt"\n')["default model"].level == "fail"


@pytest.mark.parametrize(
    ("ignored", "tracked", "level", "says"),
    [
        (False, False, "warn", "is not ignored by git"),
        (True, False, "ok", "ignored by git"),
        (True, True, "fail", "is tracked by git"),
        (False, True, "fail", "is tracked by git"),
    ],
)
def test_env_file_in_a_repository(ignored: bool, tracked: bool, level: str, says: str) -> None:
    repository = Repository(Path.cwd())
    repository.write(".gitignore", ".env\n" if ignored else "")
    repository.write(".env", "A=1\n")
    if tracked:
        repository.git("add", "--force", ".env")
    found = look()[".env"]
    assert found.level == level
    assert says in found.detail
    assert found.remedy or level == "ok"


def test_env_file_outside_of_git_is_fine() -> None:
    Path(".env").write_text("A=1\n")
    assert look()[".env"].level == "ok"


def test_env_file_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("A=1\n")
    monkeypatch.setenv("PATH", str(Path.cwd()))
    found = look()[".env"]
    assert found.level == "info"
    assert "git cannot be run" in found.detail
