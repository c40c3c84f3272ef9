"""Real exchanges with a provider: recorded once, replayed ever after."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from ..dialects.openai_chat import FACE
from ..errors import ConfigError, Fault
from ..ports import Inbound, Outbound, Transport
from ..server import Break, Head, Request, Step
from ..transports.http import Http
from ..transports.replay import Replay
from .threaded import ThreadedServer

__all__ = ["Exchanges"]

#: Each hop writes its own (RFC 9110, 7.6.1), and transports give bodies decoded and whole.
_OF_THE_HOP = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)


class Exchanges:
    """The exchanges in the directory ``path``, secrets masked; see ``transports.replay``.

    ``recording``: they are made anew, by asking for real. Otherwise what was not recorded
    fails. ``transport`` is for Seawall's clients, ``url`` for any client in any language.
    """

    def __init__(self, path: Path, *, recording: bool = False) -> None:
        self.path = path
        self.recording = recording
        self._servers: list[ThreadedServer] = []
        if recording:
            for old in path.glob("*.json"):
                old.unlink()
        elif not any(path.glob("*.json")):
            raise ConfigError(
                f"there are no exchanges in {path}",
                remedy="Record them once: pytest --seawall-record.",
            )

    def transport(self, inner: Transport | None = None) -> Replay:
        """For ``AsyncSeawall(transports={"http": ...})``; ``inner`` is what asks for real."""
        if not self.recording:
            return Replay(self.path)
        return Replay(self.path, inner or Http())

    def url(self, upstream: str) -> str:
        """A base URL on this machine that stands for ``upstream``, such as
        ``https://api.openai.com/v1``."""
        parts = urlsplit(upstream)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ConfigError(f"{upstream!r} is no base URL; write https://api.openai.com/v1")
        handler = partial(_pass_on, self.transport(), f"{parts.scheme}://{parts.netloc}")
        server = ThreadedServer(handler)
        self._servers.append(server)
        return server.url + parts.path.rstrip("/")

    def close(self) -> None:
        while self._servers:
            self._servers.pop().close()


async def _pass_on(
    transport: Transport, origin: str, request: Request
) -> AsyncGenerator[Step, None]:
    try:
        inbound = await transport(_outbound(origin, request))
    except Fault as fault:
        status, headers, body = FACE.complain(fault)
        yield Head(status, headers.pairs)
        yield body
        return
    yield Head(inbound.status, _own(inbound.headers.pairs))
    async for step in _body(inbound):
        yield step


async def _body(inbound: Inbound) -> AsyncGenerator[Step, None]:
    try:
        while data := await inbound.read():
            yield data
    except Fault:
        yield Break.CLOSE
    except BaseException:
        inbound.abort()
        raise


def _outbound(origin: str, request: Request) -> Outbound:
    return Outbound(
        method=request.method,
        url=origin + request.target,
        headers=_own(request.headers.pairs),
        body=request.body,
        stream=True,
        connect_timeout=10.0,
    )


def _own(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in pairs if pair[0].lower() not in _OF_THE_HOP)
