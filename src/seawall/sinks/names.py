"""The names of a journal's files; ``writer`` says what is in them."""

from __future__ import annotations

import os
import re
import secrets
import time
from pathlib import Path
from typing import Literal

__all__ = ["RESERVE", "journal_name", "new_owner", "owner_of", "pid_of"]

RESERVE = ".reserve"

# A later format gets another number here, so that this version leaves its files alone.
_JOURNAL = ".v1.journal"
_OWNER = re.compile(r"([0-9a-f]{12}-[0-9]+-[0-9a-f]{6})(?:\.[0-9]{6}\.v1\.journal|\.reserve)")


def new_owner() -> str:
    """Sorts by time, and is never used twice."""
    return f"{int(time.time() * 1000):012x}-{os.getpid()}-{secrets.token_hex(3)}"


def journal_name(owner: str, number: int | Literal["*"]) -> str:
    """With ``*`` the pattern of all of them."""
    shown = number if isinstance(number, str) else f"{number:06d}"
    return f"{owner}.{shown}{_JOURNAL}"


def owner_of(file: Path) -> str | None:
    """The owner of a file in the journal's directory, ``None`` for a file that is none of ours."""
    found = _OWNER.fullmatch(file.name)
    return None if found is None else found[1]


def pid_of(owner: str) -> int:
    return int(owner.split("-")[1])
