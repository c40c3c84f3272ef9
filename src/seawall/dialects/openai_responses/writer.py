"""Streams of typed events, written.

Each event of this API names its item, its place and its number, and what began in pieces ends
whole: so the writer keeps what it has told. An item begins with its first piece; all of them end
with the answer, when it is known that nothing more of them comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ...errors import Fault
from ...folding import fold
from ...framing.sse import write_sse
from ...types import (
    Event,
    Finish,
    LogprobsDelta,
    Message,
    Metered,
    ReasoningDelta,
    RefusalDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    UnknownDelta,
    Usage,
)
from ..json_values import encode
from .messages import as_they_came
from .open_items import OpenCall, OpenItem, OpenMessage, OpenReasoning
from .responses import envelope, outcome, tokens_of
from .words import DIALECT, OUTPUT, own

__all__ = ["StreamWriter"]


class _Kind(Struct):
    type: str


_kind = msgspec.json.Decoder(_Kind).decode


class StreamWriter:
    """Writes one stream of typed events as server-sent events."""

    def __init__(self, model: str, error_event: Callable[[Fault, int], Any]) -> None:
        self._start = Start(model=model)
        self._begun = self._relayed = False
        self._top: dict[str, Any] = {}
        self._error_event = error_event
        self._number = 0
        self._items: list[OpenItem] = []
        self._calls: dict[int, OpenCall] = {}
        self._told: list[Event] = []
        self._finish: str | None = None
        self._usage: Usage | None = None

    def event(self, event: Event, /) -> bytes:
        if type(event) is Start:
            self._start = event
            self._top |= own(event.extra)
            return self._begin()
        if type(event) is Metered:
            self._usage = event.usage
        elif type(event) is Finish:
            self._finish = event.reason
        elif type(event) is UnknownDelta:
            if event.dialect == DIALECT and event.scope == "response":
                self._top |= event.fields
            else:
                self._told.append(event)
        else:
            self._told.append(event)
            return self._begin() + self._write(self._piece(event))
        return b""

    def relay(self, frame: bytes, events: Sequence[Event], /) -> bytes:
        """A frame that came in this dialect goes on as it is: it knows its item and place."""
        self._relayed = True
        self._number += 1
        return b"event: " + _kind(frame).type.encode() + b"\n" + write_sse(frame)

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        response = envelope(self._start, [], "in_progress", **self._top)
        kinds = ("response.created", "response.in_progress")
        return self._write({"type": kind, "response": response} for kind in kinds)

    def _piece(self, event: Event) -> Iterable[dict[str, Any]]:
        if type(event) is ReasoningDelta:
            return self._of(OpenReasoning).add(event.text) if event.text else ()
        if type(event) is TextDelta:
            return self._of(OpenMessage).add("output_text", event.text)
        if type(event) is RefusalDelta:
            return self._of(OpenMessage).add("refusal", event.text)
        if type(event) is LogprobsDelta:
            tokens = tokens_of(event.logprobs)
            return self._of(OpenMessage).add("output_text", "", tokens) if tokens else ()
        return self._call(event) if type(event) is ToolCallDelta else ()

    def _of(self, kind: type[Any]) -> Any:
        found = next((item for item in self._items if type(item) is kind), None)
        if found is None:
            found = kind(len(self._items), self._start.id)
            self._items.append(found)
        return found

    def _call(self, event: ToolCallDelta) -> Iterable[dict[str, Any]]:
        call = self._calls.get(event.index)
        if call is None:
            call = self._calls[event.index] = OpenCall(len(self._items), event)
            self._items.append(call)
        return call.add(event.arguments)

    def _write(self, events: Iterable[dict[str, Any]]) -> bytes:
        return b"".join([self._say(event) for event in events])

    def _say(self, event: dict[str, Any]) -> bytes:
        said = {"type": event["type"], "sequence_number": self._number} | event
        self._number += 1
        return b"event: " + event["type"].encode() + b"\n" + write_sse(encode(said))

    def fault(self, fault: Fault, /) -> bytes:
        """The error in band. No end follows it: a cut stream never ends cleanly."""
        return self._write([self._error_event(fault, self._number)])

    def end(self) -> bytes:
        if self._relayed:
            return b""  # the end came as a frame
        status, incomplete = outcome(self._finish)
        closed: list[dict[str, Any]] = []
        for item in self._items:
            closed += item.close(status)
        output = self._came() or [item.whole(status) for item in self._items]
        response = envelope(self._start, output, status, incomplete, self._usage, **self._top)
        last = {"type": f"response.{status}", "response": response}
        return self._begin() + self._write([*closed, last])

    def _came(self) -> list[dict[str, Any]] | None:
        """The items as they came, if they say what was told: of an answer that another provider
        went on with, they say a part."""
        message = fold(self._told).message
        if OUTPUT not in own(message.extra):
            return None
        return as_they_came(Message("assistant", message.content, extra=message.extra))
