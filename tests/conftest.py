"""What every test stands on: no network but loopback, no key of the person who runs it."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from doc_provider import provider

# Machines that run tests are busy: an example that is slow is no failure.
settings.register_profile("seawall", deadline=None)
settings.load_profile("seawall")

_connect = socket.socket.connect


def _connect_to_loopback(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6):
        host = str(address[0])
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            self.close()
            raise RuntimeError(f"a test tried to connect to {host}; tests use loopback only")
    _connect(self, address)


socket.socket.connect = _connect_to_loopback  # type: ignore[method-assign]

_PRIVATE = re.compile(r".*_API_KEY|(ALL|HTTPS?|NO)_PROXY|SEAWALL_.*", re.IGNORECASE)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction] - pytest finds it by its mark
    for name in [name for name in os.environ if _PRIVATE.fullmatch(name)]:
        monkeypatch.delenv(name)


@pytest.fixture
def docs_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the documentation's blocks run: an empty directory that is the working directory,
    with a provider on loopback behind every address the pages name. It runs on a thread,
    because synchronous blocks hold up the test's own loop."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEAWALL_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-documentation")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-documentation")
    monkeypatch.setenv("CO_API_KEY", "documentation")
    monkeypatch.setenv("GEMINI_API_KEY", "documentation")
    monkeypatch.setenv("WALL_KEY", "documentation")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "documentation")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "documentation")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("GOOGLE_API_KEY", "documentation")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "documentation")
    with provider() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url.removesuffix("/v1"))
        monkeypatch.setenv("CO_API_URL", url.removesuffix("/v1"))
        monkeypatch.setenv("SEAWALL_VENDORS__GOOGLE__BASE_URL", url)
        monkeypatch.setenv("SEAWALL_VENDORS__WALL__BASE_URL", url)
        root = url.removesuffix("/v1")
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", root)
        monkeypatch.setenv("ANTHROPIC_BEDROCK_BASE_URL", root)
        monkeypatch.setenv("ANTHROPIC_BEDROCK_MANTLE_BASE_URL", root)
        monkeypatch.setenv("SEAWALL_VENDORS__VERTEX__BASE_URL", url)
        monkeypatch.setenv("SEAWALL_VENDORS__VERTEX-EXPRESS__BASE_URL", url)
        yield tmp_path
