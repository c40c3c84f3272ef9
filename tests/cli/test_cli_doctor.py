"""`seawall doctor` as it is run: a process of its own, in an environment without anything."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cli_doctor import NAMES_ARE_TEXT, Repository, clean_environment, doctor, findings, made_up

KEY = made_up("sk-proj-", 120)
GROUPS = ["keys", "leaks", "endpoints", "machine"]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "project")
    repository.commit(readme="nothing to see\n")
    return repository


class _Provider(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        allowed = self.headers["authorization"] == f"Bearer {KEY}"
        self.send_response(200 if allowed else 401)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def provider() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Provider) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def test_nothing_is_wrong(repository: Repository) -> None:
    done = doctor("--offline", cwd=repository.path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert [line for line in done.stdout.splitlines() if line in GROUPS] == GROUPS
    assert "✗" not in done.stdout
    assert repository.git("status", "--porcelain") == ""


def test_a_leak_fails_and_stays_secret(repository: Repository) -> None:
    repository.commit(**{"app.py": f"key = '{KEY}'\n"})
    done = doctor("--offline", cwd=repository.path)
    assert done.returncode == 1
    assert f"✗  {KEY[:6]}***" in done.stdout
    assert "app.py:1" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].startswith("1 failure")
    assert KEY[:12] not in done.stdout + done.stderr


def test_each_line_of_json_is_an_object(repository: Repository) -> None:
    repository.commit(**{"app.py": f"key = '{KEY}'\n"})
    done = doctor("--offline", "--json", cwd=repository.path)
    assert done.returncode == 1
    found = findings(done.stdout)
    assert list(dict.fromkeys(finding["group"] for finding in found)) == GROUPS
    assert {*found[0]} == {"group", "level", "title", "detail", "remedy"}
    assert [finding["group"] for finding in found if finding["level"] == "fail"] == ["leaks"]
    assert KEY[:12] not in done.stdout


def test_endpoints_are_asked_with_keys_of_env(repository: Repository, provider: str) -> None:
    repository.commit(**{".gitignore": ".env\n"})
    repository.write(".env", f"OPENAI_API_KEY={KEY}\nOPENAI_BASE_URL={provider}\n")
    done = doctor("--json", cwd=repository.path)
    found = {(line["group"], line["title"]): line for line in findings(done.stdout)}
    assert done.returncode == 0, done.stdout
    assert found["keys", "openai"]["detail"] == "OPENAI_API_KEY from .env"
    assert found["endpoints", "openai"]["level"] == "ok"
    assert "1 asked" in found["machine", "clock"]["detail"]


def test_a_refused_key_fails(repository: Repository, provider: str) -> None:
    environment = clean_environment(
        repository.path, OPENAI_API_KEY=made_up("sk-", seed=9), OPENAI_BASE_URL=provider
    )
    done = doctor(cwd=repository.path, environment=environment)
    assert done.returncode == 1
    assert "refuses the key from" in done.stdout


def test_offline_asks_nobody(repository: Repository) -> None:
    environment = clean_environment(
        repository.path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://127.0.0.1:1/v1"
    )
    assert doctor(cwd=repository.path, environment=environment).returncode == 1
    assert doctor("--offline", cwd=repository.path, environment=environment).returncode == 0


def test_another_directory_can_be_looked_at(repository: Repository, tmp_path: Path) -> None:
    repository.commit(**{"app.py": f"key = '{KEY}'\n"})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert doctor("--offline", cwd=elsewhere).returncode == 0
    assert doctor("--offline", "--path", str(repository.path), cwd=elsewhere).returncode == 1
    missing = doctor("--path", "nowhere", cwd=elsewhere)
    assert missing.returncode == 2
    assert "nowhere" in missing.stderr


def test_a_key_in_the_settings_fails(repository: Repository) -> None:
    repository.write("seawall.toml", f'[vendors.wall]\nkey = "{KEY}"\n')
    done = doctor("--offline", cwd=repository.path)
    assert done.returncode == 1
    assert "vendors.wall.key" in done.stdout
    assert KEY[:12] not in done.stdout + done.stderr


@pytest.mark.parametrize("columns", [80, 120])
def test_it_fits_the_terminal(repository: Repository, columns: int) -> None:
    name = f"{'a-rather-long-directory-name/' * 5}settings.py"
    repository.commit(**{name: f"key = '{KEY}'\n", "[bold]x": f"\n{made_up('gsk_', 52)}\n"})
    environment = clean_environment(repository.path, COLUMNS=str(columns), WALL_KEY="x")
    done = doctor("--offline", cwd=repository.path, environment=environment)
    assert max(map(len, done.stdout.splitlines())) <= columns
    assert "[bold]x:2" in done.stdout


def test_a_terminal_is_not_given_what_a_file_name_commands(repository: Repository) -> None:
    repository.commit(**{"\x1b[31mred": f"{KEY}\n", "line\nbreak": f"{KEY}\n"})
    done = doctor("--offline", cwd=repository.path)
    assert "\x1b" not in done.stdout
    assert "\\x1b[31mred:1" in done.stdout
    assert "line\\nbreak:1" in done.stdout


@NAMES_ARE_TEXT
def test_a_file_name_that_is_no_text_can_be_shown(repository: Repository) -> None:
    repository.commit(**{"\udcff.py": f"{KEY}\n"})
    assert "\\udcff.py:1" in doctor("--offline", cwd=repository.path).stdout
    found = findings(doctor("--offline", "--json", cwd=repository.path).stdout)
    assert any("?.py:1" in finding["detail"] for finding in found)


def test_help_names_every_option() -> None:
    done = doctor("--help", cwd=Path.cwd())
    for option in ("--config", "--path", "--max-seconds", "--offline", "--json"):
        assert option in done.stdout
