"""Carrying bytes by a vendor's official SDK: it knows address, credentials and signature; what is
said and how replies are read, retried and recorded stays ours."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ...errors import AuthenticationError, ClosedError, ConfigError, ConnectionFault
from ...ports import Inbound, Outbound, Secret, reveal
from ..http.limits import Limits
from ..http.request import check
from ..http.target import DEFAULTS, Targets
from ..httpx_client import library_of, named, watched
from ..httpx_exchange import Exchange
from .making import Asker, asker, made
from .tap import EXTENSIONS, Taken

__all__ = ["Sdk", "given"]

#: The SDK authenticates; a key in these is only there to be kept out of error messages.
_CREDENTIALS = {"api-key", "authorization", "x-api-key", "x-goog-api-key"}


class Sdk:
    """``Transport`` over the clients that ``make`` makes, one for each event loop.

    ``base_url``: the address that URLs begin with; ``variables``: what the client knows of a
    vendor's. Raises, beside what ``Transport`` says,
    ``AuthenticationError`` when the SDK can get no credentials, ``ConfigError`` when it cannot be
    used.
    """

    def __init__(
        self, make: Callable[[], Asker], base_url: str, limits: Limits | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.variables: Mapping[str, str] = {}
        self._make = make
        # Importing an SDK and making its client take longer than a call may wait.
        self._spare: Asker | None = make()
        self._limits = limits or Limits()
        self._targets = Targets()
        self._askers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Asker] = (
            weakref.WeakKeyDictionary()
        )
        self._exchanges: set[Exchange] = set()

    @classmethod
    def of(
        cls,
        client: str,
        arguments: Mapping[str, Any],
        *,
        base_url: str,
        key: Secret | None = None,
        extra: str = "sdk",
        key_as: str = "api_key",
        token_as: str = "",
        scope: str = "",
    ) -> Sdk:
        """One whose clients are made as a vendor's row says; see ``making.made``."""
        make = partial(
            made,
            client,
            arguments,
            extra=extra,
            key=key,
            key_as=key_as,
            token_as=token_as,
            scope=scope,
        )
        return cls(make, base_url)

    async def __call__(self, outbound: Outbound, /) -> Inbound:
        target = self._targets[outbound.method, outbound.url]
        check(outbound.headers)
        asker = self._asker()
        if asker.http.is_closed:
            raise ClosedError("the SDK's client given as a transport was closed")
        most = None if outbound.stream else self._limits.body_bytes
        name = partial(named, library_of(asker.http), target.origin)
        exchange = Exchange(partial(self._ask, asker, outbound), name, most)
        self._exchanges.add(exchange)
        exchange.on_end(self._exchanges.discard)
        return await exchange.head()

    async def aclose(self) -> None:
        """Give up the replies under way and close the running loop's client."""
        for exchange in list(self._exchanges):
            exchange.abort()
            await exchange.ended()
        await self._close()

    async def _close(self) -> None:
        asker = self._askers.pop(asyncio.get_running_loop(), None)
        if asker is not None:
            await asker.aclose()

    def _asker(self) -> Asker:
        loop = asyncio.get_running_loop()
        asker = self._askers.get(loop)
        if asker is None:
            asker, self._spare = self._spare or self._make(), None
            self._askers[loop] = asker
        return asker

    async def _ask(self, asker: Asker, outbound: Outbound) -> Any:
        """The response, its body unread."""
        async with watched(outbound.connect_timeout) as trace:
            pool = asker.http.timeout.pool
            connect = outbound.connect_timeout
            timeout = {"connect": connect, "read": None, "write": None, "pool": pool}
            EXTENSIONS.set({"timeout": timeout, "trace": trace})
            try:
                await self._send(asker, outbound)
            except Taken as taken:
                if taken.error is not None:
                    raise taken.error from None
                return taken.response
        raise ConfigError(
            "the SDK answered without its HTTP client; Seawall cannot tell what it did",
            remedy="Take the transport http for this vendor.",
        )

    async def _send(self, asker: Asker, outbound: Outbound) -> None:
        headers = {
            name: reveal(value)
            for name, value in outbound.headers
            if not (isinstance(value, Secret) and name.lower() in _CREDENTIALS)
        }
        # Only codings that are undone here; SDKs ask for more.
        headers.setdefault("accept-encoding", DEFAULTS["accept-encoding"])
        path = outbound.url.removeprefix(self.base_url)
        try:
            await asker.ask(outbound.method, path, headers, outbound.body)
        except ConfigError:
            raise
        except Exception as error:
            raise _unsent(error) from error


def _unsent(error: Exception) -> Exception:
    """What kept an SDK from sending: nearly always credentials that it could not get."""
    root = type(error).__module__.partition(".")[0]
    words = f"the SDK did not send the request: {type(error).__name__}: {error}"
    # google-auth says of its own errors whether asking again can help.
    if getattr(error, "retryable", False) or isinstance(error, (OSError, TimeoutError)):
        return ConnectionFault(words)
    if root in ("google", "botocore", "azure", "openai", "anthropic") or root == "builtins":
        return AuthenticationError(words)
    return error


def given(client: Any) -> Sdk:
    """A user's own SDK client as a transport: its address, its credentials, its HTTP client. It
    stays its owner's, so closing the transport leaves it open; its connections belong to the
    event loop that opened them."""
    asks = asker(client)
    return _Given(asks)


class _Given(Sdk):
    def __init__(self, asks: Asker) -> None:
        super().__init__(lambda: asks, asks.base_url)
        self.variables = asks.variables
        self._home: weakref.ref[asyncio.AbstractEventLoop] | None = None

    async def _close(self) -> None:
        """Closing the client is for whoever made it."""

    def _asker(self) -> Asker:
        loop = asyncio.get_running_loop()
        if self._home is None:
            self._home = weakref.ref(loop)
        if self._home() is not loop:
            raise ConfigError(
                "the SDK's client given as a transport was used on another event loop, and its "
                "connections belong to that one",
                remedy='Make a client for each loop, or write transport = "sdk".',
            )
        return self._make()
