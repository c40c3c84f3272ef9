"""What a server and its handler say to each other."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from enum import Enum

from msgspec import Struct

from ..ports import Headers

__all__ = ["Break", "Handler", "Head", "Request", "Step"]


class Request(Struct, frozen=True, kw_only=True):
    """A request that has arrived in full. ``target`` is its path and query as they were sent."""

    method: str
    target: str
    headers: Headers = Headers()
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class Head(Struct, frozen=True):
    """A reply begins. Without a ``content-length`` its body is as long as what follows."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()


class Break(Enum):
    """A reply ends before it is complete: its connection is closed in order, or reset."""

    CLOSE = "close"
    RESET = "reset"


Step = Head | bytes | Break
"""One ``Head``, pieces of the body, and perhaps a ``Break``, which may also come first."""

Handler = Callable[[Request], AsyncGenerator[Step, None]]
"""Answers a request, as fast as its client reads. When the client leaves, the generator is
cancelled where it waits, or closed."""
