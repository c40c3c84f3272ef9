"""Looking for a batch whose submission was never answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from ...errors import MalformedReplyError
from ...ports import BatchStatus
from ...sinks.batches import BatchFile, batch_files
from .place import Place
from .steps import Steps

__all__ = ["LATE", "find"]

_MOST_PAGES = 20
#: How far a provider's clock may be off, and how long a submission may take to be accepted.
_EARLY, LATE = 300.0, 900.0


async def find(steps: Steps, place: Place, file: BatchFile, home: Path) -> BatchStatus | None:
    """The provider's batch that ``file`` was submitted as, if its list has one.

    By the mark it was submitted with; where the API keeps none, by its time and size, if just one
    fits that is none of the other batches on file under ``home``.
    """
    fitting: list[BatchStatus] = []
    async for status in _listed(steps, place):
        if status.mark is not None:
            if status.mark == file.plan.handle:
                return status
        elif not place.codec.marks and _fits(status, file):
            fitting.append(status)
    if not fitting:
        return None
    taken = _taken(home)
    left = [status for status in fitting if status.id not in taken]
    return left[0] if len(left) == 1 else None


async def _listed(steps: Steps, place: Place) -> AsyncIterator[BatchStatus]:
    page = ""
    for _ in range(_MOST_PAGES):
        body, _ = await steps.ask(place.codec.listing(page))
        try:
            found, page = place.codec.listed(body, page)
        except ValueError as error:
            raise MalformedReplyError(f"the reply is no list of batches: {error}") from None
        for status in found:
            yield status
        if not page:
            return


def _fits(status: BatchStatus, file: BatchFile) -> bool:
    sent = file.last("submitting")
    if sent is None or status.created is None or status.counts.total != len(file.items):
        return False
    return sent.at - _EARLY <= status.created <= sent.at + LATE


def _taken(home: Path) -> set[str]:
    accepted = (each.last("accepted", "adopted") for each in batch_files(home))
    return {step.value for step in accepted if step is not None}
