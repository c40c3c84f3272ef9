"""A batch for code that is not asynchronous."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

from ...ports import BatchCounts, BatchState
from ..loop import run_in_loop
from .batch import AsyncBatch
from .items import BatchItem

__all__ = ["Batch"]


class Batch:
    """``AsyncBatch`` without ``await``; ``results`` is an ordinary iterator."""

    def __init__(self, inner: AsyncBatch) -> None:
        self._inner = inner

    @property
    def handle(self) -> str:
        return self._inner.handle

    @property
    def id(self) -> str:
        return self._inner.id

    @property
    def at(self) -> float:
        """When it was begun: epoch seconds."""
        return self._inner.at

    @property
    def model(self) -> str:
        return self._inner.model

    @property
    def state(self) -> BatchState:
        return self._inner.state

    @property
    def counts(self) -> BatchCounts:
        return self._inner.counts

    @property
    def problems(self) -> tuple[str, ...]:
        return self._inner.problems

    @property
    def notes(self) -> list[str]:
        return self._inner.notes

    @property
    def done(self) -> bool:
        return self._inner.done

    def refresh(self) -> BatchState:
        """See ``AsyncBatch.refresh``."""
        return run_in_loop(self._inner.refresh())

    def wait(
        self, deadline: float | None = None, *, first: float = 2.0, most: float = 60.0
    ) -> BatchState:
        """See ``AsyncBatch.wait``."""
        return run_in_loop(self._inner.wait(deadline, first=first, most=most))

    def results(self) -> Iterator[BatchItem]:
        """See ``AsyncBatch.results``. Close the iterator to leave it early."""
        items = self._inner.results()
        try:
            while (item := run_in_loop(_next(items))) is not None:
                yield item
        finally:
            run_in_loop(items.aclose())

    def cancel(self) -> BatchState:
        """See ``AsyncBatch.cancel``."""
        return run_in_loop(self._inner.cancel())

    def forget(self) -> None:
        """Delete what is on file here. Nothing is cancelled."""
        self._inner.forget()

    def __repr__(self) -> str:
        return repr(self._inner)


async def _next(items: AsyncGenerator[BatchItem]) -> BatchItem | None:
    return await anext(items, None)
