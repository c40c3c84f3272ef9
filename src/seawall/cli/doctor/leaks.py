"""Provider keys lying in source and in git history."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from . import git
from .detect import mask
from .files import Files, beneath
from .findings import Finding
from .history import History

__all__ = ["check"]

#: Places named of one key, and keys reported at all.
_PLACES, _KEYS = 3, 100

_ROTATE = (
    "Revoke it at its provider, make a new one, and read that from the environment. Then purge "
    "the old one: put it into a file, run `git filter-repo --replace-text FILE` in a fresh "
    "clone, and force-push."
)
_HIDE = "Move it into the environment or an ignored .env before `git add` publishes it."


class _Leak:
    """One key and where it lies. ``shared``: git has it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.places: list[str] = []
        self.more = 0
        self.shared = False

    def finding(self, key: bytes) -> Finding:
        more = f" and {self.more} more" if self.more else ""
        detail = f"{self.kind} in {', '.join(self.places)}{more}"
        title = mask(key.decode("ascii"))
        if self.shared:
            return Finding("fail", title, detail, _ROTATE)
        return Finding("warn", title, detail, _HIDE)


class _Scan:
    """Looks until ``deadline``, in seconds of ``time.monotonic``."""

    def __init__(self, deadline: float) -> None:
        self.files = Files()
        self.history = History()
        self.unlisted = False
        self.at_history = False
        self._deadline = deadline
        self._leaks: dict[bytes, _Leak] = {}

    def repository(self, root: Path) -> None:
        due = self._deadline
        tracked = git.names(root, "--cached", deadline=due)
        self._note(self.files.keys(tracked, root, due), shared=True)
        untracked = git.names(root, "--others", "--exclude-standard", deadline=due)
        self._note(self.files.keys(untracked, root, due), shared=False)
        self.at_history = True
        self._note(self.history.keys(root, due), shared=True)

    def directory(self, root: Path) -> None:
        self._note(self.files.keys(beneath(root), root, self._deadline), shared=False)

    def findings(self) -> list[Finding]:
        """The worst first."""
        found = [leak.finding(key) for key, leak in self._leaks.items()]
        return sorted(found, key=lambda finding: finding.level)

    def _note(self, found: Iterable[tuple[str, bytes, str]], shared: bool) -> None:
        for where, key, kind in found:
            if key not in self._leaks and len(self._leaks) == _KEYS:
                self.unlisted = True
                continue
            leak = self._leaks.setdefault(key, _Leak(kind))
            leak.shared |= shared
            if where not in leak.places and len(leak.places) < _PLACES:
                leak.places.append(where)
            elif where not in leak.places:
                leak.more += 1


def check(path: Path, max_seconds: float) -> list[Finding]:
    """Looks through the repository that holds ``path``: tracked files, untracked ones that git
    does not ignore, and history. Where there is no git, through the files below ``path``."""
    scan = _Scan(time.monotonic() + max_seconds)
    root, notes = _repository(path)
    try:
        if root is None:
            scan.directory(path)
        else:
            scan.repository(root)
    except git.GitError as error:
        notes.append(Finding("warn", "incomplete", f"git broke off: {error}"))
    except TimeoutError:
        notes.append(_late(scan, max_seconds))
    return [*scan.findings(), *notes, _summary(scan, root, path)]


def _repository(path: Path) -> tuple[Path | None, list[Finding]]:
    try:
        root = git.top(path)
        whole = root is None or not git.is_shallow(root)
    except git.GitError as error:
        return None, [Finding("warn", "git", f"{error}; only files are looked at")]
    if whole:
        return root, []
    detail = "this clone is shallow: older commits are not here to be looked at"
    return root, [Finding("warn", "incomplete", detail, "git fetch --unshallow")]


def _late(scan: _Scan, max_seconds: float) -> Finding:
    left = "older commits" if scan.at_history else "some files, and all commits,"
    more = max(60, 10 * max_seconds)
    return Finding(
        "warn",
        "incomplete",
        f"stopped after {max_seconds:g} s: {left} were not looked at",
        f"seawall doctor --max-seconds {more:g}",
    )


def _summary(scan: _Scan, root: Path | None, path: Path) -> Finding:
    files, commits = scan.files, scan.history.commits
    looked = f"{files.read} files"
    if root is not None:
        looked += f" and {commits} commits"
    left_out = f"; {files.large} larger than 5 MiB left out" if files.large else ""
    if files.unreadable:
        left_out += f"; {files.unreadable} cannot be read"
    where = f"{path.resolve()} (without git)" if root is None else f"{root}"
    found = scan.findings()
    said = "more than these keys" if scan.unlisted else "nothing else" if found else "no key"
    return Finding("info" if found else "ok", "looked at", f"{looked} of {where}: {said}{left_out}")
