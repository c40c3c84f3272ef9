"""What an SDK is told: whole answers, streams handed on, and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.json import decode, encode

from ...core import Reply, Stream
from ...errors import BadRequestError, ConfigError, Fault, MalformedReplyError, SeawallError
from ...ports import Face, Head
from ...types import Event
from .asked import returned

__all__ = ["ID", "Answer", "Body", "Handed", "refusal", "stream_headers", "trouble", "whole"]

#: Our attempts are spent: an SDK that tried again would only multiply them.
_NO_RETRY = ("x-should-retry", "false")
_JSON = ("content-type", "application/json")
_DAMAGED = "{} unreadable events of the stream were skipped; a piece of the answer may be missing"
#: Where the call is found in the ledger.
ID = "x-seawall-id"
_MODEL = "x-seawall-model"


class Body(Protocol):
    """A body that comes piece by piece. ``next`` gives ``b""`` at the end, and raises a
    ``Fault`` where the connection has to break instead. ``cancel`` gives up the rest."""

    async def next(self) -> bytes: ...
    def cancel(self) -> None: ...


class Answer(Struct, frozen=True):
    """The reply to an SDK's request, and the fault that it tells of."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes | Body
    fault: Fault | None = None


class Handed:
    """A stream in the SDK's own words: frames as they came, or written anew.

    A fault is told in band first. Then the body breaks off: an SDK that read over the error
    must not take what follows for the end of the answer. An answer of which an event was
    unreadable ends so too, since an SDK knows no other way to say that a piece may be missing.
    """

    def __init__(self, face: Face, head: Head, stream: Stream) -> None:
        self._stream = stream
        self._writer = face.writer(head)
        self._fault: Fault | None = None
        self._over = False

    async def next(self) -> bytes:
        if self._fault is not None:
            raise self._fault
        while not self._over:
            try:
                pieces = await self._stream.pieces()
            except Fault as fault:
                return self._break(fault)
            if not pieces:
                if self._stream.damaged:
                    return self._break(MalformedReplyError(_DAMAGED.format(self._stream.damaged)))
                self._over = True
                return self._writer.end()
            data = b"".join([self._write(frame, events) for frame, events in pieces])
            if data:
                return data
        return b""

    def _break(self, fault: Fault) -> bytes:
        self._fault = fault
        return self._writer.fault(fault)

    def _write(self, frame: bytes | None, events: Sequence[Event]) -> bytes:
        if frame is None:
            return b"".join([self._writer.event(event) for event in events])
        return self._writer.relay(frame, events)

    def cancel(self) -> None:
        self._stream.cancel()


def whole(face: Face, reply: Reply) -> Answer:
    """A complete answer, as it came if it came in the SDK's words and nothing had to be mended."""
    if reply.body is not None and all(call.id.encode() in reply.body for call in reply.tool_calls):
        return Answer(200, [*returned(reply.headers), *_about(reply)], reply.body)
    return Answer(200, [_JSON, *_about(reply)], face.write(reply.response))


def stream_headers(reply: Reply) -> list[tuple[str, str]]:
    kept = [pair for pair in returned(reply.headers) if pair[0].lower() != "content-type"]
    return [("content-type", "text/event-stream"), *kept, *_about(reply)]


def refusal(face: Face, fault: Fault, call: str) -> Answer:
    """A fault as the SDK's provider would tell it: in its own words if it said any."""
    headers = [_NO_RETRY, (ID, call)] if call else [_NO_RETRY]
    if fault.dialect == face.name and fault.status is not None and _is_json(fault.body):
        said = [pair for pair in returned(fault.headers) if pair[0].lower() != _NO_RETRY[0]]
        return Answer(fault.status, [*said, *headers], fault.body, fault)
    status, said, body = face.complain(fault)
    kept = [pair for pair in said.pairs if pair[0] != _NO_RETRY[0]]
    return Answer(status, [*kept, *headers], body, fault)


def trouble(face: Face | None, error: SeawallError) -> Answer:
    """A wrong setting, or a ledger that takes no records: nothing was sent."""
    wrong = isinstance(error, ConfigError)
    kind, status = (BadRequestError, 400) if wrong else (Fault, 503)
    code = "config_error" if wrong else "ledger_error"
    fault = kind(str(error), status=status, code=code)
    if face is not None:
        return refusal(face, fault, "")
    said = {"message": str(error), "type": "seawall_error", "param": None, "code": code}
    return Answer(status, [_JSON, _NO_RETRY], encode({"error": said}))


def _about(reply: Reply) -> list[tuple[str, str]]:
    return [(ID, reply.id), (_MODEL, reply.model)]


def _is_json(body: bytes) -> bool:
    """Whether an error body is there whole: faults keep no more than its beginning."""
    try:
        return bool(decode(body))
    except ValueError:
        return False
