"""Keys in files as they lie there."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from .detect import find

__all__ = ["Files", "beneath"]

#: Bytes; git.py has the same bound for what it reads of the past. What people write is smaller.
_LARGE = 5 << 20
#: What tools make and fetch. Only looked at where git does not say what counts.
_MADE = {".git", ".hg", ".svn", ".tox", ".venv", "__pycache__", "node_modules", "venv"}


class Files:
    """Looks into text files and counts them."""

    def __init__(self) -> None:
        self.read = 0
        self.large = 0
        self.unreadable = 0

    def keys(
        self, paths: Iterable[Path], root: Path, deadline: float
    ) -> Iterator[tuple[str, bytes, str]]:
        """``(file:line, key, kind)``. Raises ``TimeoutError`` at ``deadline``."""
        for path in paths:
            if time.monotonic() >= deadline:
                raise TimeoutError
            text = self._text(path)
            for hit in find(text):
                line = text.count(b"\n", 0, hit.start) + 1
                where = f"{path.relative_to(root)}:{line}"
                yield where, text[hit.start : hit.end], hit.kind

    def _text(self, path: Path) -> bytes:
        """Nothing of a binary file, nor of what is no file (a submodule, a link)."""
        try:
            found = path.lstat()
            if not stat.S_ISREG(found.st_mode):
                return b""
            if found.st_size > _LARGE:
                self.large += 1
                return b""
            text = path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError:
            self.unreadable += 1
            return b""
        self.read += 1
        return b"" if b"\0" in text[:8192] else text


def beneath(root: Path) -> Iterator[Path]:
    """Every file below ``root`` but what tools make."""
    for directory, inner, files in os.walk(root):
        inner[:] = sorted(set(inner) - _MADE)
        yield from (Path(directory, name) for name in sorted(files))
