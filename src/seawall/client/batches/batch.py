"""A batch: submitted, waited for, read, and taken up again by another process."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ...errors import (
    CircuitOpenError,
    ClosedError,
    Fault,
    MalformedReplyError,
    UnknownSubmissionError,
    UnsupportedError,
)
from ...ports import BatchCounts, BatchState, BatchStatus, Headers, Validator
from ...sinks.batches import BatchFile
from ..assemble import Assembly
from .finding import LATE, find
from .items import BatchItem, Items
from .pacing import Pace, told
from .place import Place
from .steps import Steps

__all__ = ["FINAL", "AsyncBatch"]

#: States that no batch leaves.
FINAL = frozenset[BatchState]({"completed", "failed", "expired", "cancelled", "unsent"})
#: Polls in a row that may fail before ``wait`` gives up.
_PATIENCE = 10


class AsyncBatch:
    """A batch of one client's.

    ``handle`` is ours and lasts: ``client.batch_of(handle)`` takes it up in any process that has
    the same ledger directory. ``id`` is the provider's, empty while it is not known. ``state`` and
    ``counts`` are those of the last look. ``status`` is all
    the provider said. ``problems``: why it failed, in the provider's words.
    ``notes``: what was adapted, found again or passed over.
    """

    def __init__(
        self,
        assembly: Assembly,
        place: Place,
        steps: Steps,
        file: BatchFile,
        validator: Validator | None,
        status: BatchStatus | None = None,
    ) -> None:
        self._assembly = assembly
        self._place = place
        self._steps = steps
        self._file = file
        self._validator = validator
        self.status = status
        self.notes: list[str] = []

    @property
    def handle(self) -> str:
        return self._file.plan.handle

    @property
    def id(self) -> str:
        step = self._file.last("accepted", "adopted")
        return "" if step is None else step.value

    @property
    def at(self) -> float:
        """When it was begun: epoch seconds."""
        return self._file.plan.at

    @property
    def model(self) -> str:
        return self._file.plan.model

    @property
    def state(self) -> BatchState:
        """``unknown`` while it is not known whether the submission was accepted; ``unsent`` if
        nothing was submitted, and nothing will cost."""
        return state_of(self._file) if self.status is None else self.status.state

    @property
    def counts(self) -> BatchCounts:
        counts = BatchCounts() if self.status is None else self.status.counts
        return counts if counts.total else BatchCounts(total=len(self._file.items))

    @property
    def problems(self) -> tuple[str, ...]:
        refused = self._file.last("refused")
        if self.status is not None:
            return self.status.problems
        return () if refused is None else (refused.value,)

    @property
    def done(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in FINAL

    async def refresh(self) -> BatchState:
        """Ask the provider how far it is. A batch of which that is not known is looked for."""
        await self._look()
        return self.state

    async def wait(
        self, deadline: float | None = None, *, first: float = 2.0, most: float = 60.0
    ) -> BatchState:
        """Ask again and again until it is done; how it ended.

        The pause grows from ``first`` to ``most`` seconds, and is never shorter than a
        ``retry-after``. Raises ``TimeoutFault`` when ``deadline`` seconds have passed, the fault
        of a question that fails for good, or ten times in a row, and ``UnknownSubmissionError``
        for a batch that is not found within a quarter of an hour of its submission.
        """
        pace = Pace(self._assembly.clock, deadline, first, most)
        failed = 0
        while True:
            try:
                asked = told(await self._look(), self._assembly.clock)
                failed = 0
            except Fault as fault:
                failed += 1
                passing = fault.retry or isinstance(fault, CircuitOpenError)
                if not passing or failed >= _PATIENCE:
                    raise
                self._note(f"a look at the batch failed: {fault}")
                asked = max(fault.after or 0.0, told(fault.headers, self._assembly.clock))
            if self.done:
                return self.state
            self._check_found()
            await pace.pause(asked)

    async def results(self) -> AsyncGenerator[BatchItem]:
        """Every request's answer or fault, by its id, in the order they come; waits for the end
        of the batch first. Each is recorded in the ledger once, however often it is read."""
        if not self.done or self.status is None:
            await self.wait()
        items = Items(self._assembly, self._place, self._steps, self._file, self._validator)
        try:
            async with aclosing(items.read(self.status, self.state, self.problems)) as found:
                async for item in found:
                    yield item
        finally:
            for note in items.notes:
                self._note(note)

    async def cancel(self) -> BatchState:
        """Ask the provider to stop. Answers that are there already are kept, and paid for."""
        if not self.id:
            await self._look()
        if self.id and not self.done:
            await self._steps.ask(self._place.codec.cancel(self.id))
            await self._look()
        elif not self.done:
            raise UnsupportedError(f"the batch {self.handle} was not found yet; nothing to cancel")
        return self.state

    def forget(self) -> None:
        """Delete what is on file here. Nothing is cancelled."""
        self._file.forget()

    async def _look(self) -> Headers:
        if self._assembly.closed:
            raise ClosedError("the client is closed; make a new one")
        if not self.id:
            if state_of(self._file) == "unknown":
                await self._find()
            return Headers()
        body, headers = await self._steps.ask(self._place.codec.poll(self.id))
        try:
            status = self._place.codec.status(body)
        except ValueError as error:
            raise MalformedReplyError(f"the reply is no batch: {error}") from None
        self.status = status
        if status.state in FINAL and self._file.last("ended") is None:
            self._file.step("ended", status.state)
        return headers

    async def _find(self) -> None:
        found = await find(self._steps, self._place, self._file, self._assembly.dir)
        if found is None:
            return
        marked = found.mark is not None
        self._file.step("accepted" if marked else "adopted", found.id)
        self.status = found
        self._note(f"found again as {found.id} by its {'mark' if marked else 'time and size'}")

    def _check_found(self) -> None:
        sent = self._file.last("submitting")
        if self.state == "unknown" and sent is not None and sent.at + LATE < time.time():
            raise UnknownSubmissionError(
                "the provider has no batch that was submitted as this one; submit it again if "
                "that is certain enough for you",
                handle=self.handle,
            )

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def __repr__(self) -> str:
        return f"<Batch {self.handle} of {self.model}: {self.state}>"


def state_of(file: BatchFile) -> BatchState:
    """What is known of a batch without asking."""
    ended = file.last("ended")
    if ended is not None:
        return _STATES.get(ended.value, "completed")
    if file.last("accepted", "adopted") is not None:
        return "in_progress"
    if file.last("refused") is not None:
        return "failed"
    return "unknown" if file.last("submitting") is not None else "unsent"


_STATES: dict[str, BatchState] = {str(state): state for state in FINAL}
