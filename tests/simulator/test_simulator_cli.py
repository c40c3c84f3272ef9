"""``seawall sim``, run as people run it."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx2
import pytest
from rich.cells import cell_len
from simulator_world import question

from seawall.errors import ConfigError
from seawall.simulator import KINDS, Rule, parse_rule

ENVIRONMENT = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}


class Sim:
    """A running ``seawall sim``."""

    def __init__(self, process: subprocess.Popen[str], url: str, stdout: IO[str]) -> None:
        self.process, self.url, self._stdout = process, url, stdout

    def ask(self, model: str = "sim", times: int = 1) -> list[int]:
        asked = question(model=model)
        return [
            httpx2.post(f"{self.url}/chat/completions", json=asked, trust_env=False).status_code
            for _ in range(times)
        ]

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """The exit status, and what it said from then on or before."""
        self.process.send_signal(number)
        text = self._stdout.read()
        return self.process.wait(10), text


@contextlib.contextmanager
def sim(*arguments: str, terminal: bool = False) -> Iterator[Sim]:
    command = [sys.executable, "-m", "seawall.cli", "sim", "--port", "0", *arguments]
    leader, follower = pty.openpty() if terminal else (None, subprocess.PIPE)
    process = subprocess.Popen(
        command, stdout=follower, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT
    )
    if leader is not None:
        os.close(follower)
    stdout = process.stdout if leader is None else os.fdopen(leader)
    assert stdout is not None
    try:
        first = stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/v1", first)
        assert found, first + stdout.read()
        yield Sim(process, found[0], stdout)
    finally:
        process.kill()
        process.wait(10)
        stdout.close()


def run(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "seawall.cli", "sim", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_it_serves_shows_what_happens_and_judges() -> None:
    with sim("--fault", "500:requests=2", "--rpm", "100", "--answer", "Trieste") as served:
        assert served.ask() == [200]
        assert served.ask("other") == [500]
        assert served.ask("fault/429") == [429]
        status, text = served.interrupt()
    assert status == 0
    assert "'Trieste'" in text
    assert "fault  500:requests=2" in text
    assert "quota  100 requests per minute" in text
    lines = text.splitlines()
    assert [line for line in lines if re.search(r" 1 +sim +200 answered", line)]
    assert [line for line in lines if re.search(r" 2 +other +500 refused", line)]
    assert [line for line in lines if re.search(r"fault/429 +429 refused, come back in 1 s", line)]
    assert lines[-1] == "good conduct: 3 requests, 2 failed"
    assert max(map(cell_len, lines)) <= 80


def test_the_exit_status_says_the_verdict_when_asked() -> None:
    for arguments, expected in ((("--judge",), 1), ((), 0)):
        with sim(*arguments) as served:
            served.ask("fault/401", times=2)
            status, text = served.interrupt(signal.SIGTERM)
        assert status == expected
        assert "- retried the hopeless: asked again after 401" in text
    with sim("--judge") as served:
        served.ask(times=2)
        assert served.interrupt()[0] == 0


def test_a_script_file_is_followed_and_options_go_before_it(tmp_path: Path) -> None:
    script = tmp_path / "outage.toml"
    script.write_text('answer = "Genoa"\nmodels = ["harbour"]\n[[faults]]\nfault = "503"\n')
    with sim(str(script), "--fault", "401:requests=1") as served:
        assert served.ask(times=2) == [401, 503]
        models = httpx2.get(f"{served.url}/models", trust_env=False).json()["data"]
        assert models[0]["id"] == "harbour"


def test_on_a_terminal_the_lines_come_one_by_one() -> None:
    with sim(terminal=True) as served:
        served.ask("fault/cut-clean")
        text = ""
        while "broken: cut-clean" not in text:
            text += served._stdout.readline()
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(10) == 0


def test_the_list_has_every_fault_and_fits() -> None:
    status, text = run("--list")
    assert status == 0
    for name, kind in KINDS.items():
        assert re.search(rf"^{re.escape(name)} +{re.escape(kind.about[:20])}", text, re.MULTILINE)
    assert "fault/NAME-once" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--fault", "cutt"), "Did you mean 'cut'"),
        (("--fault", "cut:chance=2"), "chance"),
        (("--fault", "cut:often"), "write field=value"),
        (("--speed", "0"), "speed is 0"),
        (("nowhere.toml",), "nowhere.toml: cannot be read"),
        (("--host", "192.0.2.1", "--port", "0"), "cannot listen on 192.0.2.1"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(arguments: tuple[str, ...], complaint: str) -> None:
    status, text = run(*arguments)
    assert status in (1, 2)
    assert complaint in " ".join(text.replace("│", " ").split())
    assert "Traceback" not in text


def test_a_port_that_is_taken_is_named_with_the_remedy() -> None:
    with sim() as served:
        port = served.url.split(":")[2].partition("/")[0]
        status, text = run("--port", port)
    assert status == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in text
    assert "--port 0" in text


def test_rules_on_one_line() -> None:
    assert parse_rule("cut") == Rule(fault="cut")
    assert parse_rule("429:requests=1+3,retry_after=2") == Rule(
        fault="429", requests=(1, 3), retry_after=2
    )
    assert parse_rule("cut:at=3,once=true") == Rule(fault="cut", at=3, once=True)
    assert parse_rule("cut:at=0.5") == Rule(fault="cut", at=0.5)
    with pytest.raises(ConfigError, match="unknown field `chanse`"):
        parse_rule("cut:chanse=1")
