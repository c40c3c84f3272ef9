"""The results of a batch: read as they come, joined with its requests, recorded once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from msgspec import Struct

from ...errors import Fault, MalformedReplyError, UnansweredError
from ...framing.jsonl import Lines
from ...layers.reask import accept
from ...ports import BatchAnswer, BatchState, BatchStatus, Draft, Validator
from ...sinks.batches import BatchFile
from ...types import Response
from ..assemble import Assembly
from .entries import Entries
from .place import Place
from .steps import Download, Steps

__all__ = ["BatchItem", "Items"]

_MOST_NOTES = 100
_WHY: dict[BatchState, str] = {
    "failed": "failed",
    "expired": "expired",
    "cancelled": "cancelled",
    "unsent": "failed",
}
_SAID = {
    "expired": "the batch ended before this request was answered",
    "cancelled": "the batch was cancelled before this request was answered",
    "missing": "the results of the batch do not hold this request",
}


class BatchItem(Struct, kw_only=True):
    """What became of one request: a ``response``, or a ``fault``, which says what went wrong.

    ``output`` is the validated value when one was asked for. An answer that does not meet it has
    both: the response, which is paid for, and an ``OutputError``. ``cost`` is nano-USD, or ``None``
    where nothing was used or the price is not known.
    """

    id: str
    response: Response | None = None
    fault: Fault | None = None
    output: Any = None
    notes: tuple[str, ...] = ()
    cost: int | None = None

    @property
    def text(self) -> str:
        """The answer's text. Raises the fault of a request that has none."""
        if self.response is None:
            raise self.fault or UnansweredError("there is no answer", code="missing")
        return self.response.text


class Items:
    """Reads the results of one batch. ``notes``: what was passed over, and why."""

    def __init__(
        self,
        assembly: Assembly,
        place: Place,
        steps: Steps,
        file: BatchFile,
        validator: Validator | None,
    ) -> None:
        self._clock = assembly.clock
        self._place = place
        self._steps = steps
        self._file = file
        self._validator = validator
        self._entries = Entries(assembly.journal, assembly.clock, file)
        self._seen: set[str] = set()
        self._here: set[str] = set()
        self._whole = True
        self.notes: dict[str, None] = {}

    async def read(
        self, status: BatchStatus | None, state: BatchState, problems: Sequence[str]
    ) -> AsyncGenerator[BatchItem]:
        """Each request once. What the results do not hold is told at the end."""
        if status is not None and state != "unsent":
            for draft in self._place.codec.results(status, self._steps.route.base_url):
                async with aclosing(self._answers(draft)) as answers:
                    async for answer in answers:
                        yield self._item(answer)
        for id in self._file.items:
            if id not in self._seen:
                yield self._unanswered(id, _WHY.get(state, "missing"), "; ".join(problems))
        if self._whole and not self._entries.settled:
            self._file.step("settled")

    async def _answers(self, draft: Draft) -> AsyncGenerator[BatchAnswer]:
        """The answers of one file. A download that breaks off is begun again, as often as the
        retry policy lets it be; what was given out before is passed over."""
        retry, tried = self._steps.policies.retry, 0
        while True:
            # Opening it is retried below; only what breaks off later is here.
            download = await self._steps.open(draft)
            self._here.clear()
            try:
                async with aclosing(self._frames(download)) as frames:
                    async for frame in frames:
                        answer = self._read(frame)
                        if answer is not None:
                            yield answer
                return
            except Fault as fault:
                tried += 1
                wait = None if retry is None else retry.wait(tried, fault, 0.5)
                if wait is None and isinstance(fault, _TornError):
                    self._lost(fault.message)
                    return
                if wait is None:
                    raise
                self._remark(f"reading the results was begun again: {fault}")
                await self._clock.sleep(wait)

    async def _frames(self, download: Download) -> AsyncGenerator[bytes]:
        framer = self._place.codec.framer()
        try:
            while data := await download.read():
                for frame in framer.feed(data):
                    yield frame
            for frame in self._last(framer.end()):
                yield frame
        except ValueError as error:
            raise MalformedReplyError(f"the results cannot be read: {error}") from None
        finally:
            download.close()
        if isinstance(framer, Lines) and framer.oversized:
            self._lost(f"{framer.oversized} lines of the results were too large to be read")

    def _read(self, frame: bytes) -> BatchAnswer | None:
        """``None`` for what cannot be joined with a request, or has been."""
        try:
            answer = self._place.codec.answer(frame)
        except ValueError as error:
            shown = frame[:80].decode(errors="replace")
            self._lost(f"an unreadable line of the results was passed over: {error} ({shown!r})")
            return None
        if answer.id is None:
            self._lost("an answer without an id was passed over")
            return None
        if answer.id not in self._file.items:
            self._lost(f"an answer to {answer.id!r:.100}, which was not asked, was passed over")
            return None
        if answer.id in self._here:
            self._remark(f"a second answer to {answer.id!r:.100} was passed over")
        self._here.add(answer.id)
        if answer.id in self._seen:
            return None
        self._seen.add(answer.id)
        return answer

    def _lost(self, note: str) -> None:
        self._whole = False
        self._remark(note)

    def _remark(self, note: str) -> None:
        if len(self.notes) < _MOST_NOTES:
            self.notes[note] = None

    def _last(self, frames: Sequence[bytes]) -> Sequence[bytes]:
        """The last frames, unless the end of a file is missing, which its sender may not notice:
        a line that has no end and says nothing."""
        if len(frames) == 1:
            try:
                self._place.codec.answer(frames[0])
            except ValueError as error:
                raise _TornError(f"the last line of the results is cut off: {error}") from None
        return frames

    def _item(self, answer: BatchAnswer) -> BatchItem:
        if answer.unanswered:
            return self._unanswered(answer.id or "", answer.unanswered, answer.message)
        wire, item = self._steps.route.wire, BatchItem(id=answer.id or "")
        try:
            if not 200 <= answer.status < 300:
                raise wire.fault(answer.status, {}, answer.body)
            item.response = wire.decode(answer.body)
            self._validate(item, item.response)
        except Fault as fault:
            item.fault = fault
        except ValueError as error:
            what = f"the answer is no {wire.name} response: {error}"
            item.fault = MalformedReplyError(what, body=answer.body)
        return self._told(item)

    def _validate(self, item: BatchItem, response: Response) -> None:
        if self._validator is not None and not response.tool_calls:
            item.output, item.notes = accept(self._validator, response)

    def _unanswered(self, id: str, code: str, message: str) -> BatchItem:
        self._seen.add(id)
        said = _SAID.get(code, "the batch failed")
        fault = UnansweredError(f"{said}: {message}" if message else said, code=code)
        self._whole = self._whole and code != "missing"
        return self._told(BatchItem(id=id, fault=fault))

    def _told(self, item: BatchItem) -> BatchItem:
        if item.fault is not None:
            item.fault.model = self._file.plan.model
            item.fault.dialect = item.fault.dialect or self._steps.route.wire.name
        self._entries.record(item.id, item.response, item.fault)
        item.cost = self._entries.cost(item.response)
        return item


class _TornError(MalformedReplyError):
    """What came is what there is, if it comes again."""
