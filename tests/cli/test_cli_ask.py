"""The commands that ask a model, run as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from doc_provider import provider


class Shell:
    """Runs commands in an empty directory, with a provider behind OPENAI_BASE_URL."""

    def __init__(self, cwd: Path, url: str) -> None:
        self.cwd = cwd
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(cwd),
            "SEAWALL_DIR": str(cwd / "state"),
            "OPENAI_BASE_URL": url,
            "OPENAI_API_KEY": "sk-test",
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "seawall.cli", *arguments],
            cwd=self.cwd,
            env=self.env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str, typed: str = "") -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(typed, timeout=60)
        return process.returncode, out, err


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with provider() as url:
        yield Shell(tmp_path, url)


def test_ask_prints_the_answer_and_nothing_else(shell: Shell) -> None:
    assert shell.run("ask", "-m", "openai/any", "Name", "a", "harbour.") == (0, "Trieste\n", "")


def test_ask_reads_what_is_piped_in(shell: Shell) -> None:
    status, out, _ = shell.run("ask", "--json", "-m", "openai/any", typed="Name a harbour.")
    assert status == 0
    reply = json.loads(out)
    assert (reply["text"], reply["model"]) == ("Trieste", "openai/any")
    assert reply["decision"]["attempts"][0]["outcome"] == "finished"


def test_ask_meets_a_schema(shell: Shell) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    }
    (shell.cwd / "schema.json").write_text(json.dumps(schema))
    status, out, err = shell.run("ask", "-m", "openai/any", "--schema", "schema.json", "Name it.")
    assert (status, json.loads(out), err) == (0, {"name": "Trieste"}, "")


def test_what_was_asked_is_in_the_ledger(shell: Shell) -> None:
    shell.run("ask", "-m", "openai/any", "-f", "trivia", "Name a harbour.")
    status, out, _ = shell.run("logs", "--json", "--feature", "trivia")
    assert status == 0
    row = json.loads(out.splitlines()[-1])
    assert (row["outcome"], row["total_tokens"]) == ("finished", 15)
    status, out, _ = shell.run("explain", row["id"][:12])
    assert status == 0
    assert "attempt 1" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ask", "-m", "openai/any"], "there is no question"),
        (["ask", "-m", "smart", "Hello?"], "'smart' is neither an alias nor vendor/model"),
        (["ask", "-m", "opanai/any", "Hello?"], "Did you mean 'openai'?"),
        (["ask", "-c", "none.toml", "Hello?"], "none.toml: cannot be read: No such file"),
        (["ask", "-t", "hot", "Hello?"], "'hot' is not a valid float"),
        (["local", "pull", "qwen"], "there is no embedded model 'qwen'"),
        (["explain", "abc"], "there is no ledger"),
    ],
)
def test_a_mistake_is_one_clear_line(shell: Shell, arguments: list[str], said: str) -> None:
    status, out, err = shell.run(*arguments)
    assert status != 0
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_the_command_line_reads_the_env_file_of_its_directory(shell: Shell) -> None:
    del shell.env["OPENAI_API_KEY"]
    status, _, err = shell.run("ask", "-m", "openai/any", "Hello?")
    assert status == 1
    assert "Set OPENAI_API_KEY in the environment or in .env" in err
    (shell.cwd / ".env").write_text("OPENAI_API_KEY=sk-from-file\n")
    assert shell.run("ask", "-m", "openai/any", "Hello?") == (0, "Trieste\n", "")


def test_chat_holds_a_conversation(shell: Shell) -> None:
    typed = "Name a harbour.\nAnother.\n/new\n/exit\n"
    status, out, err = shell.run("chat", "-m", "openai/any", typed=typed)
    assert status == 0
    assert out.count("Trieste") == 2
    assert "a new conversation" in err
    _, out, _ = shell.run("logs", "--json")
    first, second = [json.loads(line) for line in out.splitlines()][-2:]
    assert (first["prompt_tokens"], second["prompt_tokens"]) == (12, 12)


def test_models_lists_what_can_be_asked(shell: Shell) -> None:
    (shell.cwd / "seawall.toml").write_text('[models.smart]\nroute = ["openai/gpt-4o"]\n')
    status, out, _ = shell.run("models", "--json")
    rows = {row["model"]: row for row in map(json.loads, out.splitlines())}
    assert status == 0
    assert rows["smart"]["state"] == "→ openai/gpt-4o"
    assert rows["openai/gpt-4o-mini"]["ready"]
    assert rows["local/qwen2.5-coder-1.5b"]["default"]


def test_control_c_ends_at_once_and_quietly(shell: Shell) -> None:
    process = shell.start("chat", "-m", "openai/any")
    assert process.stderr is not None
    assert "/exit" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert "Traceback" not in err
