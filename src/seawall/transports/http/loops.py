"""Doing something on the loop that owns it, from wherever one is."""

from __future__ import annotations

import contextlib
from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Callable

__all__ = ["run_on"]


def run_on(loop: AbstractEventLoop, action: Callable[..., object], *args: object) -> None:
    """Call ``action`` now if ``loop`` runs here, else let it call; not at all if it is closed.

    A garbage collector may end a reply from any thread, and after its loop is gone.
    """
    try:
        here = get_running_loop() is loop
    except RuntimeError:
        here = False
    if here:
        action(*args)
        return
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(action, *args)
