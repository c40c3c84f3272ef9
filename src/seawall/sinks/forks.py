"""What a forked child must not share with its parent: locks, threads, descriptors, handles."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["Forkable", "after_fork"]


class Forkable(Protocol):
    def after_fork(self) -> None:
        """Called in the child, before anything else runs there: let go of what is the parent's."""
        ...


_known: WeakSet[Forkable] = WeakSet()


def after_fork(owner: Forkable) -> None:
    """Have ``owner.after_fork()`` called in every child forked from now on."""
    _known.add(owner)


def _in_child() -> None:
    for owner in list(_known):
        owner.after_fork()


os.register_at_fork(after_in_child=_in_child)
