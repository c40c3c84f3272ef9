"""Requests out of a connection's bytes, with the bounds llhttp leaves to its caller."""

from __future__ import annotations

from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from msgspec import Struct

from ..ports import Headers
from .limits import Limits
from .messages import Request

__all__ = ["Arrived", "Refused", "RequestParser"]

#: Framing bytes allowed for each byte of content: the smallest chunk there is takes five.
_FRAMING = 8


class Arrived(Struct, frozen=True):
    """A request, and what its sender can take: ``chunked`` bodies (HTTP/1.1), another reply on
    the same connection (``keep``)."""

    request: Request
    chunked: bool
    keep: bool


class Refused(Struct, frozen=True):
    """What came is no request that can be served, and the connection of no more use."""

    status: int
    message: str


class _Stop(Exception):
    """Raised through the parser when a bound is exceeded."""


class RequestParser:
    """Reads one request after the other.

    ``begun``: a part of the next one has come. ``continues``: its sender waits to be told to
    send the body (``Expect: 100-continue``). ``refusal``: why nothing more can be read.

    The ``on_`` methods are called by httptools.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parser = HttpRequestParser(self)
        self._arrived: list[Arrived] = []
        self._clear()
        self.begun = False
        self.continues = False
        self.refusal: Refused | None = None

    def feed(self, data: bytes) -> list[Arrived]:
        """Take ``data``. The requests it completes, which come before a ``refusal``."""
        self._arrived = []
        self._new = not self.begun
        try:
            self._feed(data)
        except (HttpParserError, _Stop) as error:
            self._refuse(400, f"this is no HTTP/1.1 request: {error}")
        if self.begun and not self._new:
            self._fed += len(data)
            self._bound()
        return self._arrived

    def _feed(self, data: bytes) -> None:
        while True:
            try:
                self._parser.feed_data(data)
                return
            except HttpParserUpgrade as offer:
                data = data[offer.args[0] :]
            self._decline()

    def _decline(self) -> None:
        """llhttp leaves off where a client offers to go on in another protocol, and leaves its
        body out. An offer may be ignored (RFC 9110, 7.8): the head is read again without it."""
        asked = self._arrived.pop().request
        if asked.method == "CONNECT":
            self._stop(501, "nothing is tunnelled here")
        pairs = [pair for pair in asked.headers.pairs if pair[0].lower() != "upgrade"]
        lines = [f"{asked.method} {asked.target} HTTP/1.1", *map(": ".join, pairs), "", ""]
        self._parser = HttpRequestParser(self)
        self._parser.feed_data("\r\n".join(lines).encode("latin-1"))

    def _clear(self) -> None:
        self._target = b""
        self._lines: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._size = self._head = self._fed = 0
        self._headed = self._modern = False

    def _refuse(self, status: int, message: str) -> None:
        self.refusal = self.refusal or Refused(status, message)

    def _bound(self) -> None:
        """What no callback has seen: an endless header line, chunk extensions, trailers."""
        most = self._limits.header_bytes
        if not self._headed and self._fed > most:
            self._refuse(431, f"the head is larger than {most} bytes")
        elif self._fed > most + (1 + _FRAMING) * self._size + self._head:
            self._refuse(400, "the body is mostly framing")

    def _stop(self, status: int, message: str) -> None:
        self._refuse(status, message)
        raise _Stop

    def on_message_begin(self) -> None:
        self._clear()
        self._new = True
        self.begun = True

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._headed:
            return  # a trailer: nothing here wants one
        self._lines.append((name, value))
        self._count(len(name) + len(value))

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > self._limits.header_bytes:
            self._stop(431, f"the head is larger than {self._limits.header_bytes} bytes")

    def on_headers_complete(self) -> None:
        self._headed = True
        self._modern = self._parser.get_http_version() == "1.1"
        if len(self._lines) > self._limits.headers:
            self._stop(431, f"there are more than {self._limits.headers} headers")
        hosts = 0
        for name, value in self._lines:
            name = name.lower()
            if name == b"host":
                hosts += 1
            elif name == b"content-length":
                # llhttp has seen that it is a number, and the only one.
                if len(value) > 18 or int(value) > self._limits.body_bytes:
                    self._too_large()
            elif name == b"expect" and self._modern:
                self._expect(value)
        if hosts > 1 or (self._modern and not hosts):  # RFC 9112, 3.2
            self._stop(400, f"there are {hosts} Host headers; there must be one")

    def _expect(self, value: bytes) -> None:
        if value.lower() != b"100-continue":
            self._stop(417, f"{value.decode('latin-1')!r} is not expected here")
        self.continues = True

    def on_body(self, data: bytes) -> None:
        self.continues = False
        self._body.append(data)
        self._size += len(data)
        if self._size > self._limits.body_bytes:
            self._too_large()

    def _too_large(self) -> None:
        self._stop(413, f"the body is larger than {self._limits.body_bytes} bytes")

    def on_message_complete(self) -> None:
        body = self._body
        request = Request(
            method=self._parser.get_method().decode("latin-1"),
            target=self._target.decode("latin-1"),
            headers=_LazyHeaders(self._lines),
            body=body[0] if len(body) == 1 else b"".join(body),
        )
        self._arrived.append(Arrived(request, self._modern, self._parser.should_keep_alive()))
        self._clear()
        self.begun = self.continues = False


class _LazyHeaders(Headers):
    """Headers that are text once somebody looks at them."""

    __slots__ = ("_lines",)

    def __init__(self, lines: list[tuple[bytes, bytes]]) -> None:
        self._lines = lines
        self._index = None

    def __getattr__(self, name: str) -> Any:
        if name != "pairs":
            raise AttributeError(name)
        pairs = [(one.decode("latin-1"), other.decode("latin-1")) for one, other in self._lines]
        self.pairs = tuple([(name, value.strip(" \t")) for name, value in pairs])
        return self.pairs
