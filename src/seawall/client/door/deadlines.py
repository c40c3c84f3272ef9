"""An SDK's timeouts as deadlines."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ...ports import Timeouts

__all__ = ["deadlines"]

_DEFAULT = Timeouts()


def deadlines(
    own: Timeouts, sdk: Mapping[str, float | None], *, stream: bool, alone: bool
) -> Timeouts:
    """The deadlines of a call whose settings say ``own`` and whose SDK says ``sdk``.

    The SDK's ``read`` timeout is how long a caller waits for the next byte: the whole call if
    the answer comes in one piece, else until the first token, and each pause. What the settings
    say on purpose goes before it where it is shorter. A silent route may use up half of the time
    while there is another (``alone`` is false).
    """
    connect, read = sdk.get("connect", own.connect), sdk.get("read", own.total)
    return _deadlines(own, connect, read, stream, alone)


# An SDK says the same for most of its calls.
@lru_cache(maxsize=256)
def _deadlines(
    own: Timeouts, connect: float | None, read: float | None, stream: bool, alone: bool
) -> Timeouts:
    half = read if alone or read is None else read / 2
    return Timeouts(
        connect=_shorter("connect", own, connect),
        first_byte=_shorter("first_byte", own, half),
        first_token=_shorter("first_token", own, half),
        idle=_shorter("idle", own, read),
        start=_shorter("start", own, read),
        total=own.total if stream and read is not None else _shorter("total", own, read),
    )


def _shorter(name: str, own: Timeouts, said: float | None) -> float | None:
    ours = getattr(own, name)
    if ours is None or ours == getattr(_DEFAULT, name):
        return said
    return ours if said is None else min(ours, said)
