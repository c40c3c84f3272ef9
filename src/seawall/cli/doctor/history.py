"""Keys in a repository's history, found in what ``git log`` prints as it streams by."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from .detect import Hit, find
from .git import stream

__all__ = ["History"]

#: Every commit that a name leads to, with all it added, merges too. Message and differences are
#: told apart by the first character of a line. Without renames both names of a file are equal.
_LOG = (
    *("log", "--all", "--patch", "--unified=0", "--cc", "--no-renames", "--no-prefix"),
    *("--no-color", "--no-ext-diff", "--no-textconv", "--submodule=short"),
    "--format=commit %H%n%w(0,1,1)%B",
)
_COMMIT, _FILE = b"\ncommit ", b"\ndiff --"

#: A line of more bytes is looked at in pieces, which overlap by more than the longest key.
_LINE, _OVERLAP = 256 * 1024, 4 * 1024


class History:
    """Reads once, in bounded memory. ``commits`` counts as it goes."""

    def __init__(self) -> None:
        self.commits = 0
        self._place: tuple[bytes, bytes | None] = (b"", None)
        self._mark = b""

    def keys(self, root: Path, deadline: float) -> Iterator[tuple[str, bytes, str]]:
        """``(commit:file, key, kind)``, newest commit first. Raises as ``git.stream`` does."""
        for block in _blocks(stream(root, *_LOG, deadline=deadline)):
            for hit in find(block):
                where = self._where(block, hit)
                if where is not None:
                    yield where, block[hit.start : hit.end], hit.kind
            self.commits += block.count(_COMMIT)
            self._place = self._heading(block, len(block))
            self._mark = self._mark_at(block, len(block))

    def _where(self, block: bytes, hit: Hit) -> str | None:
        """``None`` for what a commit took away, and for a key whose end is not there yet."""
        if hit.end == len(block):
            return None
        commit, path = self._heading(block, hit.start)
        if path is not None and self._mark_at(block, hit.start) != b"+":
            return None
        name = "message" if path is None else os.fsdecode(path)
        return f"commit {commit[:10].decode()}:{name}"

    def _mark_at(self, block: bytes, end: int) -> bytes:
        """The first character of the line that ``block[end]`` belongs to."""
        begin = block.rfind(b"\n", 0, end) + 1
        return block[begin : begin + 1] if begin else self._mark

    def _heading(self, block: bytes, end: int) -> tuple[bytes, bytes | None]:
        """The commit and the file that ``block[end]`` belongs to; no file in a message."""
        commit, path = self._place
        commit_at = block.rfind(_COMMIT, 0, end)
        file_at = block.rfind(_FILE, max(commit_at, 0), end)
        if commit_at >= 0:
            commit, path = _line(block, commit_at + len(_COMMIT)), None
        if file_at >= 0:
            kind, _, path = _line(block, file_at + len(_FILE)).partition(b" ")
            path = path[: len(path) // 2] if kind == b"git" else path
        return commit, path


def _line(block: bytes, begin: int) -> bytes:
    return block[begin : block.find(b"\n", begin)]


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines with the line breaks before and behind them, so that each line is seen in one
    piece and its heading in one search; of a line too long to hold, overlapping pieces."""
    rest = b"\n"
    for chunk in chunks:
        rest += chunk
        cut = rest.rfind(b"\n")
        if cut > 0:
            yield rest[: cut + 1]
            rest = rest[cut:]
        elif len(rest) > _LINE:
            yield rest
            rest = rest[-_OVERLAP:]
    yield rest + b"\n"
