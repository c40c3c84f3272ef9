"""A caller's own ``httpx.AsyncClient`` or ``httpx2.AsyncClient`` as a transport.

The two libraries share one interface; which one it is, is told by who wraps the client, and
neither is imported here. The client keeps what only its owner can know: proxies, TLS, mounts,
authentication, cookies, event hooks, limits of its pool. Deadlines, retries and redirects are ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import sys
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import Any

from ..errors import ClosedError, ConfigError, ConnectionFault, MalformedReplyError, TimeoutFault
from ..ports import Inbound, Outbound, reveal
from .http.limits import Limits
from .http.request import check
from .http.target import DEFAULTS, Origin, Targets
from .http.tls import untrusted
from .httpx_exchange import Exchange

__all__ = ["HttpxClient", "Trace", "library_of", "named", "watched"]

#: Is told of each step of a request by the libraries' own transports ("Request extensions" in the
#: documentation of httpx).
Trace = Callable[[str, Any], Awaitable[None]]

#: How httpx says that the other side has gone; what else is wrong with a reply, it words as h11.
_GONE = re.compile("disconnected|closed connection")
_CONNECTING = "connection.connect_"


class HttpxClient:
    """``Transport`` over ``client``, an ``AsyncClient`` of ``library`` (``httpx``, ``httpx2``).

    The client stays its owner's: ``aclose`` gives up the replies under way and leaves it open.
    Its connections belong to the event loop that opened them, hence so does this.

    Its time limits are not used, except that for a place in its pool, which is a
    ``TimeoutFault("pool")``. Its transport's own retries of a connection share one
    ``connect_timeout``. Redirects are not followed, lest a key leave for another host. Headers of
    the call replace the client's own of the same name.

    Beside what ``Transport`` says, raises ``ConfigError`` for what must not be sent and for a
    second event loop, ``ClosedError`` once the client is closed, and what the owner's hooks raise.
    """

    def __init__(self, client: Any, library: str, limits: Limits | None = None) -> None:
        self._client = client
        self._errors: Any = sys.modules[library]
        self._limits = limits or Limits()
        self._targets = Targets()
        self._loop: weakref.ref[asyncio.AbstractEventLoop] | None = None
        self._exchanges: set[Exchange] = set()

    async def __call__(self, outbound: Outbound, /) -> Inbound:
        target = self._targets[outbound.method, outbound.url]
        check(outbound.headers)
        self._check_home()
        most = None if outbound.stream else self._limits.body_bytes
        name = partial(named, self._errors, target.origin)
        exchange = Exchange(partial(self._ask, outbound, target.url), name, most)
        self._exchanges.add(exchange)
        exchange.on_end(self._exchanges.discard)
        return await exchange.head()

    async def aclose(self) -> None:
        """Give up the replies under way. Closing the client is for whoever made it."""
        for exchange in list(self._exchanges):
            exchange.abort()
            await exchange.ended()

    def _check_home(self) -> None:
        if self._client.is_closed:
            raise ClosedError("the httpx client given as a transport was closed")
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = weakref.ref(loop)
        if self._loop() is not loop:
            raise ConfigError(
                "the httpx client given as a transport was used on another event loop, and its "
                "connections belong to that one",
                remedy="Make a client for each loop, or let Seawall use its own transport.",
            )

    async def _ask(self, outbound: Outbound, url: str) -> Any:
        """The response, its body unread."""
        async with watched(outbound.connect_timeout) as trace:
            request = self._request(outbound, url, trace)
            return await self._client.send(request, stream=True, follow_redirects=False)

    def _request(self, outbound: Outbound, url: str, trace: Trace) -> Any:
        """The one place of this transport that reveals secrets."""
        pool = self._client.timeout.pool
        timeout = {"connect": outbound.connect_timeout, "read": None, "write": None, "pool": pool}
        headers = [(name, reveal(value)) for name, value in outbound.headers]
        if not any(name.lower() == "accept-encoding" for name, _ in headers):
            # Only codings that are undone here: the client's default names more.
            headers.append(("accept-encoding", DEFAULTS["accept-encoding"]))
        return self._client.build_request(
            outbound.method,
            url,
            content=outbound.body,
            headers=headers,
            extensions={"timeout": timeout, "trace": trace},
        )


@contextlib.asynccontextmanager
async def watched(seconds: float | None) -> AsyncGenerator[Trace, None]:
    """Bound the time from the first try to connect until the request is sent, by what is told to
    the trace. Waiting for a place in the pool comes before it, and a connection that stands has
    no first try. Raises ``TimeoutFault("connect")``."""
    limit = asyncio.timeout(None)

    async def trace(step: str, info: Any) -> None:
        if step.endswith(".send_request_headers.started"):
            limit.reschedule(None)
        elif seconds is not None and limit.when() is None and step.startswith(_CONNECTING):
            limit.reschedule(asyncio.get_running_loop().time() + seconds)

    try:
        async with limit:
            yield trace
    except TimeoutError:
        if not limit.expired():
            raise
        raise TimeoutFault("connect", seconds or 0.0) from None


def library_of(client: Any) -> Any:
    """The module, ``httpx`` or ``httpx2``, whose client ``client`` is."""
    roots = (kind.__module__.partition(".")[0] for kind in type(client).__mro__)
    return sys.modules[next(root for root in roots if root in ("httpx", "httpx2"))]


def named(errors: Any, origin: Origin, answered: bool, error: Exception) -> Exception:
    """``error`` in the words of ``Transport``. Those of an owner's hooks stay as they are."""
    if isinstance(error, errors.ConnectTimeout):
        return TimeoutFault("connect", _seconds(error, "connect"))
    if isinstance(error, errors.PoolTimeout):
        return TimeoutFault("pool", _seconds(error, "pool"))
    if isinstance(error, errors.LocalProtocolError):
        # Its words repeat the header that it refuses, which may be a key.
        return ConfigError("the httpx client given as a transport sends a header that is not valid")
    if isinstance(error, errors.DecodingError):
        return ConnectionFault(f"the compressed body is corrupt: {error}")
    if isinstance(error, errors.TransportError):
        certificate = _cause(error, ssl.CertificateError)
        if certificate is not None:
            return untrusted(origin.authority, certificate)
        if isinstance(error, errors.RemoteProtocolError) and not _GONE.search(str(error)):
            return MalformedReplyError(f"the reply is no HTTP: {error}")
        where = f"{origin} ended inside its reply" if answered else f"no reply from {origin}"
        return ConnectionFault(f"{where}: {error or type(error).__name__}")
    return error


def _seconds(error: Any, which: str) -> float:
    return error.request.extensions["timeout"][which] or 0.0


def _cause(error: BaseException | None, wanted: type[Exception]) -> Exception | None:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, wanted):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None
