"""Calls straight to an origin, over connections of our own."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable

from ...errors import ConnectionFault, TimeoutFault
from ...ports import Inbound, Outbound
from .connection import Connection
from .dial import dial
from .limits import Limits
from .pool import Pool
from .request import JOINED, Defaults
from .target import Origin, Target
from .tls import untrusted

__all__ = ["Direct"]


class Direct:
    """The road to ``origin`` on ``loop``."""

    __slots__ = ("_context", "_limits", "_loop", "_origin", "_pool")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        origin: Origin,
        limits: Limits,
        context: Callable[[], ssl.SSLContext],
    ) -> None:
        self._loop = loop
        self._origin = origin
        self._limits = limits
        self._context = context
        self._pool = Pool(loop, limits, self._open)

    async def ask(self, target: Target, outbound: Outbound, defaults: Defaults) -> Inbound:
        """The reply's head. A connection that the server had closed is replaced unseen, once."""
        pool = self._pool
        connection = None if outbound.once else pool.take()
        if connection is None:
            lend = pool.fresh if outbound.once else pool.acquire
            connection = await lend(outbound.connect_timeout)
        inbound = connection.start(target, outbound, defaults)
        try:
            if len(outbound.body) > JOINED:
                await connection.send(inbound, outbound.body)
            await inbound.answered
            if inbound.stale:
                connection = await pool.replace(connection, outbound.connect_timeout)
                inbound = connection.start(target, outbound, defaults)
                await connection.send(inbound, outbound.body)
                await inbound.answered
        except BaseException:
            connection.abandon(inbound)
            raise
        if inbound.fault is not None and not inbound.status:
            raise inbound.fault
        return inbound

    async def close(self) -> None:
        closing = self._pool.close()
        # An aborted TLS connection needs a few turns of the loop to let go of its socket.
        for _ in range(10):
            if all(connection.gone for connection in closing):
                return
            await asyncio.sleep(0)

    async def _open(self, pool: Pool, seconds: float | None) -> Connection:
        fault: ConnectionFault | TimeoutFault
        deadline = asyncio.timeout(seconds)
        try:
            async with deadline:
                return await self._connect(pool)
        except ssl.CertificateError as error:
            fault = untrusted(self._origin.authority, error)
        except OSError as error:
            if seconds is not None and deadline.expired():
                fault = TimeoutFault("connect", seconds)
            else:
                fault = ConnectionFault(f"no connection to {self._origin}: {_reason(error)}")
        if isinstance(fault, ConnectionFault):
            fault.unsent = True
        raise fault

    async def _connect(self, pool: Pool) -> Connection:
        origin, loop = self._origin, self._loop
        tls = self._context() if origin.scheme == "https" else None
        sock = await dial(loop, origin.host, origin.port)
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(loop, pool, origin, self._limits),
                sock=sock,
                ssl=tls,
                server_hostname=origin.host.rstrip(".") if tls is not None else None,
            )
        except BaseException:
            sock.close()
            raise
        return connection


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"the host name cannot be resolved ({error.strerror})"
    if isinstance(error, ssl.SSLError):
        if error.reason == "WRONG_VERSION_NUMBER":
            return "the server does not speak TLS there; is the base_url an http one?"
        return f"TLS failed: {error.reason or error}"
    # asyncio puts words of its own in place of the system's.
    return os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
