"""The streamed answer as a caller reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType

from ..core import Interruption, Reply, State, Stream
from ..errors import StreamCutError
from ..folding import fold
from ..layers.reask import accept
from ..types import Event, TextDelta
from .assemble import Prepared

__all__ = ["AsyncReplyStream"]


class AsyncReplyStream:
    """Iterate it for events, or ``text`` for the text alone; ``reply()`` gives the whole answer.

    The question is sent at the first step. A stream that breaks off raises; it never ends
    cleanly. Leave it early through ``async with`` or ``aclose()``, which stops the provider.
    """

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._reply: Reply | None = None
        self._stream: Stream | None = None
        self._failed: Exception | None = None
        self._begun = False
        self._closed = False
        self._opening: Interruption | None = None

    async def __aenter__(self) -> AsyncReplyStream:
        await self._open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        return await (self._stream or await self._open()).__anext__()

    async def batch(self) -> list[Event]:
        """Every event that is there, at least one; an empty list at the end."""
        return await (self._stream or await self._open()).batch()

    @property
    async def text(self) -> AsyncIterator[str]:
        """The answer's text, piece by piece."""
        async for event in self:
            if type(event) is TextDelta:
                yield event.text

    async def reply(self) -> Reply:
        """Read what is left and give the whole answer, validated if an ``output`` was asked.
        Raises ``OutputError`` when it does not meet it; a stream is not asked again."""
        stream = await self._open()
        async for _ in stream:
            pass
        if stream.state is not State.FINISHED:
            raise RuntimeError("the stream was closed before its end; there is no whole answer")
        reply = self._reply
        assert reply is not None
        if not reply.response.choices:
            reply.response = fold(stream.seen)
            reply.damaged = stream.damaged
            validator = self._prepared.validator
            if validator is not None and not reply.canned and not reply.tool_calls:
                reply.output, reply.notes = accept(validator, reply)
        return reply

    async def aclose(self) -> None:
        """Give up the rest: the provider is told to stop by closing its connection."""
        self.cancel()

    def cancel(self) -> None:
        """``aclose`` for code that cannot wait; to be called in the stream's own loop."""
        self._closed = True
        if self._stream is not None:
            self._stream.cancel()
        elif self._opening is not None:
            self._opening.call_off()

    async def _open(self) -> Stream:
        if self._stream is not None:
            return self._stream
        if self._failed is not None:
            raise self._failed
        if self._closed:
            raise RuntimeError("the stream is closed")
        if self._begun:
            raise RuntimeError("the stream is read by another task already")
        self._begun = True
        reply = self._reply = await self._ask()
        assert reply.stream is not None
        self._stream = reply.stream
        return reply.stream

    async def _ask(self) -> Reply:
        opening = self._opening = Interruption()
        try:
            return await self._prepared.run()
        except Exception as error:
            self._failed = error
            opening.taken_back()
            raise
        except BaseException:
            self._closed = True  # a call that was cancelled is not asked again
            if not opening.taken_back():
                raise
            self._failed = StreamCutError("the stream was given up before it began")
            raise self._failed from None
        finally:
            self._opening = None
