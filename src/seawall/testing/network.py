"""No real network: a connection to anything but this machine fails the test at once."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest

__all__ = ["NetworkRefused", "refuse_network"]


# A ``BaseException``, as every outcome of pytest's is: SDKs retry an ``Exception`` and tell of
# it as a "connection error", and an application that falls back on one would pass its test.
class NetworkRefused(pytest.fail.Exception):
    """A test tried to reach ``host``, which is not this machine."""

    def __init__(self, host: str, port: object = None) -> None:
        self.host = host
        where = host if port is None else f"{host}, port {port}"
        super().__init__(
            f"a test tried to connect to {where}. Tests use the network of this machine only: "
            "use the fixtures simulator or exchanges, or mark the test "
            "@pytest.mark.allow_network",
            pytrace=True,
        )


@contextmanager
def refuse_network() -> Generator[None, None, None]:
    """Within it, connecting to or looking up another machine raises ``NetworkRefused``.

    It sees what goes through Python's ``socket``: blocking code, threads, asyncio, anyio and
    Seawall. Connections that C code makes by itself (uvloop's own, c-ares, child processes)
    are not seen.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        patch.setattr(socket, "getaddrinfo", _looking_up(socket.getaddrinfo))
        yield


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(sock: socket.socket, address: Any) -> Any:
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            host, port = str(address[0]), address[1]
            if not _is_here(host):
                # Closed, or the refusal would be followed by a ResourceWarning.
                sock.close()
                raise NetworkRefused(host, port)
        return connect(sock, address)

    return guarded


def _looking_up(getaddrinfo: Callable[..., Any]) -> Callable[..., Any]:
    """A name is refused when it is looked up: a test without any network would otherwise be
    told of a name that cannot be resolved. An address is left to ``connect``."""

    def guarded(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if name and not _is_here(name) and _address(name) is None:
            raise NetworkRefused(name, port)
        return getaddrinfo(host, port, *rest, **named)

    return guarded


def _is_here(host: str) -> bool:
    if host in ("", "localhost", socket.gethostname()) or host.endswith(".localhost"):
        return True
    address = _address(host)
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped is not None and (mapped.is_loopback or mapped.is_unspecified)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
