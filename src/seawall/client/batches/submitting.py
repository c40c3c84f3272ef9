"""Writing a batch down, on file and in the provider's words, and submitting it, once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from io import BytesIO

from ...core import Route
from ...core.hopeless import check_window
from ...errors import (
    ContextLengthError,
    Fault,
    MalformedReplyError,
    UnknownSubmissionError,
    UnsupportedError,
)
from ...folding import estimate_tokens
from ...layers.fit import fit
from ...ports import BatchStatus, Draft, Envelope
from ...records import Content
from ...sinks import conceal
from ...sinks.batches import BatchFile, BatchItemRecord, item_record
from ...types import Request
from .asked import bad
from .place import Place
from .steps import Steps, refused

__all__ = ["Load", "submit", "write"]

#: Requests written before others get their turn on the loop.
_TURN = 100


class Load:
    """The lines of a batch in their envelope, checked as they are added against what the vendor
    takes."""

    def __init__(self, place: Place, mark: str) -> None:
        self._place = place
        self.envelope: Envelope = place.codec.envelope(mark, place.route.model)
        self._body = BytesIO()
        self._body.write(self.envelope.head)
        self._headers: dict[str, dict[str, None]] = {}
        self._ids: set[str] = set()
        self.path = ""
        self.notes: dict[str, None] = {}

    def add(self, id: str, draft: Draft) -> None:
        """Raises ``BadRequestError`` for an id that cannot be used and a batch that is too large,
        ``UnsupportedError`` for requests that do not go into one batch."""
        self._check_id(id)
        if self._ids:
            self._body.write(self.envelope.between)
        self._ids.add(id)
        self._body.write(self._place.codec.line(id, draft, self._place.route.model))
        self._check_size()
        if self.path not in ("", draft.path):
            raise UnsupportedError(f"a batch goes to one address, not {self.path} and {draft.path}")
        self.path = draft.path
        self.notes.update(dict.fromkeys(draft.notes))
        for name, value in draft.headers:
            self._headers.setdefault(name, {})[str(value)] = None

    def draft(self) -> Draft:
        """The whole of it."""
        if not self._ids:
            raise bad("it has no requests")
        self._body.write(self.envelope.tail)
        headers = (*self.envelope.headers, *self._place.codec.headers(self._headers).items())
        return Draft(path=self.envelope.path, body=self._body.getvalue(), headers=headers)

    def _check_id(self, id: str) -> None:
        if id in self._ids:
            raise bad(f"the id {id!r} is there twice, and answers could not be told apart")
        pattern = self._place.codec.ids
        if not re.fullmatch(pattern, id):
            raise bad(f"the id {id!r} is none that {self._vendor} takes; they match {pattern}")

    def _check_size(self) -> None:
        offer = self._place.offer
        if offer.requests is not None and len(self._ids) > offer.requests:
            raise bad(f"{self._vendor} takes {offer.requests:,} requests in a batch; split it")
        size = self._body.tell() + len(self.envelope.tail)
        if offer.bytes is not None and size > offer.bytes:
            raise bad(
                f"{self._vendor} takes {offer.bytes:,} bytes in a batch, and request "
                f"{len(self._ids)} goes beyond; split it"
            )

    @property
    def _vendor(self) -> str:
        return self._place.route.name.partition("/")[0]


async def write(
    requests: Iterable[tuple[str, Request]], load: Load, route: Route, file: BatchFile
) -> None:
    """Put every request into ``load`` and on ``file``. Raises for the first that cannot be."""
    records: list[BatchItemRecord] = []
    for number, (id, request) in enumerate(requests):
        fitted, notes = fit(request, route)
        assert isinstance(fitted, Request)
        try:
            draft = route.wire.encode(fitted, route.quirks)
            check_window(fitted, route, draft)
            load.add(id, draft)
        except (ContextLengthError, UnsupportedError) as error:
            error.message = f"request {id!r}: {error.message}"
            raise
        load.notes.update(dict.fromkeys(notes))
        records.append(_record(id, fitted, file.plan.content))
        if number % _TURN == _TURN - 1:
            file.add(records)
            records.clear()
            await asyncio.sleep(0)
    file.add(records)


def _record(id: str, request: Request, content: Content) -> BatchItemRecord:
    return item_record(id, conceal(request.messages, content), estimate_tokens(request))


async def submit(steps: Steps, place: Place, load: Load, file: BatchFile) -> BatchStatus:
    """Submit what was written. Raises the fault of a batch that was refused for certain, or whose
    file was not taken, and ``UnknownSubmissionError`` where it may have been accepted."""
    draft = load.draft()
    if place.codec.uploads:
        # A file that nobody names costs nothing: it may be sent again.
        uploaded = _uploaded(place, await steps.load(draft, again=True))
        file.step("uploaded", uploaded)
        draft = place.codec.submit(uploaded, file.plan.handle, place.route.model, load.path)
    file.step("submitting")
    try:
        status = place.codec.status(await steps.load(draft, again=False))
    except Fault as fault:
        if not refused(fault):
            raise _unknown(file, fault) from fault
        file.step("refused", str(fault)[:500])
        raise
    except ValueError as error:
        raise _unknown(file, error) from error
    file.step("accepted", status.id)
    return status


def _uploaded(place: Place, body: bytes) -> str:
    try:
        return place.codec.uploaded(body)
    except ValueError as error:
        raise MalformedReplyError(f"the reply to the upload is no file: {error}") from None


def _unknown(file: BatchFile, why: Exception) -> UnknownSubmissionError:
    handle = file.plan.handle
    return UnknownSubmissionError(
        f"the batch may have been accepted, or not: {why}. It is not submitted again; "
        f"client.batch_of({handle!r}) looks for it",
        handle=handle,
    )
