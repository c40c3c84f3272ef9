"""Calls through a proxy, carried by aiohttp: CONNECT, proxy passwords and TLS inside a tunnel
are its trade, and speed is not what matters there.

aiohttp is the extra ``proxy``, hence imported by what uses it and not before.
"""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ...errors import ConfigError, ConnectionFault, Fault, MalformedReplyError, TimeoutFault
from ...ports import Headers, Inbound, Outbound, reveal
from .decoding import Decoder, decoder
from .inbound import too_large
from .limits import Limits
from .loops import run_on
from .proxies import Proxy
from .request import Defaults
from .target import DEFAULTS, Origin, Target
from .tls import untrusted

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Proxied"]


class Proxied:
    """The road to ``origin`` through ``proxy``. Waiting for a free connection counts as
    connecting here."""

    def __init__(
        self, origin: Origin, proxy: Proxy, limits: Limits, context: Callable[[], ssl.SSLContext]
    ) -> None:
        self._origin = origin
        self._proxy = proxy
        self._limits = limits
        _require(origin, proxy)
        self._session = self._open(context)

    async def ask(self, target: Target, outbound: Outbound, defaults: Defaults) -> Inbound:
        import aiohttp

        try:
            response = await self._request(target, outbound, defaults)
        except aiohttp.ClientError as error:
            fault = self._fault(error, outbound.connect_timeout)
        else:
            most = math.inf if outbound.stream else self._limits.body_bytes
            return _ProxiedInbound(response, self._origin, most)
        # Not raised while the error is handled: that one holds the request's headers.
        raise fault

    async def close(self) -> None:
        await self._session.close()

    def _open(self, context: Callable[[], ssl.SSLContext]) -> aiohttp.ClientSession:
        import aiohttp

        limits = self._limits
        connector = aiohttp.TCPConnector(
            ssl=context() if self._origin.scheme == "https" else True,
            limit=0,
            limit_per_host=limits.connections,
            keepalive_timeout=limits.idle_seconds,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("accept", "accept-encoding", "content-type", "user-agent"),
            max_field_size=limits.header_bytes,
            max_line_size=limits.header_bytes,
        )

    async def _request(
        self, target: Target, outbound: Outbound, defaults: Defaults
    ) -> aiohttp.ClientResponse:
        import aiohttp
        from yarl import URL  # comes with aiohttp

        return await self._session.request(
            target.method,
            URL(target.url, encoded=True),
            data=outbound.body or None,
            headers=_plain(outbound, defaults),
            proxy=self._proxy.url.reveal(),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(connect=outbound.connect_timeout),
        )

    def _fault(self, error: aiohttp.ClientError, seconds: float | None) -> Fault:
        import aiohttp

        via = f"through the proxy of {self._proxy.variable}"
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return TimeoutFault("connect", seconds or 0.0)
        if isinstance(error, ssl.CertificateError):
            return untrusted(self._origin.authority, error)
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return untrusted(self._origin.authority, error.certificate_error)
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return ConnectionFault(
                f"no connection to {self._origin} {via}: it answered {error.status}",
                retry=error.status != 407,
            )
        if isinstance(error, aiohttp.ClientResponseError):
            return MalformedReplyError(f"the reply {via} is no HTTP: {error.message}")
        reason = error.strerror if isinstance(error, OSError) else None
        return ConnectionFault(
            f"no reply from {self._origin} {via}: {reason or type(error).__name__}"
        )


class _ProxiedInbound:
    """``Inbound`` over aiohttp's response."""

    def __init__(self, response: aiohttp.ClientResponse, origin: Origin, most: float) -> None:
        self.status = response.status
        self.headers = Headers(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.raw_headers
        )
        self._response = response
        self._origin = origin
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._decoded = 0
        self._over = False
        self._fault: Fault | None = None
        self._decoder = self._find_decoder()

    async def read(self) -> bytes:
        data = b"" if self._over or self._fault else await self._next()
        if self._fault is not None:
            raise self._fault
        self._decoded += len(data)
        if self._decoded > self._most:
            self._abort(too_large(self._most))
            return await self.read()
        return data

    def release(self) -> None:
        run_on(self._loop, self._release)

    def abort(self, fault: Fault | None = None, /) -> None:
        run_on(self._loop, self._abort, fault)

    def _find_decoder(self) -> Decoder | None:
        try:
            return decoder(self.headers.get("content-encoding", ""))
        except Fault:
            self._response.close()
            raise

    async def _next(self) -> bytes:
        """Decoded bytes, ``b""`` at the end or after a fault."""
        undo = self._decoder
        try:
            while True:
                data = undo.step() if undo is not None else b""
                if data:
                    return data
                raw = await self._response.content.readany()
                if undo is None or not raw:
                    break
                undo.feed(raw)
            if not raw:
                self._over = True
                if undo is not None:
                    undo.end()
            return raw
        except Fault as fault:
            self._abort(fault)
        except Exception as error:
            # aiohttp's own errors, and those of its connection, mean one thing here.
            why = type(error).__name__
            self._abort(ConnectionFault(f"{self._origin} ended inside its reply: {why}"))
        return b""

    def _release(self) -> None:
        if self._response.content.is_eof():
            self._response.release()
        else:
            self._response.close()
        self._over = True

    def _abort(self, fault: Fault | None) -> None:
        if self._fault is None:
            self._fault = fault or ConnectionFault("the reply was given up")
        self._response.close()


def _plain(outbound: Outbound, defaults: Defaults) -> list[tuple[str, str]]:
    """Headers as aiohttp wants them: the one place of this module that reveals secrets."""
    pairs = [(name, reveal(value)) for name, value in outbound.headers]
    return pairs + list((DEFAULTS if defaults is None else defaults).items())


def _require(origin: Origin, proxy: Proxy) -> None:
    if find_spec("aiohttp") is None:
        raise ConfigError(
            f"it sets a proxy for {origin}, which needs the extra 'proxy'",
            source=proxy.variable,
            remedy=f'Run: pip install "seawall[proxy]", or add {origin.host} to NO_PROXY.',
        )
