"""What runs on this machine for this user."""

from __future__ import annotations

from msgspec import Struct

from .lease import STATUS, ask
from .runtime import meetings

__all__ = ["LocalStatus", "status"]


class LocalStatus(Struct, frozen=True, kw_only=True):
    """A child process that serves a model. ``users``: how many processes hold it. ``started``:
    epoch second."""

    model: str
    path: str
    pid: int
    started: float
    users: int
    log: str


def status() -> tuple[LocalStatus, ...]:
    """The child processes that are ready, whoever started them. Asking keeps none alive."""
    found: list[LocalStatus] = []
    for place in meetings():
        try:
            answer = ask(place.socket, STATUS)
        except TimeoutError:  # it hangs; its users are told
            continue
        if answer is None:
            continue
        answer.close()
        child = answer.child
        found.append(
            LocalStatus(
                model=child.model,
                path=child.path,
                pid=child.pid,
                started=child.started,
                users=child.leases,
                log=str(place.log),
            )
        )
    return tuple(found)
