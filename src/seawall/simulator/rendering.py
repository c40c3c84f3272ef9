"""An answer in its provider's words: one body, or the events of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from ..folding import unfold
from ..ports import Head
from ..types import Event, ReasoningDelta, Response, TextDelta, ToolCallDelta
from .answers import tokens
from .apis import Api

__all__ = ["Rendered", "framed", "render"]

Form = Literal["body", "events", "array"]
_TYPES = {
    "body": "application/json",
    "events": "text/event-stream; charset=utf-8",
    "array": "application/json; charset=utf-8",
}
_END = b"\n\n"
_BETWEEN = b",\r\n"


class Rendered(Struct, frozen=True, kw_only=True):
    """``pieces`` carry the answer: the events of a stream, or the one body. Behind those of a
    stream stand ``finish`` (its finish reasons and usage) and ``mark``, its end mark."""

    response: Response
    pieces: tuple[bytes, ...]
    form: Form = "body"
    finish: tuple[bytes, ...] = ()
    mark: tuple[bytes, ...] = ()

    @property
    def streamed(self) -> bool:
        return self.form != "body"

    @property
    def content_type(self) -> str:
        return _TYPES[self.form]

    @property
    def whole(self) -> tuple[bytes, ...]:
        return self.pieces + self.finish + self.mark


def render(api: Api, head: Head, response: Response, array: bool = False) -> Rendered:
    """``array``: a stream as a JSON array, one element an event."""
    if not head.stream:
        return Rendered(response=response, pieces=(api.face.write(response),))
    writer = api.face.writer(head)
    written = [writer.event(part) for event in unfold(response) for part in _parts(event)]
    events = [event for bytes_ in (*written, writer.end()) for event in _events(bytes_)]
    places = api.places
    finish = [event for event in events if places.finish.search(event)]
    mark = [event for event in events if places.mark is not None and places.mark.search(event)]
    pieces = [event for event in events if event not in finish and event not in mark]
    if array:
        return _array(response, pieces, finish)
    return Rendered(
        response=response,
        form="events",
        pieces=tuple(pieces),
        finish=tuple(finish),
        mark=tuple(mark),
    )


def _events(written: bytes) -> Iterable[bytes]:
    """A writer may write several at once; faults befall one."""
    return [event + _END for event in written.split(_END) if event]


def _array(response: Response, pieces: Sequence[bytes], finish: Sequence[bytes]) -> Rendered:
    elements = [framed(piece, "array") + _BETWEEN for piece in pieces]
    ending = [framed(piece, "array") for piece in finish]
    return Rendered(
        response=response,
        form="array",
        pieces=(b"[", *elements),
        finish=(_BETWEEN.join(ending),),
        mark=(b"]",),
    )


def framed(event: bytes, form: Form) -> bytes:
    """A server-sent event as it stands in a stream of that form."""
    if form == "events":
        return event
    return b"\n".join(
        line.removeprefix(b"data: ") for line in event.splitlines() if line.startswith(b"data: ")
    )


def _parts(event: Event) -> Iterable[Event]:
    """A model says a token at a time."""
    if isinstance(event, (TextDelta, ReasoningDelta)):
        return [type(event)(text, event.choice) for text in tokens(event.text)]
    if isinstance(event, ToolCallDelta):
        first = ToolCallDelta(event.index, event.id, event.name, "", event.choice, event.extra)
        rest = [
            ToolCallDelta(event.index, arguments=text, choice=event.choice)
            for text in tokens(event.arguments)
        ]
        return [first, *rest]
    return [event]
