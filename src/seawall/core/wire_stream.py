"""A stream read from a provider: bytes, frames, events, under the deadlines between them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from ..errors import Fault, MalformedReplyError, Phase, TimeoutFault
from ..ports import Framer, Inbound, Reader
from ..types import Event
from .clock import Watch, expire
from .stream import Piece, State, Step, Stream

if TYPE_CHECKING:
    from .call import Call

__all__ = ["WireStream"]

#: After the finish, usage and the end mark may let this many seconds pass without a byte: a
#: server that sends neither must not hold up an answer that is complete.
LINGER = 0.5


class WireStream(Stream):
    """The events that ``reader`` finds in the body of ``inbound``. ``keep``: its frames are
    wanted too."""

    def __init__(
        self,
        call: Call,
        inbound: Inbound,
        framer: Framer,
        reader: Reader,
        watch: Watch,
        *,
        keep: bool = False,
    ) -> None:
        super().__init__(call)
        self._pieces: list[Piece] | None = [] if keep else None
        self._inbound = inbound
        self._framer = framer
        self._reader = reader
        self._watch = watch
        first = call.timeouts.first_token
        self._first_due = None if first is None else call.clock.now() + first
        self._limit: tuple[float | None, Phase, float] | None = None

    async def batch(self) -> list[Event]:
        events = await super().batch()
        if self._pieces:
            self._pieces.clear()  # nobody asks for them
        return events

    async def pieces(self) -> Sequence[Piece]:
        if self._pieces is None:
            return await super().pieces()
        await super().batch()
        pieces, self._pieces = self._pieces, []
        return pieces

    async def _pull(self) -> int:
        self._arm()
        try:
            data = await self._inbound.read()
        except Fault as fault:
            stalled = isinstance(fault, TimeoutFault)
            self._happen(Step.STALL if stalled else Step.RESET, fault)
            return 0
        except BaseException:
            self._happen(Step.CANCEL)
            raise
        if self._over:
            return 0
        self._watch.rest()
        try:
            frames = self._framer.feed(data) if data else self._framer.end()
        except Fault as fault:
            self._happen(Step.ERROR, fault)
            return 0
        if frames:
            self._limit = None  # comments are no sign of life: only an event is
        for frame in frames:
            self._take(frame)
            if self._over:
                break
        if not data:
            self._happen(Step.EOF)
        return len(data)

    def _take(self, frame: bytes) -> None:
        reader = self._reader
        try:
            events = reader.feed(frame)
        except Fault as fault:
            self._happen(Step.ERROR, fault)
            return
        except ValueError as error:
            self.damaged += 1
            self._call.note(f"an unreadable event of the stream was skipped: {error}")
            if self.state is not State.FINISHED and (self._tool_under_way or self._structured):
                what = "tool arguments" if self._tool_under_way else "structured output"
                message = f"an event was unreadable while {what} were under way"
                self._happen(Step.ERROR, MalformedReplyError(message))
            return
        if self._pieces is not None and (events or not reader.done):
            self._pieces.append((frame, events))
        for event in events:
            self._event(event)
            if self._over:
                return
        if reader.done:
            self._happen(Step.END_MARK)

    def _first_content(self) -> None:
        self._call.mark_first_token()

    def _let_go(self, what: Step) -> None:
        self._watch.close()
        if what in (Step.END_MARK, Step.EOF):
            self._inbound.release()
        else:
            self._inbound.abort()

    def _arm(self) -> None:
        if self._limit is None:
            self._limit = self._next_limit()
        due, phase, seconds = self._limit
        self._watch.arm(due, partial(expire, self._inbound, phase, seconds))

    def _next_limit(self) -> tuple[float | None, Phase, float]:
        """When the next event must be there, which deadline that is, its seconds."""
        call = self._call
        if self.state is State.OPEN:
            # Before the first token its own deadline counts: a model may think for longer than
            # it may pause.
            first = self._first_due
            if first is not None and (call.deadline is None or first < call.deadline):
                return first, "first_token", call.timeouts.first_token or 0.0
            return call.deadline, "total", call.limit or 0.0
        due, phase, seconds = call.idle_due()
        if self.state is State.FINISHED:
            linger = call.clock.now() + LINGER
            if due is None or linger < due:
                return linger, "idle", LINGER
        return due, phase, seconds
