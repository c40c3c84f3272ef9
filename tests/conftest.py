"""What every test stands on: no network but loopback, no key of the person who runs it."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest

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
def docs_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the documentation's blocks run: an empty directory that is the working directory.

    Whatever pages rely on (a provider on loopback, the variables that name it) starts here,
    outside the test's own loop, because synchronous blocks hold that up.
    """
    monkeypatch.chdir(tmp_path)
    return tmp_path
