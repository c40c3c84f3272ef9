"""Batches on file: what a process that dies must leave behind, so that another can go on.

``DIRECTORY/batches/HANDLE.v1.batch`` holds a batch in the lines of a journal (``lines``): how it
was planned, each of its requests, then every step, written before it is taken and again when it
has been. A line that a crash cut off is passed over.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import MsgspecError, Raw, Struct
from msgspec.json import Decoder, Encoder

from ..errors import LedgerError
from ..records import Content
from ..secret_patterns import redact_json
from ..types import Price
from .lines import frame, split

__all__ = [
    "BatchFile",
    "BatchItemRecord",
    "BatchPlan",
    "BatchStep",
    "StepName",
    "batch_files",
    "item_record",
]

# Read back: its bytes as they stand in the file.
if TYPE_CHECKING:
    JSON = Any
else:
    JSON = Raw

StepName = Literal["uploaded", "submitting", "accepted", "adopted", "refused", "ended", "settled"]
"""``adopted``: found again by its time and size alone. ``settled``: all results are recorded."""

_HANDLE = re.compile(r"b-[0-9a-f]{12}-[0-9a-f]{16}")
_SUFFIX = ".v1.batch"
_log = logging.getLogger("seawall.ledger")
_encode = Encoder(enc_hook=repr).encode


class BatchPlan(Struct, kw_only=True, omit_defaults=True, tag="plan", tag_field="type"):
    """What is asked, and for what. ``price``: that of a batch."""

    handle: str
    at: float
    model: str
    api: str
    requested: str = ""
    feature: str = ""
    tags: JSON = None
    prompt_name: str | None = None
    prompt_version: str | None = None
    price: Price | None = None
    content: Content = "full"


class BatchItemRecord(Struct, kw_only=True, omit_defaults=True, tag="item", tag_field="type"):
    """One request, by the caller's id."""

    id: str
    messages: JSON = None
    tokens: int = 0


class BatchStep(Struct, kw_only=True, omit_defaults=True, tag="step", tag_field="type"):
    """A step and what came of it: a file's or a batch's id, a state, an error."""

    step: StepName
    at: float
    value: str = ""


_decode = Decoder(BatchPlan | BatchItemRecord | BatchStep).decode
_decode_item = Decoder(BatchItemRecord).decode


class BatchFile:
    """One batch's file. ``items`` says where each request stands in it, in their order."""

    def __init__(self, path: Path, plan: BatchPlan) -> None:
        self.path = path
        self.plan = plan
        self.items: dict[str, int] = {}
        self.steps: list[BatchStep] = []

    @classmethod
    def create(cls, directory: Path, **said: Any) -> BatchFile:
        """Begin one under the ledger's ``directory``. Raises ``LedgerError``."""
        at = time.time()
        handle = f"b-{int(at * 1000):012x}-{secrets.token_hex(8)}"
        plan = BatchPlan(handle=handle, at=at, **said)
        home = directory / "batches"
        new = cls(home / f"{handle}{_SUFFIX}", plan)
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(new.path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise new._refusal(error) from error
        new._append([plan])
        return new

    @classmethod
    def open(cls, path: Path) -> BatchFile:
        """What is on file. Raises ``LedgerError`` for a file that says nothing."""
        found: BatchFile | None = None
        for offset, record in _records(path):
            if isinstance(record, BatchPlan):
                found = found or cls(path, record)
            elif found is None:
                break
            elif isinstance(record, BatchItemRecord):
                found.items[record.id] = offset
            else:
                found.steps.append(record)
        if found is None:
            raise LedgerError(f"{path} holds no batch; it was cut off as it was begun")
        return found

    @classmethod
    def named(cls, directory: Path, handle: str) -> BatchFile | None:
        path = directory / "batches" / f"{handle}{_SUFFIX}"
        return cls.open(path) if _HANDLE.fullmatch(handle) and path.exists() else None

    def add(self, items: Sequence[BatchItemRecord]) -> None:
        """Put requests on file. Raises ``LedgerError``."""
        for item, offset in zip(items, self._append(items), strict=True):
            self.items[item.id] = offset

    def step(self, name: StepName, value: str = "") -> None:
        """Put a step on file, and everything before it to the disk. Raises ``LedgerError``."""
        step = BatchStep(step=name, at=time.time(), value=value)
        self._append([step], sync=True)
        self.steps.append(step)

    def last(self, *names: StepName) -> BatchStep | None:
        """The latest of these steps."""
        return next((step for step in reversed(self.steps) if step.step in names), None)

    def item(self, id: str) -> BatchItemRecord:
        """A request as it was put on file."""
        with self.path.open("rb") as source:
            source.seek(self.items[id])
            bodies = split(source.readline(), 1).bodies
        return _decode_item(bodies[0]) if bodies else BatchItemRecord(id=id)

    def forget(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)

    def _append(self, records: Sequence[Struct], *, sync: bool = False) -> list[int]:
        """Where each was put. What a crash left of a line is ended first."""
        lines = [frame(_line(record)) for record in records]
        try:
            with self.path.open("r+b", buffering=0) as file:
                end = file.seek(0, os.SEEK_END)
                if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
                    end += os.write(file.fileno(), b"\n")
                _write(file.fileno(), b"".join(lines))
                if sync:
                    os.fsync(file.fileno())
        except OSError as error:
            raise self._refusal(error) from error
        offsets: list[int] = []
        for line in lines:
            offsets.append(end)
            end += len(line)
        return offsets

    def _refusal(self, error: OSError) -> LedgerError:
        return LedgerError(
            f"the batch cannot be kept in {self.path.parent}: {error.strerror}. Make room there, "
            "or set SEAWALL_DIR to another directory"
        )


def batch_files(directory: Path) -> Iterator[BatchFile]:
    """Every batch on file under the ledger's ``directory``, oldest first. One that was cut off as
    it was begun holds up no other: nothing was submitted of it."""
    try:
        paths = sorted((directory / "batches").iterdir())
    except FileNotFoundError:
        return
    for path in paths:
        if _HANDLE.fullmatch(path.name.removesuffix(_SUFFIX)):
            try:
                yield BatchFile.open(path)
            except (LedgerError, FileNotFoundError) as error:
                _log.warning("%s", error)


def item_record(id: str, said: Any, tokens: int) -> BatchItemRecord:
    """A request as it may be kept: without keys, but with its id as it is."""
    messages = None if said is None else Raw(redact_json(_encode(said)))
    return BatchItemRecord(id=id, messages=messages, tokens=tokens)


def _line(record: Struct) -> bytes:
    line = _encode(record)
    return line if isinstance(record, BatchItemRecord) else redact_json(line)


def _write(fd: int, data: bytes) -> None:
    done = 0
    while done < len(data):
        done += os.write(fd, memoryview(data)[done:])


def _records(path: Path) -> Iterator[tuple[int, BatchPlan | BatchItemRecord | BatchStep]]:
    """Every intact record, and the byte it begins at."""
    with path.open("rb") as source:
        offset = 0
        for line in source:
            for body in split(line, 1).bodies:
                try:
                    yield offset, _decode(body)
                except MsgspecError:
                    continue  # of a later version
            offset += len(line)
