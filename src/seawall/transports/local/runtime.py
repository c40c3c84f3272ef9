"""Where processes find the child that already serves a model."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from importlib.metadata import version
from pathlib import Path

import msgspec
from msgspec import Struct

from ...errors import SeawallError
from .engine import Plan

__all__ = ["Meeting", "meeting", "meetings", "runtime_dir", "said"]

#: Unix socket paths end at 104 bytes (macOS) or 108 (Linux); the file's own name takes 22.
_LONGEST = 80
_TAIL = 8192


class Meeting(Struct, frozen=True):
    """The files of one child. ``lock`` is held while it starts, ``log`` is what it says,
    and whoever connects to ``socket`` keeps it alive."""

    socket: Path
    lock: Path
    log: Path


def runtime_dir() -> Path:
    """``seawall`` under ``XDG_RUNTIME_DIR``, else a directory of this user under the temporary
    one. After ``sudo`` the variable may name another user's directory: that counts as unset.
    Raises ``SeawallError`` if others could reach into it."""
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or "")
    if base.is_absolute() and base.is_dir() and base.stat().st_uid == os.getuid():
        directory = base / "seawall"
    else:
        directory = Path(tempfile.gettempdir()) / f"seawall-{os.getuid()}"
    if len(os.fsencode(directory)) > _LONGEST:
        raise SeawallError(f"{directory} is too long for a socket; set XDG_RUNTIME_DIR")
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise SeawallError(
            f"{directory} is not a directory that only you can use; remove it or run: "
            f"chmod 700 {directory}"
        )
    return directory


def meeting(plan: Plan) -> Meeting:
    """Where the users of ``plan`` meet: another file, setting or runtime is another place."""
    path = Path(plan.path).resolve()
    found = path.stat()
    what = (str(path), found.st_size, found.st_mtime_ns, version("xllamacpp"), plan)
    name = hashlib.sha256(msgspec.json.encode(what)).hexdigest()[:16]
    return _named(runtime_dir(), name)


def meetings() -> list[Meeting]:
    """Every place where a child is or was."""
    directory = runtime_dir()
    return [_named(directory, path.stem) for path in sorted(directory.glob("*.sock"))]


def _named(directory: Path, name: str) -> Meeting:
    return Meeting(*(directory / f"{name}.{kind}" for kind in ("sock", "lock", "log")))


def said(log: Path) -> str:
    """Why a child failed, in its own last words: its errors if it named any."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError as error:
        return f"  (its log cannot be read: {error})"
    # llama.cpp writes: time, level, text.
    errors = [line for line in lines if line.split(" ", 2)[1:2] == ["E"]]
    shown = [f"  {line[:300]}" for line in (errors or lines)[-6:]]
    return "\n".join(shown) or "  (it said nothing)"
