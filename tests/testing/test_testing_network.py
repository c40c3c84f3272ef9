"""What counts as this machine."""

from __future__ import annotations

import contextlib
import socket

import pytest

from seawall.testing import NetworkRefused, refuse_network

HERE = ["", "localhost", "x.localhost", "127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", None]
FAR = ["api.example.com", b"api.example.com", "localhost.example.com"]


@pytest.mark.parametrize("host", HERE)
def test_names_of_this_machine_are_looked_up(host: str | None) -> None:
    # A resolver need not know every name under localhost.
    with refuse_network(), contextlib.suppress(socket.gaierror):
        assert socket.getaddrinfo(host, 80)


@pytest.mark.parametrize("host", FAR)
def test_other_names_are_refused(host: str | bytes) -> None:
    with refuse_network(), pytest.raises(NetworkRefused, match=r"example\.com, port 80"):
        socket.getaddrinfo(host, 80)


def test_afterwards_everything_is_as_before() -> None:
    before = socket.getaddrinfo, socket.socket.__dict__.get("connect")
    with refuse_network():
        assert socket.getaddrinfo is not before[0]
    assert (socket.getaddrinfo, socket.socket.__dict__.get("connect")) == before


def test_unix_sockets_are_left_alone() -> None:
    with refuse_network(), socket.socket(socket.AF_UNIX) as sock, pytest.raises(FileNotFoundError):
        sock.connect("/nonexistent")
