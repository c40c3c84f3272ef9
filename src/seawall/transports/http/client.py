"""The ``http`` transport: finds the road to an origin, on the loop that asks."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from types import CoroutineType
from typing import Any, Protocol
from weakref import WeakSet

from ...ports import Inbound, Outbound
from .direct import Direct
from .limits import Limits
from .proxied import Proxied
from .proxies import find_proxy
from .request import Defaults, check
from .target import Origin, Target, Targets
from .tls import context_once

__all__ = ["Http"]


class _Road(Protocol):
    def ask(
        self, target: Target, outbound: Outbound, defaults: Defaults
    ) -> CoroutineType[Any, Any, Inbound]: ...
    async def close(self) -> None: ...


class Http:
    """``Transport`` over HTTP/1.1, with a pool of connections for each origin.

    Connections belong to the event loop that opened them and are closed with it: one object
    serves consecutive ``asyncio.run`` calls and several loops at once. After ``os.fork`` the
    child starts without any and leaves its parent's alone.

    ``context``: the TLS context, if the system's trust (or ``SSL_CERT_FILE``) is not the one.
    ``environ``: where proxies are looked up, ``os.environ`` as it is now unless given; ``{}``
    for none. An origin with a proxy needs the extra ``proxy``.

    Beside what ``Transport`` says, raises ``ConfigError`` for what must not be sent (control
    characters, keys in the URL) before anything is, and ``MalformedReplyError`` for bytes that
    are no HTTP or exceed ``limits``.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        context: ssl.SSLContext | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._context = context_once(context)
        self._environ = dict(os.environ if environ is None else environ)
        self._targets = Targets()
        self._homes: dict[asyncio.AbstractEventLoop, _Home] = {}
        _all.add(self)

    def __call__(self, outbound: Outbound, /) -> CoroutineType[Any, Any, Inbound]:
        # No coroutine of its own: one more would be a tenth of what a call costs here.
        target = self._targets[outbound.method, outbound.url]
        defaults = check(outbound.headers)
        home = self._homes.get(asyncio.get_running_loop())
        if home is None:
            return self._first(target, outbound, defaults)
        return home[target.origin].ask(target, outbound, defaults)

    async def aclose(self) -> None:
        """Close what belongs to the running loop. Calls under way fail; later ones work."""
        home = self._homes.get(asyncio.get_running_loop())
        if home is not None:
            await home.close()

    async def _first(self, target: Target, outbound: Outbound, defaults: Defaults) -> Inbound:
        """A call on a loop that had no home yet when it was made; of several, one makes it."""
        loop = asyncio.get_running_loop()
        home = self._homes.get(loop)
        if home is None:
            for other in [known for known in list(self._homes) if known.is_closed()]:
                self._homes.pop(other, None)
            home = self._homes[loop] = _Home(self._build, lambda: self._homes.pop(loop, None))
            await home.watch()
        return await home[target.origin].ask(target, outbound, defaults)

    def _build(self, origin: Origin) -> _Road:
        loop = asyncio.get_running_loop()
        proxy = find_proxy(origin, self._environ)
        if proxy is None:
            return Direct(loop, origin, self._limits, self._context)
        return Proxied(origin, proxy, self._limits, self._context)

    def _forget(self) -> None:
        # Kept, unused: letting go of a transport would have it touch the parent's event loop.
        _parents.append(self._homes)
        self._homes = {}


class _Home(dict[Origin, _Road]):
    """The roads of one loop, built when first taken."""

    def __init__(self, build: Callable[[Origin], _Road], leave: Callable[[], object]) -> None:
        self._build = build
        self._leave = leave
        self._life = self._live()

    def __missing__(self, origin: Origin) -> _Road:
        road = self[origin] = self._build(origin)
        return road

    async def watch(self) -> None:
        """Be told when the loop ends: before ``asyncio.run`` closes its loop it ends every
        asynchronous generator that was begun on it."""
        await anext(self._life)

    async def close(self) -> None:
        await self._life.aclose()

    async def _live(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self._leave()
            for road in self.values():
                await road.close()


_all: WeakSet[Http] = WeakSet()
_parents: list[object] = []


def _after_fork() -> None:
    for transport in _all:
        transport._forget()  # pyright: ignore[reportPrivateUsage]


os.register_at_fork(after_in_child=_after_fork)
