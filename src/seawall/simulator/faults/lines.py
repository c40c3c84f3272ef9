"""Faults of the line: no reply, a late one, a slow one, half a one."""

from __future__ import annotations

from collections.abc import Iterator

from ...server import Break
from ..plan import FOR_EVER, Step, Wait
from ..scene import Play, Scene

__all__ = ["cut", "cut_clean", "drip", "reset", "silent", "slow_start", "stall"]

_GONE = Wait(0.01)


def reset(scene: Scene) -> Iterator[Step]:
    yield Break.RESET


def silent(scene: Scene) -> Iterator[Step]:
    yield FOR_EVER


def slow_start(scene: Scene) -> Iterator[Step]:
    if not scene.answer.streamed:
        yield Wait(scene.seconds)
        yield from scene.plain()
        return
    yield scene.head()
    yield Wait(scene.seconds)
    yield from scene.paced(scene.answer.whole)


def drip(scene: Scene) -> Iterator[Step]:
    """A few bytes at a time, across the borders of events."""
    yield scene.head()
    body = b"".join(scene.answer.whole)
    size = max(1, scene.dose.size or 1)
    for start in range(0, len(body), size):
        if start:
            yield Wait(scene.seconds)
        yield body[start : start + size]


def cut(end: Break) -> Play:
    """The connection goes in the middle of the answer."""

    def play(scene: Scene) -> Iterator[Step]:
        yield scene.head()
        yield from scene.paced(scene.parted()[0])
        yield _GONE  # a reset overtakes what has not left yet
        yield end

    return play


def cut_clean(scene: Scene) -> Iterator[Step]:
    """HTTP ends as it should, but the answer is not all there: what a client takes for the
    end, if it trusts HTTP."""
    return scene.send(scene.parted()[0])


def stall(scene: Scene) -> Iterator[Step]:
    yield scene.head()
    yield from scene.paced(scene.parted()[0])
    if scene.dose.seconds is None:
        yield FOR_EVER
        return
    yield Wait(scene.dose.seconds)
    rest = scene.parted()[1]
    yield from (*rest, *scene.answer.finish, *scene.answer.mark)
