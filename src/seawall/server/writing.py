"""A reply's bytes: its head, and its body in the framing its client can take."""

from __future__ import annotations

import re
import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from .messages import Head
from .parsing import Arrived

__all__ = ["CONTINUE", "ReplyWriter"]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
#: Who answers decides on the body's length, never on its framing.
_OURS = frozenset({"connection", "keep-alive", "transfer-encoding"})


class ReplyWriter:
    """Writes one reply to the request that ``arrived``. ``keep``: the connection may carry
    another one after it. Raises ``ValueError`` for what is no reply."""

    def __init__(self, arrived: Arrived, keep: bool) -> None:
        self._arrived = arrived
        self._left: int | None = None
        self._chunked = False
        self._bodiless = False
        self.begun = False
        self.keep = keep and arrived.keep

    def head(self, head: Head) -> bytes:
        if self.begun or not 200 <= head.status <= 999:
            raise ValueError(f"a reply has one head, with a final status; this one is {head}")
        length: str | None = None
        dated = False
        lines = [_status_line(head.status)]
        for name, value in head.headers:
            lower = _lower(name)
            if lower == "content-length":
                length = value
            elif lower == "date":
                dated = True
            elif lower in _OURS:
                continue
            if not value.isprintable():
                raise ValueError(f"the value of the header {name} is {value!r}")
            lines.append(f"{name}: {value}")
        self._frame(head.status, length)
        if not dated:
            lines.append(f"date: {_format_date(int(time.time()))}")
        if self._chunked:
            lines.append("transfer-encoding: chunked")
        if not self.keep:
            lines.append("connection: close")
        elif not self._arrived.chunked:
            lines.append("connection: keep-alive")
        written = "\r\n".join([*lines, "\r\n"]).encode("latin-1")
        self.begun = True
        return written

    def _frame(self, status: int, length: str | None) -> None:
        self._bodiless = status in (204, 304) or self._arrived.request.method == "HEAD"
        if length is not None:
            self._left = int(length)
        elif not self._bodiless:
            self._chunked = self._arrived.chunked
            self.keep = self.keep and self._chunked  # else only the connection's end tells

    def piece(self, data: bytes) -> bytes:
        if not self.begun:
            raise ValueError("the body begins before the head")
        if self._bodiless or not data:
            return b""
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise ValueError("the body is longer than its content-length")
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data

    def end(self) -> bytes:
        if not self.begun:
            raise ValueError("there is no reply")
        if self._left and not self._bodiless:
            raise ValueError(f"the body is {self._left} bytes shorter than its content-length")
        return b"0\r\n\r\n" if self._chunked else b""


@lru_cache(maxsize=64)
def _status_line(status: int) -> str:
    return f"HTTP/1.1 {status} {_REASONS.get(status, '')}"


@lru_cache(maxsize=1024)
def _lower(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a header")
    return name.lower()


@lru_cache(maxsize=1)
def _format_date(second: int) -> str:
    return formatdate(second, usegmt=True)
