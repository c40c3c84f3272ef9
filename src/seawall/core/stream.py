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

from collections import deque
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, TypeGuard

from ..errors import (
    ConnectionFault,
    Fault,
    MalformedReplyError,
    Phase,
    StreamCutError,
    TimeoutFault,
)
from ..folding import fold
from ..ports import Framer, Inbound, Reader
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
from .clock import Watch, expire
from .end import End, Outcome

if TYPE_CHECKING:
    from .call import Call

__all__ = ["State", "Step", "Stream", "step"]


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


#: After the finish, usage and the end mark may let this many seconds pass without a byte: a
#: server that sends neither must not hold up an answer that is complete.
LINGER = 0.5

_Content = TextDelta | ReasoningDelta | ToolCallDelta | RefusalDelta | LogprobsDelta | UnknownDelta


def _is_content(event: Event) -> TypeGuard[_Content]:
    """Whether ``event`` carries a piece of the answer, known or not (audio, say)."""
    if type(event) is UnknownDelta:
        return event.scope == "delta" and any(event.fields.values())
    return isinstance(event, _Content)


class Stream:
    """The events of one reply. Iterate it once; ``aclose`` early to give up the rest.

    A fault raises from the iterator, again on every later step: a stream that was cut never
    ends cleanly, nor does one that was given up while somebody waited for its next event.
    Dropping a stream unread cancels it.
    """

    def __init__(
        self, call: Call, inbound: Inbound, framer: Framer, reader: Reader, watch: Watch
    ) -> None:
        self._call = call
        self._inbound = inbound
        self._framer = framer
        self._reader = reader
        self._watch = watch
        self._ready: deque[Event] = deque()
        self._seen: list[Event] = []
        self._ends: list[Callable[[End], None]] | None = []
        self._wanted = call.request.n or 1
        self._begun: set[int] = set()
        self._finished: set[int] = set()
        self._tool_under_way = False
        wanted = call.request.format
        self._structured = wanted is not None and wanted.type != "text"
        self._fault: Fault | None = None
        self._over = False
        self._committed = False
        first = call.timeouts.first_token
        self._first_due = None if first is None else call.clock.now() + first
        self._limit: tuple[float | None, Phase, float] | None = None
        self.state = State.OPEN
        self.damaged = 0

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

    async def _more(self) -> bool:
        """Wait for an event; false once the stream has ended. Raises the fault that cut it."""
        while not self._ready:
            if self._over:
                if self._fault is not None:
                    raise self._fault
                return False
            await self._pull()
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

    async def _pull(self) -> None:
        """Wait for the next piece of the body and turn it into events."""
        self._arm()
        try:
            data = await self._inbound.read()
        except Fault as fault:
            stalled = isinstance(fault, TimeoutFault)
            self._happen(Step.STALL if stalled else Step.RESET, fault)
            self._given_up()
            return
        except BaseException:
            self._happen(Step.CANCEL)
            self._given_up()
            raise
        self._watch.rest()
        try:
            frames = self._framer.feed(data) if data else self._framer.end()
        except Fault as fault:
            self._happen(Step.ERROR, fault)
            return
        if frames:
            self._limit = None  # comments are no sign of life: only an event is
        for frame in frames:
            self._take(frame)
            if self._over:
                return
        if not data:
            self._happen(Step.EOF)

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
        for event in events:
            self._event(event)
            if self._over:
                return
        if reader.done:
            self._happen(Step.END_MARK)

    def _event(self, event: Event) -> None:
        self._seen.append(event)
        self._ready.append(event)
        if _is_content(event):
            if type(event) is ToolCallDelta:
                self._tool_under_way = True
            self._begun.add(event.choice)
            if self.state is State.OPEN:
                self._call.mark_first_token()
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
        if self._tool_under_way or self._structured:
            return MalformedReplyError("an unreadable event may have held part of the answer")
        if not any(_is_content(event) for event in self._seen):
            return MalformedReplyError("the only events that could hold an answer were unreadable")
        return None

    def _conclude(self, what: Step) -> None:
        self._watch.close()
        if what in (Step.END_MARK, Step.EOF):
            self._inbound.release()
        else:
            self._inbound.abort()
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
            return call.deadline, "total", call.timeouts.total or 0.0
        due, phase, seconds = call.idle_due()
        if self.state is State.FINISHED:
            linger = call.clock.now() + LINGER
            if due is None or linger < due:
                return linger, "idle", LINGER
        return due, phase, seconds


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
