"""Streams, from our events to server-sent ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ...errors import Fault
from ...framing.sse import write_sse
from ...types import (
    Event,
    Finish,
    Metered,
    ReasoningDelta,
    RefusalDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    UnknownDelta,
    Usage,
)
from ..json_values import decode, encode
from .responses import write_head
from .usage import write_usage
from .words import DIALECT, own, write_stop

__all__ = ["StreamWriter"]


class _Block(Struct):
    type: str = ""


class _Shape(Struct):
    """What tells where in a stream a frame belongs."""

    type: str
    index: int | None = None
    content_block: _Block | None = None
    usage: dict[str, Any] | None = None


_shape = msgspec.json.Decoder(_Shape).decode
_PIECE = b'{"type":"content_block_delta"'
_PIECE_HEAD = b"event: content_block_delta\ndata: "


class StreamWriter:
    """Writes one stream. The end and the usage go out together, when both are known.

    Blocks follow one another, as the API has them. What comes while a tool's arguments are still
    under way (other providers may mix the pieces of parallel calls) waits until they are whole.
    """

    def __init__(self, model: str, complain: Callable[[Fault], dict[str, Any]]) -> None:
        self._model = model
        self._complain = complain
        self._started = False
        self._anew = False
        self._ended = False
        self._next = 0
        self._current: tuple[str, int] | None = None
        self._call: int | None = None
        self._arguments: list[str] = []
        self._called: set[int] = set()
        self._waiting: list[Event] = []
        self._finish: str | None = None
        self._stop: dict[str, Any] = {}
        self._late: dict[str, Any] = {}
        self._usage: Usage | None = None

    def event(self, event: Event, /) -> bytes:
        if type(event) is TextDelta and self._current and self._current[0] == "text":
            return self._piece(self._current[1], "text_delta", {"text": event.text})
        if type(event) is Start:
            return self._start(event)
        if type(event) is Metered:
            self._usage = event.usage
            return b""
        if getattr(event, "choice", 0):
            return b""  # callers of this dialect ask for one answer
        if type(event) is Finish:
            self._finish = event.reason
            return b""
        if type(event) is UnknownDelta and event.scope != "delta":
            if event.dialect == DIALECT:
                (self._stop if event.scope == "choice" else self._late).update(event.fields)
            return b""
        return self._content(event)

    def relay(self, frame: bytes, events: Sequence[Event], /) -> bytes:
        """Frames go on as they came while each stands where it should. From the first that does
        not they are written anew, with the ends of blocks where they are known to be."""
        if not self._anew:
            if self._is_text(frame, events):
                return _PIECE_HEAD + frame + b"\n\n"
            if not frame.strip():
                return b""
            shape = _shape(frame)
            if self._fits(shape, events):
                return _named(shape.type, frame.replace(b"\n", b"\ndata: "))
            self._anew = True
        return b"".join([self.event(event) for event in events])

    def _is_text(self, frame: bytes, events: Sequence[Event]) -> bool:
        """Nearly every frame is a piece of the text under way."""
        return (
            self._current is not None
            and self._current[0] == "text"
            and len(events) == 1
            and type(events[0]) is TextDelta
            and frame.startswith(_PIECE)
            and b"\n" not in frame
        )

    def _fits(self, shape: _Shape, events: Sequence[Event]) -> bool:
        """Whether a frame stands where it should; if so, what it changes is kept in mind."""
        kind = shape.type
        if kind == "message_start":
            fits, self._started = not self._started, True
            return fits
        if kind == "content_block_start":
            return self._fits_begin(shape, events)
        if kind in ("content_block_delta", "content_block_stop"):
            return self._fits_within(shape, events)
        if kind == "message_delta":
            return self._fits_end(shape, events)
        return True  # a ping, or a kind nobody knows

    def _fits_begin(self, shape: _Shape, events: Sequence[Event]) -> bool:
        block = shape.content_block
        if not self._started or self._current or shape.index != self._next or block is None:
            return False
        self._current = (block.type, self._next)
        self._next += 1
        for event in events:
            if type(event) is ToolCallDelta:
                self._call, self._arguments = event.index, [event.arguments]
                self._called.add(event.index)
        return True

    def _fits_within(self, shape: _Shape, events: Sequence[Event]) -> bool:
        if self._current is None or shape.index != self._current[1]:
            return False
        if shape.type == "content_block_stop":
            self._current = self._call = None
        else:
            self._arguments += [e.arguments for e in events if type(e) is ToolCallDelta]
        return True

    def _fits_end(self, shape: _Shape, events: Sequence[Event]) -> bool:
        """The SDKs count on both the reason and the usage."""
        told = any(type(event) is Finish for event in events)
        counted = shape.usage is not None and "output_tokens" in shape.usage
        self._ended = self._started and self._current is None and told and counted
        return self._ended

    def _content(self, event: Event) -> bytes:
        if self._call is not None:
            if type(event) is ToolCallDelta and event.index == self._call:
                return self._argue(event.arguments) + (self._resume() if self._waiting else b"")
            if not self._is_whole():
                self._waiting.append(event)
                return b""
        if isinstance(event, (TextDelta, RefusalDelta)):
            opened, index = self._turn_to("text", {"text": ""})
            return opened + self._piece(index, "text_delta", {"text": event.text})
        if type(event) is ReasoningDelta:
            return self._reasoning(event)
        if type(event) is ToolCallDelta:
            return self._begin_call(event)
        if type(event) is UnknownDelta and event.dialect == DIALECT:
            return self._unknown(event.fields)
        return b""

    def _start(self, event: Start) -> bytes:
        if self._started:
            return b""
        self._started = True
        message = write_head(event.id, event.model) | write_stop(None, {})
        message |= {"content": (), "usage": write_usage(None)} | own(event.extra)
        return _event("message_start", {"message": message})

    def _begin(self) -> bytes:
        return b"" if self._started else self._start(Start(model=self._model))

    def _open(self, block: Mapping[str, Any]) -> tuple[bytes, int]:
        index = self._next
        self._next += 1
        opened = _event("content_block_start", {"index": index, "content_block": block})
        return self._begin() + self._close() + opened, index

    def _close(self) -> bytes:
        current, self._current = self._current, None
        self._call = None
        return b"" if current is None else _event("content_block_stop", {"index": current[1]})

    def _turn_to(self, kind: str, fields: Mapping[str, Any]) -> tuple[bytes, int]:
        if self._current is not None and self._current[0] == kind:
            return b"", self._current[1]
        opened, index = self._open({"type": kind, **fields})
        self._current = (kind, index)
        return opened, index

    def _piece(self, index: int, kind: str, fields: Mapping[str, Any]) -> bytes:
        return _event("content_block_delta", {"index": index, "delta": {"type": kind, **fields}})

    def _reasoning(self, event: ReasoningDelta) -> bytes:
        extra = own(event.extra)
        if extra.get("type") == "redacted_thinking":
            return self._whole(extra)
        written, index = self._turn_to("thinking", {"thinking": "", "signature": ""})
        if event.text:
            written += self._piece(index, "thinking_delta", {"thinking": event.text})
        if event.signature is not None or extra:
            # What another provider signed is of no use to anybody here.
            signature = event.signature if extra else None
            if signature:
                written += self._piece(index, "signature_delta", {"signature": signature})
            written += self._close()
        return written

    def _begin_call(self, event: ToolCallDelta) -> bytes:
        if event.index in self._called:
            return b""  # nothing can follow arguments that are whole
        block: dict[str, Any] = {"type": "tool_use", "id": event.id or ""}
        block |= {"name": event.name or "", "input": {}} | own(event.extra)
        opened, index = self._open(block)
        self._current, self._call, self._arguments = ("tool_use", index), event.index, []
        self._called.add(event.index)
        return opened + self._argue(event.arguments)

    def _argue(self, arguments: str) -> bytes:
        if not arguments or self._current is None:
            return b""
        self._arguments.append(arguments)
        return self._piece(self._current[1], "input_json_delta", {"partial_json": arguments})

    def _is_whole(self) -> bool:
        try:
            return isinstance(decode("".join(self._arguments).encode()), dict)
        except ValueError:
            return False

    def _resume(self, *, whole: bool = False) -> bytes:
        """Write what waited for the arguments, if they are ``whole`` now."""
        if not whole and not self._is_whole():
            return b""
        waiting, self._waiting = self._waiting, []
        written = self._close()
        return written + b"".join([self._content(event) for event in waiting])

    def _unknown(self, fields: Mapping[str, Any]) -> bytes:
        written = b"".join(self._whole(raw) for raw in fields.get("content") or ())
        for citation in fields.get("citations") or ():
            opened, index = self._turn_to("text", {"text": ""})
            written += opened + self._piece(index, "citations_delta", {"citation": citation})
        return written

    def _whole(self, block: Mapping[str, Any]) -> bytes:
        opened, index = self._open(block)
        return opened + _event("content_block_stop", {"index": index})

    def fault(self, fault: Fault, /) -> bytes:
        """The error in band. No end follows it: a cut stream never ends cleanly."""
        return _event("error", self._complain(fault))

    def end(self) -> bytes:
        if self._ended:
            return _event("message_stop", {})
        closed = self._begin() + self._close()
        while self._waiting:
            closed += self._resume(whole=True) + self._close()
        delta = write_stop(self._finish, self._stop) | self._late
        told = {"delta": delta, "usage": write_usage(self._usage)}
        return closed + _event("message_delta", told) + _event("message_stop", {})


def _event(kind: str, fields: Mapping[str, Any]) -> bytes:
    return _named(kind, encode({"type": kind, **fields}))


def _named(kind: str, data: bytes) -> bytes:
    """The SDKs look at the event's name, so it stands there as well as in the data."""
    return b"event: %b\n" % kind.encode() + write_sse(data)
