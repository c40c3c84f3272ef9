"""``seawall batch``, run as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from doc_provider import provider
from seawall import Seawall


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[dict[str, str]]:
    with provider() as url:
        yield {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "SEAWALL_DIR": str(tmp_path / "state"),
            "OPENAI_BASE_URL": url,
            "OPENAI_API_KEY": "sk-test",
        }


def run(shell: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "seawall.cli", "batch", *arguments],
        cwd=shell["HOME"],
        env=shell | {"COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_batch_is_listed_shown_and_read(
    shell: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in shell.items():
        monkeypatch.setenv(name, value)
    with Seawall() as client:
        batch = client.batch({"a": "Name a harbour.", "b": "?"}, model="openai/gpt-4o-mini")
    listed = run(shell, "list")
    assert batch.handle in listed.stdout
    assert "openai/gpt-4o-mini" in listed.stdout
    shown = run(shell, "show", batch.handle)
    assert "completed" in shown.stdout
    assert batch.id in shown.stdout
    lines = [json.loads(line) for line in run(shell, "results", batch.id).stdout.splitlines()]
    assert [line["id"] for line in lines] == ["a", "b"]
    assert lines[0]["response"]["choices"][0]["message"]["content"][0]["text"] == "Trieste"
    assert run(shell, "cancel", batch.handle).returncode == 0
    lost = run(shell, "show", "b-none")
    assert lost.returncode == 1
    assert "no batch 'b-none' is on file" in lost.stderr
