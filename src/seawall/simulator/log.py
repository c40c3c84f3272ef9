"""What the simulator saw: each request, what was done to it, and how its reply ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Literal

from msgspec import Struct

from ..dialects.http_faults import retry_after
from ..server import Head
from .faults import Leaves

__all__ = ["KEPT", "Ended", "Log", "Seen", "identity"]

Ended = Literal["open", "answered", "refused", "broken", "left"]

#: Of a text that nobody was given in full, so much is kept to recognise it by.
KEPT = 4000


class Seen(Struct, kw_only=True, omit_defaults=True):
    """One request. ``at`` and ``ended`` are seconds of the client's time since the first one.

    ``question``: what makes two requests the same (path, body and key), hashed; ``asked``: how
    often it was asked before. ``fault``: the one from the catalogue that befell it, or
    ``quota``. ``status``: 0 if no head was sent. ``wait``: seconds the client was asked to
    wait, from ``at`` on. ``final``: asking again was no use. ``leaves``: how much of the
    answer the client could have. ``text``: of an answer it could not have in full.
    ``builds_on``: the number of such a request, whose text this one carries on as an answer.
    ``how``: ``answered`` (the whole reply was sent), ``refused`` (an error was), ``broken``
    (the fault ended it), ``left`` (the client did), ``open``.
    """

    number: int
    at: float
    method: str
    path: str
    question: str
    model: str = ""
    stream: bool = False
    asked: int = 0
    agent: str = ""
    fault: str = ""
    leaves: Leaves = "whole"
    final: bool = False
    status: int = 0
    wait: float | None = None
    how: Ended = "open"
    ended: float | None = None
    sent: int = 0
    digest: str = ""
    text: str = ""
    builds_on: int | None = None

    @property
    def failed(self) -> bool:
        """The provider failed this request, or refused it."""
        return self.status >= 400 or self.leaves != "whole"

    def begin(self, head: Head, wall: float) -> None:
        self.status = head.status
        fields = {name: value for name, value in head.headers if name != "date"}
        after, until = retry_after(fields)
        # A date is meant as it stands; the client's clock here is ours.
        said = until - wall if until is not None else after
        self.wait = self.wait if said is None else said

    def end(self, how: Ended, at: float) -> None:
        if self.how == "open":
            self.how, self.ended = how, at


class Log:
    """The last ``most`` requests, oldest first. ``total`` counts all; ``claims`` are the texts
    that the code under test gave out as whole answers. ``tell`` hears of each request when it
    comes, when its head leaves and when it ends."""

    def __init__(self, most: int = 10_000, tell: Callable[[Seen], object] | None = None) -> None:
        self._seen: deque[Seen] = deque(maxlen=most)
        self._tell = tell
        self.total = 0
        self.claims: deque[str] = deque(maxlen=most)

    def __len__(self) -> int:
        return len(self._seen)

    def __getitem__(self, index: int) -> Seen:
        return self._seen[index]

    def __iter__(self) -> Iterator[Seen]:
        # A copy: a server on another thread may add to it meanwhile.
        return iter(tuple(self._seen))

    def add(self, seen: Seen) -> None:
        self.total += 1
        self._seen.append(seen)
        self.tell(seen)

    def tell(self, seen: Seen) -> None:
        if self._tell is not None:
            self._tell(seen)


def identity(*parts: str | bytes) -> str:
    """A short hash, so that neither keys nor contents are kept."""
    hashed = blake2b(digest_size=8)
    for part in parts:
        hashed.update(part.encode() if isinstance(part, str) else part)
        hashed.update(b"\0")
    return hashed.hexdigest()
