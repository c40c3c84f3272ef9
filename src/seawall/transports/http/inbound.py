"""A reply as its reader sees it: head, pieces, and how it ends."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from typing import Protocol

from ...errors import ConnectionFault, Fault, MalformedReplyError
from ...ports import Headers
from .decoding import Decoder
from .head import HeadHeaders
from .loops import run_on

__all__ = ["HttpInbound", "Link", "too_large"]


def too_large(most: float) -> MalformedReplyError:
    return MalformedReplyError(f"the body is larger than {most} bytes (limits.body_bytes)")


class Link(Protocol):
    """The connection a reply comes through, while it does."""

    def resume(self) -> None: ...
    def drain(self) -> None: ...
    def close(self) -> None: ...


class HttpInbound:
    """``Inbound`` over one connection. Headers are as they came; ``read`` gives decoded bytes.

    The connection fills in head and ``pieces`` and tells ``finish`` or ``fail``; it is forgotten
    (``link`` is ``None``) as soon as it may serve another call. ``answered`` is done with the head
    or the ``fault`` that came instead; ``stale``: the connection was an old one, found closed.
    ``held``: reading is paused because nobody read.
    """

    __slots__ = (
        "_ended",
        "_headers",
        "_left",
        "_loop",
        "_most",
        "_waiter",
        "answered",
        "decoder",
        "fault",
        "head",
        "held",
        "link",
        "pieces",
        "size",
        "stale",
        "status",
    )

    def __init__(self, link: Link, loop: AbstractEventLoop, most: float) -> None:
        self.link: Link | None = link
        self.status = 0
        self.head = b""
        self._headers: Headers | None = None
        self.pieces: list[bytes] = []
        self.size = 0
        self.fault: Fault | None = None
        self.stale = False
        self.held = False
        self.decoder: Decoder | None = None
        self.answered: Future[None] = loop.create_future()
        self._waiter = self.answered
        self._loop = loop
        self._ended = False
        self._left = most
        self._most = most

    @property
    def headers(self) -> Headers:
        headers = self._headers
        if headers is None:
            headers = self._headers = HeadHeaders(self.head)
        return headers

    async def read(self) -> bytes:
        while True:
            if self.decoder is not None:
                data = self._decode(self.decoder)
            elif self.pieces:
                data = self._take()
            else:
                data = b""
            if data:
                self._left -= len(data)
                if self._left >= 0:
                    return data
                self._abort(too_large(self._most))
            if self.fault is not None:
                raise self.fault
            if self._ended:
                return b""
            self._waiter = self._loop.create_future()
            await self._waiter

    def release(self) -> None:
        run_on(self._loop, self._release)

    def abort(self, fault: Fault | None = None, /) -> None:
        run_on(self._loop, self._abort, fault)

    def finish(self) -> None:
        """The body is complete, though perhaps not yet read."""
        self.link = None
        self._ended = True
        if not self._waiter.done():
            self._waiter.set_result(None)

    def fail(self, fault: Fault) -> None:
        """Nothing more comes. What has arrived can still be read."""
        self.link = None
        if self.fault is None:
            self.fault = fault
        self.wake()

    def wake(self) -> None:
        if not self._waiter.done():
            self._waiter.set_result(None)

    def _take(self) -> bytes:
        pieces = self.pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.size = 0
        if self.held and self.link is not None:
            self.link.resume()
        return data

    def _decode(self, decoder: Decoder) -> bytes:
        """What can be given out now. A body that breaks here takes its connection along."""
        try:
            data = decoder.step()
            while not data and self.pieces:
                decoder.feed(self._take())
                data = decoder.step()
            if not data and self._ended:
                decoder.end()
        except Fault as fault:
            self._abort(fault)
            return b""
        return data

    def _release(self) -> None:
        self.pieces.clear()
        self.size = 0
        self.decoder = None
        self._ended = True
        if self.link is not None:
            self.link.drain()

    def _abort(self, fault: Fault | None) -> None:
        link = self.link
        self.pieces.clear()
        self.decoder = None
        self.fail(fault or ConnectionFault("the reply was given up"))
        if link is not None:
            link.close()
