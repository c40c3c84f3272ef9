"""Replies out of a connection's bytes, with the bounds llhttp leaves to its caller."""

from __future__ import annotations

import re

from httptools import HttpParserError, HttpResponseParser

from ...errors import Fault, MalformedReplyError
from .decoding import decoder
from .head import HeadHeaders
from .inbound import HttpInbound
from .limits import Limits

__all__ = ["ReplyParser"]

#: Framing bytes allowed for each byte of content: the smallest chunk there is takes five.
_FRAMING = 8

_TELLING = re.compile(rb"\n(?:transfer-encoding|content-encoding|keep-alive):", re.IGNORECASE)


class _Stop(Exception):
    """Raised through the parser: what comes now is no part of the reply."""


class ReplyParser:
    """Reads one reply after the other into the inbound given to ``start``.

    llhttp judges every byte. Of the head it only says where it ends: header lines are taken
    apart when somebody asks for them, which for most nobody does.

    ``reusable``: after the complete reply, whether the connection may carry another.
    ``keep_alive``: the ``timeout`` of the server's Keep-Alive header in seconds. The ``on_``
    methods are called by httptools.
    """

    __slots__ = (
        "_complete",
        "_excess",
        "_head",
        "_head_only",
        "_inbound",
        "_interim",
        "_limits",
        "_parser",
        "_refusal",
        "keep_alive",
        "reusable",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parser = HttpResponseParser(self)
        # A reply that changes one of these leaves the connection unusable, or changes it back.
        self._refusal: Fault | None = None
        self._interim = False
        self.keep_alive: float | None = None

    def start(self, inbound: HttpInbound, head_only: bool) -> None:
        self._inbound = inbound
        self._head_only = head_only
        self._head = b""
        self._complete = False
        self._excess = 0
        self.reusable = False

    def feed(self, data: bytes) -> bool:
        """Take ``data``; true once the reply is complete. Raises ``MalformedReplyError``."""
        inbound = self._inbound
        began, before = inbound.status, inbound.size
        if not began:
            self._head = self._head + data if self._head else data
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._judge(error, data)
        if began:
            self._excess += len(data) - (1 + _FRAMING) * (inbound.size - before)
            if self._excess > self._limits.framing_bytes:
                raise _too_much("chunk framing", "framing_bytes", self._limits.framing_bytes)
        elif not inbound.status and len(self._head) > self._limits.header_bytes:
            raise _too_much("head", "header_bytes", self._limits.header_bytes)
        return self._complete

    def touched(self) -> bool:
        """Whether a byte of the reply has come."""
        return bool(self._inbound.status or self._head or self._excess)

    def ends_with_connection(self) -> bool:
        """Whether the body under way is delimited by the connection's end."""
        inbound = self._inbound
        framed = "content-length" in inbound.headers or "transfer-encoding" in inbound.headers
        return bool(inbound.status) and not framed

    def _judge(self, error: HttpParserError, data: bytes) -> None:
        """An error after the reply's end is about bytes that are no part of it."""
        if self._refusal is not None:
            raise self._refusal from None
        if not self._complete:
            raise MalformedReplyError(_complaint(str(error), data, self._inbound.status)) from None
        self.reusable = False

    def on_message_begin(self) -> None:
        if self._complete:
            raise _Stop

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        # llhttp takes nothing but CRLF as the end of a line, and only empty lines go before.
        seen = self._head
        start = seen.find(b"HTTP/")
        end = seen.find(b"\r\n\r\n", start) + 4
        if start < 0:
            self._refuse(MalformedReplyError(_complaint("another protocol", seen, 0)))
        if status < 200:
            self._pass_over(status, end)
            return
        head = seen[start : end - 2]
        self._check(head)
        self._head = b""
        self._excess = 0
        inbound = self._inbound
        inbound.head = head
        inbound.status = status
        if self._head_only:
            # httptools cannot be told that no body follows: this parser is at its end.
            self._complete = True
            raise _Stop

    def _pass_over(self, status: int, end: int) -> None:
        """An interim reply. All of them together may be no larger than a head."""
        if status not in (100, 102, 103):
            self._refuse(MalformedReplyError(f"nothing was asked that HTTP {status} answers"))
        self._interim = True
        self._head = self._head[end:]
        self._excess += end
        if self._excess > self._limits.header_bytes:
            self._refuse(_too_much("head", "header_bytes", self._limits.header_bytes))

    def _check(self, head: bytes) -> None:
        limits = self._limits
        if len(head) > limits.header_bytes:
            self._refuse(_too_much("head", "header_bytes", limits.header_bytes))
        # A header takes four bytes at least, so most heads need no count.
        if len(head) > 4 * limits.headers and head.count(b"\n") > limits.headers + 1:
            message = f"the reply has more than {limits.headers} headers (limits.headers)"
            self._refuse(MalformedReplyError(message))
        if _TELLING.search(head):
            self._heed(HeadHeaders(head))

    def _heed(self, headers: HeadHeaders) -> None:
        framing = headers.get("transfer-encoding", "chunked")
        if framing.lower() != "chunked":
            self._refuse(MalformedReplyError(f"transfer-encoding {framing!r} is not understood"))
        if "keep-alive" in headers:
            self.keep_alive = _timeout(headers["keep-alive"])
        codings = [value for name, value in headers.pairs if name.lower() == "content-encoding"]
        try:
            self._inbound.decoder = decoder(", ".join(codings))
        except Fault as fault:
            self._refuse(fault)

    def _refuse(self, fault: Fault) -> None:
        self._refusal = fault
        raise _Stop

    def on_body(self, data: bytes) -> None:
        inbound = self._inbound
        inbound.pieces.append(data)
        inbound.size += len(data)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            return
        self._complete = True
        self.reusable = self._parser.should_keep_alive()


def _too_much(what: str, limit: str, most: int) -> MalformedReplyError:
    return MalformedReplyError(f"the reply's {what} is larger than {most} bytes (limits.{limit})")


def _timeout(value: str) -> float | None:
    for part in value.split(","):
        name, _, seconds = part.partition("=")
        if name.strip().lower() == "timeout" and seconds.strip().isdecimal():
            return float(seconds)
    return None


def _complaint(error: str, data: bytes, status: int) -> str:
    if status:
        return f"the reply's body is framed wrongly: {error}"
    if data[:1] == b"\x15":
        return "the server answered in TLS to plain HTTP; is the base_url an https one?"
    return f"the reply is no HTTP: {error} (it begins with {data[:40]!r})"
