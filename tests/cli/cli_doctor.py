"""What the tests of `seawall doctor` share: keys nobody has, repositories, and runs of it."""

from __future__ import annotations

import json
import os
import random
import string
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

NAMES_ARE_TEXT = pytest.mark.skipif(
    sys.platform == "darwin", reason="macOS refuses file names that are no UTF-8"
)
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def made_up(prefix: str = "", length: int = 48, alphabet: str = ALNUM, seed: int = 1) -> str:
    """A key as a provider would make it. None is written down here, so that looking for keys in
    this repository finds none."""
    return prefix + "".join(random.Random(seed).choices(alphabet, k=length))


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """No keys, no proxies, no settings and no git configuration of whoever runs the tests."""
    kept = ("PATH", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "LANG", "LC_ALL")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    git = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return environment | git | {"HOME": str(home)} | more


def doctor(
    *arguments: str, cwd: Path, environment: Mapping[str, str] | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "seawall.cli", "doctor", *arguments],
        cwd=cwd,
        env=environment or clean_environment(cwd),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def findings(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


class Repository:
    """A real one."""

    def __init__(self, path: Path) -> None:
        path.mkdir(exist_ok=True)
        self.path = path
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("config", "user.name", "A Tester")
        self.git("config", "user.email", "tester@localhost")

    def git(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=clean_environment(self.path),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=check,
        )
        return done.stdout.strip()

    def write(self, name: str, text: str | bytes) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)

    def commit(self, message: str = "a change", **files: str | bytes) -> str:
        """Writes, commits everything, and returns the first ten digits of the commit."""
        for name, text in files.items():
            self.write(name, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")[:10]
