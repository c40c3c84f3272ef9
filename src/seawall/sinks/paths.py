"""Where records live."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["default_dir", "journal_dir", "ledger_path", "make_journal_dir"]


def default_dir(environ: Mapping[str, str] | None = None) -> Path:
    """``SEAWALL_DIR``, else ``seawall`` under ``XDG_STATE_HOME``, else ``~/.local/state/seawall``.

    An empty variable counts as unset, and so does a relative ``XDG_STATE_HOME``, as the XDG
    base directory specification demands. ``environ`` defaults to the process environment.
    """
    env = os.environ if environ is None else environ
    if chosen := env.get("SEAWALL_DIR"):
        return Path(chosen).expanduser()
    state = Path(env.get("XDG_STATE_HOME") or "")
    if not state.is_absolute():
        state = Path.home() / ".local" / "state"
    return state / "seawall"


def journal_dir(directory: Path) -> Path:
    return directory / "journal"


def ledger_path(directory: Path) -> Path:
    return directory / "ledger.db"


def make_journal_dir(journals: Path) -> None:
    """Make it, and the ledger's directory around it. Records hold what people asked: only their
    owner may look."""
    for directory in (journals.parent, journals):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
