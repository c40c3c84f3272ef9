"""An answer in its provider's words: one body, or the events of a stream."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ..folding import unfold
from ..ports import Face, Head
from ..types import Event, Finish, Metered, ReasoningDelta, Response, TextDelta, ToolCallDelta
from .answers import tokens

__all__ = ["Rendered", "render"]


class Rendered(Struct, frozen=True, kw_only=True):
    """``pieces`` carry the answer: the events of a stream, or the one body. Behind those of a
    stream stand ``finish`` (its finish reasons and usage) and ``mark``, its end mark."""

    response: Response
    streamed: bool
    pieces: tuple[bytes, ...]
    finish: tuple[bytes, ...] = ()
    mark: tuple[bytes, ...] = ()

    @property
    def content_type(self) -> str:
        return "text/event-stream; charset=utf-8" if self.streamed else "application/json"

    @property
    def whole(self) -> tuple[bytes, ...]:
        return self.pieces + self.finish + self.mark


def render(face: Face, head: Head, response: Response) -> Rendered:
    if not head.stream:
        body = face.write(response)
        return Rendered(response=response, streamed=False, pieces=(body,))
    writer = face.writer(head)
    pieces: list[bytes] = []
    finish: list[bytes] = []
    for event in unfold(response):
        end = isinstance(event, (Finish, Metered))
        written = [writer.event(part) for part in _parts(event)]
        (finish if end else pieces).extend(filter(None, written))
    return Rendered(
        response=response,
        streamed=True,
        pieces=tuple(pieces),
        finish=tuple(finish),
        mark=(writer.end(),),
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
