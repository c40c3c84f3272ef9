"""The journal: a call is on file before it costs anything, and its end before it is told.

Each process appends to files of its own (``writer``), one line a record (``lines``), one
``write(2)`` a line, so a ``kill -9`` loses nothing that was acknowledged. An importer, here or
in any other process, carries the records into the ledger later, off the call.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from msgspec.json import Encoder
from msgspec.structs import replace

from ..errors import LedgerError
from ..records import Attempted, Ended, Started
from ..secret_patterns import redact_json
from .importer import Importer
from .lines import frame
from .paths import journal_dir
from .retention import Retention
from .writer import Sync, Writer

__all__ = ["Journal"]

_encode = Encoder(enc_hook=repr).encode

_REMEDIES = {
    errno.ENOSPC: "Free some space there",
    errno.EDQUOT: "Free some of your quota",
    errno.EFBIG: "Raise the file size limit (ulimit -f)",
    errno.EMFILE: "Raise the limit of open files (ulimit -n)",
    errno.EIO: "Check that disk",
}


class Journal:
    """Records calls under ``directory`` and keeps the ledger there up to date.

    ``sync`` and ``interval`` (seconds) say when records are forced to the disk, ``rotate_at``
    and ``reserve`` (bytes) how large a file grows and how much room is set aside for a full
    disk; see ``Writer``. ``keep_days`` and ``keep_bytes`` bound the ledger; ``None`` keeps all.

    Nothing is created and no thread runs before the first record. Thread-safe; a forked child
    gets files and an importer of its own.
    """

    def __init__(
        self,
        directory: Path,
        *,
        sync: Sync = "group",
        interval: float = 1.0,
        rotate_at: int = 8 * 1024 * 1024,
        reserve: int = 1024 * 1024,
        keep_days: float | None = None,
        keep_bytes: int | None = None,
    ) -> None:
        self.importer = Importer(directory, retention=Retention(days=keep_days, size=keep_bytes))
        self._closed = False
        self._writer = Writer(
            journal_dir(directory),
            sync=sync,
            interval=interval,
            rotate_at=rotate_at,
            reserve=reserve,
            opened=self.importer.start,
        )
        # Whoever drops a client unclosed must not leave threads and files behind.
        self.importer.serve(self, self._writer.close)

    def start(self, record: Started, /) -> None:
        """Put a call on file before its first bytes leave. Raises ``LedgerError`` if that cannot
        be done: the call must not be made then."""
        self._require(record)

    def attempt(self, record: Attempted, /) -> None:
        """Put a further attempt on file before its bytes leave. Raises ``LedgerError``."""
        self._require(record)

    def _require(self, record: Started | Attempted) -> None:
        if self._closed:
            raise LedgerError(f"call {record.id} was refused: its client is closed")
        try:
            self._writer.write(frame(redact_json(_encode(record))))
        except OSError as error:
            raise LedgerError(self._refusal(error)) from error
        except Exception as error:  # the repr of a foreign object may raise anything
            raise LedgerError(
                f"call {record.id} was refused: its record is no JSON ({error}). "
                "Mend its messages, parameters or tags"
            ) from error

    def end(self, record: Ended, /) -> None:
        """Put the end of a call on file before it is told. Never raises and never loses: what
        the disk cannot take waits in room set aside for it, and then in memory, without its
        content, and new calls are refused meanwhile."""
        try:
            line = frame(redact_json(_encode(record)))
        except Exception:
            line = _lean(record)
        self._writer.keep(record.id, line, lambda: _lean(record))

    @property
    def owing(self) -> bool:
        """Whether ends wait for room on the disk."""
        return self._writer.owing

    def close(self, timeout: float = 2.0) -> None:
        """Force everything to disk, import it, and stop; waits at most ``timeout`` seconds for
        the import, which any other process finishes. Calls in flight may still end; none may
        start."""
        self._closed = True
        self._writer.close()
        self.importer.close(timeout)

    def _refusal(self, error: OSError) -> str:
        number = error.errno or 0
        return (
            f"the call was refused because it cannot be recorded in {self._writer.directory}: "
            f"{os.strerror(number)}. {_REMEDIES.get(number, 'Make it writable')}, "
            "or set SEAWALL_DIR to another directory"
        )


def _lean(record: Ended) -> bytes:
    """An end without what was said: small, and sure to encode."""
    lean = replace(record, response=None, decision=None)
    for name in ("model", "finish_reason", "error_kind", "error_message", "request_id"):
        text = getattr(lean, name)
        if text:
            # A lone surrogate is text to Python but not to JSON.
            setattr(lean, name, text[:500].encode(errors="replace").decode())
    return frame(redact_json(_encode(lean)))
