"""Where records go: can the ledger be written, how large is it, how much room is left."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ...client.settings import LedgerSettings
from ...errors import ConfigError, LedgerError
from ...sinks import default_dir
from ...sinks.database import connect
from ...sinks.paths import journal_dir, ledger_path
from .findings import Finding

__all__ = ["check", "space"]

_GIB = 1 << 30


def check(kept: LedgerSettings, variables: Mapping[str, str]) -> list[Finding]:
    if not kept.enabled:
        return [Finding("info", "ledger", "switched off (ledger.enabled)")]
    try:
        directory = default_dir(variables, kept.dir)
    except ConfigError as error:
        return [Finding("fail", "ledger", str(error))]
    # Not made here: looking must change nothing. What will hold it is looked at instead.
    there = next(path for path in (directory, *directory.absolute().parents) if _exists(path))
    found = _ledger(directory) if there == directory else _coming(directory, there)
    return [found, space(shutil.disk_usage(there).free)]


def space(free: int) -> Finding:
    """``free``: bytes on the ledger's disk."""
    detail = f"{_size(free)} free for the ledger"
    if free >= _GIB:
        return Finding("ok", "disk", detail)
    remedy = "Free some space, or set ledger.dir: a full disk refuses calls."
    return Finding("warn", "disk", detail, remedy)


def _ledger(directory: Path) -> Finding:
    try:
        # Permission alone says little: the disk may be full, or mounted to be read only.
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"\0")
    except OSError as error:
        return _barred(directory, error.strerror or str(error))
    path = ledger_path(directory)
    if path.exists() and (flaw := _flaw(path)):
        remedy = "Move it away: a new one is begun, and takes what the journals still hold."
        return Finding("fail", "ledger", f"{path} cannot be read: {flaw}", remedy)
    size = _size(path.stat().st_size) if path.exists() else "nothing"
    waiting = [file.stat().st_size for file in journal_dir(directory).glob("*.journal")]
    backlog = f", and {_size(sum(waiting))} in journals" if waiting else ""
    return Finding("ok", "ledger", f"{size} in {directory}{backlog}")


def _flaw(path: Path) -> str:
    """What is wrong with the ledger's file; empty if nothing is."""
    try:
        with contextlib.closing(connect(path, readonly=True)) as db:
            db.execute("SELECT max(id) FROM calls").fetchone()
    except (LedgerError, sqlite3.Error) as error:
        return str(error)
    return ""


def _coming(directory: Path, there: Path) -> Finding:
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Finding("ok", "ledger", f"{directory} will be made by the first call")
    return _barred(directory, f"{there} lets nothing be made in it")


def _barred(directory: Path, reason: str) -> Finding:
    remedy = "Correct its owner or permissions, or set ledger.dir."
    return Finding("fail", "ledger", f"{directory} cannot be written: {reason}", remedy)


def _exists(path: Path) -> bool:
    # Path.exists raises where a directory on the way may not be entered.
    return os.path.exists(path)


def _size(number: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.3g} {unit}"
        number /= 1024
    return f"{number:.3g} TiB"
