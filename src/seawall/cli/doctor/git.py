"""Asking git, without letting it ask back: no terminal, no helpers the repository configures."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

__all__ = ["GitError", "ignores", "is_shallow", "names", "stream", "top", "tracks"]

#: A hook's environment would send every question to the hook's own repository.
_LOCAL = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"}
#: ``core.fsmonitor`` names a program to run. Above ``bigFileThreshold`` git shows no differences.
_SETTINGS = (
    "core.fsmonitor=false",
    "core.quotePath=false",
    "core.bigFileThreshold=5m",
    "log.showSignature=false",
)
_SECONDS = 10.0


class GitError(Exception):
    """Git is missing, too slow, or refuses; the message says which."""


def top(path: Path) -> Path | None:
    """The top directory of the repository that holds ``path``; ``None`` outside of any."""
    done = _ask(path, "rev-parse", "--show-toplevel")
    if done.returncode == 0:
        return Path(done.stdout.removesuffix("\n"))
    if "not a git repository" in done.stderr:
        return None
    raise GitError(_said(done.stderr))


def tracks(path: Path) -> bool:
    """Whether the file is part of the repository."""
    return _ask(path.parent, "ls-files", "--error-unmatch", "--", path.name).returncode == 0


def ignores(path: Path) -> bool:
    """Whether git leaves the file alone."""
    return _ask(path.parent, "check-ignore", "--quiet", "--", path.name).returncode == 0


def is_shallow(path: Path) -> bool:
    """Whether the repository was cloned without its whole history."""
    return _ask(path, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"


def names(root: Path, *which: str, deadline: float) -> Iterator[Path]:
    """The files that ``git ls-files`` lists. Raises as ``stream`` does."""
    rest = b""
    for chunk in stream(root, "ls-files", "-z", *which, deadline=deadline):
        *whole, rest = (rest + chunk).split(b"\0")
        for name in whole:
            yield root / os.fsdecode(name)


def stream(root: Path, *arguments: str, deadline: float) -> Iterator[bytes]:
    """What git prints, in pieces, as it comes. Raises ``GitError`` if it fails and
    ``TimeoutError`` at ``deadline`` (seconds of ``time.monotonic``)."""
    with tempfile.TemporaryFile() as complaint:
        with _start(root, arguments, complaint) as process:
            assert process.stdout is not None
            try:
                yield from _read(process.stdout.fileno(), deadline)
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            complaint.seek(0)
            raise GitError(_said(complaint.read(64 * 1024).decode(errors="replace")))


def _start(root: Path, arguments: tuple[str, ...], complaint: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - every argument is written in this room
            _command(root, arguments),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaint,
        )
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror}") from None


def _read(pipe: int, deadline: float) -> Iterator[bytes]:
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise TimeoutError
        chunk = os.read(pipe, 1 << 16)
        if not chunk:
            return
        yield chunk


def _ask(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - every argument is written in this room
            _command(path, arguments),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=_SECONDS,
        )
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"git gave no answer within {_SECONDS:g} s") from None


def _command(path: Path, arguments: tuple[str, ...]) -> list[str]:
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    return ["git", "-C", str(path), "--no-pager", *settings, *arguments]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    # What a partial clone lacks is not fetched: looking needs no network.
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
    return {**kept, **quiet, "LC_ALL": "C"}


def _said(complaint: str) -> str:
    """The line that says what went wrong; hints may follow it."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    fatal = [line.removeprefix("fatal: ") for line in lines if line.startswith("fatal: ")]
    return (fatal or lines or ["git failed without a word"])[-1]
