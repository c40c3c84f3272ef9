"""How clients that nobody awaits are closed: on demand, and when the interpreter ends."""

from __future__ import annotations

import atexit
import weakref

from .assemble import Assembly
from .loop import is_running, run_in_loop

__all__ = ["close", "close_at_exit"]

_open: weakref.WeakSet[Assembly] = weakref.WeakSet()


def close_at_exit(assembly: Assembly) -> None:
    """Have what belongs to ``assembly`` closed when the interpreter ends, unless it was before."""
    _open.add(assembly)


def close(assembly: Assembly) -> None:
    """Close connections and bring the ledger up to date."""
    # The ledger is settled on this thread: at exit no other can be started for it.
    _open.discard(assembly)
    assembly.closed = True
    if is_running():
        run_in_loop(assembly.disconnect())
    assembly.settle()


@atexit.register
def _close_all() -> None:
    for assembly in list(_open):
        close(assembly)
