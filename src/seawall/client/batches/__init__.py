"""Batches: many requests at once, at half the price, answered within a day."""

from .asked import BatchRequest, BatchRequests, shared
from .batch import AsyncBatch
from .items import BatchItem
from .opening import known, resume, start
from .sync import Batch

__all__ = [
    "AsyncBatch",
    "Batch",
    "BatchItem",
    "BatchRequest",
    "BatchRequests",
    "known",
    "resume",
    "shared",
    "start",
]
