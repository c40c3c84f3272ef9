"""Batches: many requests at once, at half the price, answered within a day."""

from .asked import BatchRequests, shared
from .batch import AsyncBatch
from .items import BatchItem
from .opening import known, resume, start
from .sync import Batch

__all__ = [
    "AsyncBatch",
    "Batch",
    "BatchItem",
    "BatchRequests",
    "known",
    "resume",
    "shared",
    "start",
]
