"""What the simulator has to know of a provider's API beside its dialect: where it is asked, how it
words its errors, what its headers say, and where the words of an answer stand in its bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, get_args

import msgspec
from msgspec import Struct

from ...ports import Face
from ...server import Request

__all__ = [
    "TROUBLES",
    "Api",
    "Level",
    "Over",
    "Places",
    "Refusal",
    "RetryAfter",
    "Trouble",
    "encode",
]

encode = msgspec.json.Encoder().encode

RetryAfter = Literal["seconds", "float", "date", "ms", "both"]

Trouble = Literal[
    "limit",
    "credit",
    "failed",
    "unavailable",
    "overloaded",
    "late",
    "locked",
    "invalid",
    "key",
    "forbidden",
    "model",
    "unprocessable",
    "too_long",
    "unsafe",
]
"""What a provider complains of; each API says it in its own words and with its own status."""

TROUBLES: tuple[Trouble, ...] = get_args(Trouble)


class Refusal(Struct, frozen=True):
    """An error. ``kind``, ``code`` and ``param`` are the provider's own words for it, as far as
    it has them. ``final``: asking again cannot help."""

    status: int
    message: str
    kind: str = ""
    code: str | None = None
    param: str | None = None
    final: bool = False


class Level(Struct, frozen=True):
    """What is left of a quota: ``left`` of ``limit`` requests or tokens a minute. It is whole
    again in ``full`` seconds of the client's time."""

    name: str
    limit: int
    left: int
    full: float


class Over(Struct, frozen=True):
    """A request that meets the ``limit`` of requests or tokens (``name``) a minute. ``wanted``
    is what it counts, ``wait`` the seconds of the client's time until that is there: infinite
    for more than a minute's worth."""

    model: str
    name: str
    limit: int
    wanted: int
    wait: float


class Places(Struct, frozen=True):
    """Where things stand in what the API writes.

    ``text`` ends where a text that is not empty begins, ``said`` also where the arguments of a
    tool call do. ``finish`` and ``mark`` tell the events that end a stream: those that give its
    reason and usage, and its end mark, if it has one. ``call_id`` is what stands before the id
    of a tool call. ``broken``: an event of which the second half is missing.
    """

    text: re.Pattern[bytes]
    said: re.Pattern[bytes]
    finish: re.Pattern[bytes]
    mark: re.Pattern[bytes] | None
    call_id: bytes
    broken: bytes


class Api(Protocol):
    """One provider's API. All are pure; a new one is a class like this in a file of its own and
    an entry in ``APIS``. ``ids``: how its ids of answers and of tool calls begin."""

    @property
    def name(self) -> str: ...
    @property
    def face(self) -> Face: ...
    @property
    def places(self) -> Places: ...
    @property
    def ids(self) -> tuple[str, str]: ...
    @property
    def refusals(self) -> Mapping[Trouble, Refusal]: ...

    def mine(self, request: Request, /) -> bool:
        """Whether the request is meant for this API, whatever it wants."""
        ...

    def asked(self, path: str, /) -> str | None:
        """The path of a question to a model as the face reads it; ``None`` for another path."""
        ...

    def listed(self, path: str, /) -> str | None:
        """Which model is looked up in the list, ``""`` for all; ``None`` for another path."""
        ...

    def array(self, request: Request, /) -> bool:
        """Whether a stream comes as a JSON array and not as server-sent events."""
        ...

    def headers(self, number: int, levels: Sequence[Level], wall: float, /) -> Mapping[str, str]:
        """Those of every reply. ``wall``: epoch seconds."""
        ...

    def waiting(self, form: RetryAfter, seconds: float, wall: float, /) -> Mapping[str, str]:
        """The headers that ask a client to wait, if this API has such."""
        ...

    def body(self, refusal: Refusal, wait: float | None, number: int, /) -> bytes:
        """The error; ``wait``: seconds it asks the client to wait."""
        ...

    def broken_off(self, refusal: Refusal, number: int, /) -> Sequence[bytes]:
        """The events with which a stream gives up."""
        ...

    def given_up(self, refusal: Refusal, number: int, /) -> bytes:
        """The body that says with status 200 that there is no answer."""
        ...

    def over(self, over: Over, /) -> Refusal: ...
    def unknown_path(self, method: str, path: str, /) -> Refusal: ...
    def unknown_model(self, name: str, /) -> Refusal: ...
    def models(self, names: Sequence[str], created: int, /) -> bytes: ...
    def model(self, name: str, created: int, /) -> bytes: ...
