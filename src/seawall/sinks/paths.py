"""Where records live."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigError

__all__ = ["default_dir", "journal_dir", "ledger_path", "make_journal_dir"]


def default_dir(environ: Mapping[str, str] | None = None, chosen: str | None = None) -> Path:
    """``chosen`` (the setting ``ledger.dir``), else ``SEAWALL_DIR``, else ``seawall`` under
    ``XDG_STATE_HOME``, else ``~/.local/state/seawall``.

    An empty variable counts as unset, and so does a relative ``XDG_STATE_HOME``, as the XDG
    base directory specification demands. ``environ`` defaults to the process environment. Raises
    ``ConfigError`` where it takes a home directory and there is none.
    """
    env = os.environ if environ is None else environ
    chosen = chosen or env.get("SEAWALL_DIR")
    state = Path(env.get("XDG_STATE_HOME") or "")
    if not chosen and state.is_absolute():
        return state / "seawall"
    wanted = Path(chosen or "~/.local/state/seawall")
    try:
        return wanted.expanduser()
    except RuntimeError:
        raise ConfigError(
            f"{wanted} is no directory: there is no such home",
            key="ledger.dir",
            remedy="Set it, or SEAWALL_DIR, to a directory that can be written.",
        ) from None


def journal_dir(directory: Path) -> Path:
    return directory / "journal"


def ledger_path(directory: Path) -> Path:
    return directory / "ledger.db"


def make_journal_dir(journals: Path) -> None:
    """Make it, and the ledger's directory around it. Records hold what people asked: only their
    owner may look."""
    for directory in (journals.parent, journals):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
