"""From a host name to a connected socket, trying IPv6 and IPv4 side by side (RFC 8305)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from itertools import chain, zip_longest
from typing import Any

__all__ = ["dial"]

#: RFC 8305, section 5: the head start of each attempt before the next one joins it, in seconds.
HEAD_START = 0.25

_Address = tuple[int, Any]

# An answer may take minutes to begin, and firewalls forget connections that are silent.
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPALIVE": 60, "TCP_KEEPINTVL": 30, "TCP_KEEPCNT": 5}


async def dial(loop: asyncio.AbstractEventLoop, host: str, port: int) -> socket.socket:
    """A connected, non-blocking socket. Raises the ``OSError`` of the address tried first."""
    addresses = await _resolve(loop, host, port)
    if len(addresses) == 1:
        return await _open(loop, addresses[0])
    return await _race(loop, addresses)


async def _resolve(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[_Address]:
    try:
        version = ip_address(host).version
    except ValueError:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return _interleaved([(family, address) for family, _, _, _, address in found])
    return [(socket.AF_INET if version == 4 else socket.AF_INET6, (host, port))]


def _interleaved(addresses: list[_Address]) -> list[_Address]:
    """Families by turns, the one the system prefers first."""
    first = [address for address in addresses if address[0] == addresses[0][0]]
    other = [address for address in addresses if address[0] != addresses[0][0]]
    pairs: Iterable[_Address | None] = chain.from_iterable(zip_longest(first, other))
    return [address for address in pairs if address is not None]


async def _open(loop: asyncio.AbstractEventLoop, address: _Address) -> socket.socket:
    family, where = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        await loop.sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock


async def _race(loop: asyncio.AbstractEventLoop, addresses: list[_Address]) -> socket.socket:
    waiting = addresses[::-1]
    running: list[asyncio.Task[socket.socket]] = []
    try:
        while True:
            if waiting:
                running.append(loop.create_task(_open(loop, waiting.pop())))
            await asyncio.wait(
                [task for task in running if not task.done()],
                timeout=HEAD_START if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            won = next((task for task in running if _succeeded(task)), None)
            if won is not None:
                running.remove(won)
                return won.result()
            if not waiting and all(task.done() for task in running):
                return running[0].result()
    finally:
        await _clear(running)


def _succeeded(task: asyncio.Task[socket.socket]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


async def _clear(running: list[asyncio.Task[socket.socket]]) -> None:
    for task in running:
        task.cancel()
    for late in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(late, socket.socket):
            late.close()
