"""How a stream lives and ends: one state machine, and the one iterator that asks it.

States and what may happen in them (``step`` is this table):

=========== ========= ========= ============ ========================= =============
state       content   finish    end mark     eof, reset, error, stall  cancel
=========== ========= ========= ============ ========================= =============
open        delivered finished  **cut**      **cut**                   **cancelled**
delivered   delivered finished  **cut**      **cut**                   **cancelled**
finished    finished  finished  **finished** **finished**              **finished**
=========== ========= ========= ============ ========================= =============

Bold ends the stream. So a stream without a finish is an error whatever the transport said,
and one with a finish is complete even if its end mark never comes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, TypeGuard

from ..errors import ConnectionFault, Fault, MalformedReplyError, StreamCutError
from ..folding import fold
from ..types import (
    Event,
    Finish,
    LogprobsDelta,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    UnknownDelta,
)
from .end import End, Outcome

if TYPE_CHECKING:
    from .call import Call

__all__ = ["Piece", "State", "Step", "Stream", "is_content", "step"]

#: A frame as it came and the events it held; no frame if there was none in the caller's words.
Piece = tuple[bytes | None, Sequence[Event]]


class State(Enum):
    OPEN = "open"
    DELIVERED = "delivered"
    FINISHED = "finished"
    CUT = "cut"
    CANCELLED = "cancelled"


class Step(Enum):
    """What can happen to a stream."""

    CONTENT = "content"
    FINISH = "finish"
    END_MARK = "end_mark"
    EOF = "eof"
    RESET = "reset"
    ERROR = "error"
    STALL = "stall"
    CANCEL = "cancel"


_BROKEN = (Step.END_MARK, Step.EOF, Step.RESET, Step.ERROR, Step.STALL)


def step(state: State, happened: Step) -> tuple[State, bool]:
    """The next state, and whether the stream is over."""
    if state is State.CUT or state is State.CANCELLED:
        return state, True
    if state is State.FINISHED:
        return state, happened not in (Step.CONTENT, Step.FINISH)
    if happened is Step.CONTENT:
        return State.DELIVERED, False
    if happened is Step.FINISH:
        return State.FINISHED, False
    return (State.CANCELLED if happened is Step.CANCEL else State.CUT), True


#: Bytes of a stream that may wait for its finish: as many as a whole body may have.
HELD = 64 * 1024 * 1024

_Content = TextDelta | ReasoningDelta | ToolCallDelta | RefusalDelta | LogprobsDelta | UnknownDelta


def is_content(event: Event) -> TypeGuard[_Content]:
    """Whether ``event`` carries a piece of the answer, known or not (audio, say)."""
    if type(event) is UnknownDelta:
        return event.scope == "delta" and any(event.fields.values())
    return isinstance(event, _Content)


class Stream(ABC):
    """The events of one reply, wherever they come from. Iterate it once; ``aclose`` early to
    give up the rest.

    A fault raises from the iterator, again on every later step: a stream that was cut never
    ends cleanly, nor does one that was given up while somebody waited for its next event.
    Dropping a stream unread cancels it.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._ready: deque[Event] = deque()
        self._seen: list[Event] = []
        self._ends: list[Callable[[End], None]] | None = []
        head = call.head
        self._wanted = head.choices
        self._begun: set[int] = set()
        self._finished: set[int] = set()
        self._tool_under_way = False
        self._structured = head.structured
        self._fault: Fault | None = None
        self._over = False
        self._committed = False
        self.state = State.OPEN
        self.damaged = 0

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self._over

    def on_end(self, told: Callable[[End], None]) -> None:
        """Have ``told`` called when the stream ends (at once, if it already has)."""
        if self._ends is None:
            told(self._end())
        else:
            self._ends.append(told)

    @property
    def seen(self) -> list[Event]:
        """Every event so far, given out or not."""
        return self._seen

    async def prime(self) -> None:
        """Read until the first content or the finish, so that a fault before it can still be
        retried. Raises that fault."""
        while self.state is State.OPEN and not self._over:
            await self._pull()
        if self._fault is not None:
            raise self._fault
        self._committed = True

    async def hold(self) -> None:
        """Read to the finish before anything is given out, so that a fault on the way is one
        before the answer. Raises that fault, and ``MalformedReplyError`` beyond ``HELD`` bytes.
        """
        self._committed = False
        size = 0
        while self.state is not State.FINISHED and not self._over:
            size += await self._pull()
            if size > HELD:
                message = f"the answer is held back until it is whole, but exceeds {HELD} bytes"
                self._happen(Step.ERROR, MalformedReplyError(message, retry=False))
        if self._fault is not None:
            raise self._fault
        self._committed = True

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Event:
        if not self._ready and not await self._more():
            raise StopAsyncIteration
        return self._ready.popleft()

    async def batch(self) -> list[Event]:
        """Every event that is there, at least one; an empty list once the stream has ended."""
        if not self._ready:
            await self._more()
        events = list(self._ready)
        self._ready.clear()
        return events

    async def pieces(self) -> Sequence[Piece]:
        """``batch`` for whoever hands the stream on to others."""
        events = await self.batch()
        return [(None, events)] if events else []

    async def _more(self) -> bool:
        """Wait for an event; false once the stream has ended. Raises the fault that cut it."""
        while not self._ready:
            if self._over:
                if self._fault is not None:
                    raise self._fault
                return False
            try:
                await self._pull()
            finally:
                if self._over:
                    self._given_up()
        return True

    async def aclose(self) -> None:
        self.cancel()

    def cancel(self) -> None:
        """Give up the rest. After the finish this is a clean end."""
        self._ready.clear()
        self._happen(Step.CANCEL)

    def __del__(self) -> None:
        if not self._over:
            self.cancel()

    @abstractmethod
    async def _pull(self) -> int:
        """Wait for what comes next and tell it to ``_event`` and ``_happen``. Returns how many
        bytes it was."""

    @abstractmethod
    def _let_go(self, what: Step) -> None:
        """The stream is over: let go of where its events come from."""

    def _first_content(self) -> None:  # noqa: B027 - not every stream has something to do
        """Called when the answer begins."""

    def _event(self, event: Event) -> None:
        self._seen.append(event)
        self._ready.append(event)
        if is_content(event):
            if type(event) is ToolCallDelta:
                self._tool_under_way = True
            self._begun.add(event.choice)
            if self.state is State.OPEN:
                self._first_content()
                self._happen(Step.CONTENT)
        elif type(event) is Finish:
            self._begun.add(event.choice)
            self._finished.add(event.choice)
            if len(self._finished) >= max(self._wanted, len(self._begun)):
                self._happen(Step.FINISH)

    def _happen(self, what: Step, fault: Fault | None = None) -> None:
        if self._over:
            return
        before = self.state
        if what in (Step.END_MARK, Step.EOF) and self._finished and self._finished == self._begun:
            # Fewer choices than were asked for, each of them whole.
            self.state, _ = step(self.state, Step.FINISH)
        self.state, self._over = step(self.state, what)
        if self.state is State.FINISHED and before is not State.FINISHED:
            fault = self._contradiction()
            if fault is not None:
                self.state, self._over = State.CUT, True
        if not self._over:
            return
        if self.state is State.CUT:
            self._fault = self._blame(what, fault)
        self._conclude(what)

    def _given_up(self) -> None:
        """Whoever waits for the next event when the stream is cancelled must not take that for
        its end."""
        if self.state is State.CANCELLED and self._fault is None:
            self._fault = self._blame(Step.CANCEL, None)

    def _blame(self, what: Step, fault: Fault | None) -> Fault:
        if fault is None or isinstance(fault, ConnectionFault):
            fault = _cut(what, fault)
        self._call.blame(fault)
        if self._committed:
            fault.delivered = True
            fault.retry = False
            fault.reroute = "none"
        return fault

    def _contradiction(self) -> Fault | None:
        """What the finish says against what arrived."""
        reasons = {event.reason for event in self._seen if type(event) is Finish}
        if "tool_calls" in reasons and not self._tool_under_way:
            return MalformedReplyError("the stream finished with tool_calls but carried none")
        if not self.damaged:
            return None
        if self._tool_under_way or self._structured or self._call.strict:
            return MalformedReplyError("an unreadable event may have held part of the answer")
        if not any(is_content(event) for event in self._seen):
            return MalformedReplyError("the only events that could hold an answer were unreadable")
        return None

    def _conclude(self, what: Step) -> None:
        self._let_go(what)
        ends, self._ends = self._ends, None
        end = self._end()
        for told in ends or ():
            told(end)

    def _end(self) -> End:
        outcome: Outcome = "finished"
        if self.state is State.CUT:
            outcome = "cut" if self._committed else "fault"
        elif self.state is State.CANCELLED:
            outcome = "cancelled"
        fault = self._fault if self.state is State.CUT else None
        return End(outcome=outcome, fault=fault, response=fold(self._seen), damaged=self.damaged)


def _cut(what: Step, cause: Fault | None = None) -> StreamCutError:
    how = {
        Step.END_MARK: "its end mark came before any finish reason",
        Step.EOF: "the body ended before any finish reason",
        Step.RESET: "the connection was lost",
        Step.CANCEL: "it was given up while its next event was awaited",
    }.get(what, "it broke off")
    fault = StreamCutError(f"the stream was cut: {how}" + (f" ({cause})" if cause else ""))
    fault.__cause__ = cause
    return fault
