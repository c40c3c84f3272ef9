"""A reply's bytes: its head, and its body in the framing its client can take."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from .messages import Head
from .parsing import Arrived

__all__ = ["CONTINUE", "ReplyWriter"]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_UNSAFE = re.compile(r"[\r\n\0]")
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
        names = {name.lower(): value for name, value in head.headers}
        self._frame(head.status, names.get("content-length"))
        more: list[tuple[str, str]] = [] if "date" in names else [("date", _date())]
        if self._chunked:
            more.append(("transfer-encoding", "chunked"))
        if not self.keep:
            more.append(("connection", "close"))
        elif not self._arrived.chunked:
            more.append(("connection", "keep-alive"))
        ours = [pair for pair in head.headers if pair[0].lower() not in _OURS]
        written = _write(head.status, [*ours, *more])
        self.begun = True
        return written

    def _frame(self, status: int, length: str | None) -> None:
        self._bodiless = self._arrived.request.method == "HEAD" or status in (204, 304)
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


def _write(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, '')}"]
    for name, value in headers:
        if not _NAME.fullmatch(name) or _UNSAFE.search(value):
            raise ValueError(f"{name!r}: {value!r} is no header")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _date() -> str:
    return _format(int(time.time()))


@lru_cache(maxsize=1)
def _format(second: int) -> str:
    return formatdate(second, usegmt=True)
