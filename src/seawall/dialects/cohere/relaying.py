"""Streams that came in this dialect, handed on as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ...types import Event, Finish, TextDelta, ToolCallDelta
from .writer import StreamWriter, named_event

__all__ = ["RelayingWriter"]


class _Block(Struct):
    type: str = ""


class _Message(Struct):
    content: _Block | list[Any] = []


class _Delta(Struct):
    message: _Message | None = None


class _Shape(Struct):
    """What tells where in a stream a frame belongs."""

    type: str
    id: str | None = None
    index: int | None = None
    delta: _Delta | None = None


_shape = msgspec.json.Decoder(_Shape).decode
_PIECE = b'{"type":"content-delta"'
_PIECE_HEAD = b"event: content-delta\ndata: "


def _seen(frame: bytes) -> _Shape | None:
    """Its shape, if that is the usual one."""
    try:
        return _shape(frame)
    except ValueError:
        return None


class RelayingWriter(StreamWriter):
    """Writes one stream, with the frames of another as they came while each stands where it should.

    The last of them waits for the end to be asked for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._anew = False
        self._last = b""

    def relay(self, frame: bytes, events: Sequence[Event], /) -> bytes:
        """From the first frame that does not stand where it should all are written anew."""
        if not self._anew:
            if self._is_text(frame, events):
                return _PIECE_HEAD + frame + b"\n\n"
            if not frame.strip() or frame == b"[DONE]":
                return b""
            shape = _seen(frame)
            if shape is not None and self._fits(shape, events):
                written = named_event(shape.type, frame.replace(b"\n", b"\ndata: "))
                if shape.type != "message-end":
                    return written
                self._last = written
                return b""
            self._anew = True
        return super().relay(frame, events)

    def _is_text(self, frame: bytes, events: Sequence[Event]) -> bool:
        """Nearly every frame is a piece of the text under way."""
        return (
            self._open == "text"
            and len(events) == 1
            and type(events[0]) is TextDelta
            and frame.startswith(_PIECE)
            and b"\n" not in frame
        )

    def _fits(self, shape: _Shape, events: Sequence[Event]) -> bool:
        """Whether a frame stands where it should; if so, what it changes is kept in mind."""
        kind, index = shape.type, shape.index or 0
        if kind == "message-start":
            fits, self._started, self._id = not self._started, True, shape.id or ""
            return fits
        if not self._started:
            return False
        if kind.startswith("content-"):
            return self._fits_block(shape, index)
        if kind.startswith("tool-call-"):
            return self._fits_call(kind, index, events)
        if kind == "citation-start":
            self._cited = max(self._cited, index + 1)
        if kind == "message-end":
            told = any(type(event) is Finish for event in events)
            return told and self._open is None and self._call is None
        return True

    def _fits_block(self, shape: _Shape, index: int) -> bool:
        if shape.type == "content-start":
            content = shape.delta and shape.delta.message and shape.delta.message.content
            apart = self._open is None and self._call is None and index == self._blocks
            if apart and isinstance(content, _Block):
                self._open, self._blocks = content.type, self._blocks + 1
            return apart and isinstance(content, _Block)
        if self._open is None or index != self._blocks - 1:
            return False
        if shape.type == "content-end":
            self._open = None
        return True

    def _fits_call(self, kind: str, index: int, events: Sequence[Event]) -> bool:
        pieces = [event for event in events if type(event) is ToolCallDelta]
        if kind == "tool-call-start":
            if self._open is not None or self._call is not None or index != len(self._called):
                return False
            self._call, self._arguments = pieces[0].index, [pieces[0].arguments]
            self._called[self._call] = index
            return True
        if self._call is None or index != self._called[self._call]:
            return False
        self._arguments += [piece.arguments for piece in pieces]
        if kind == "tool-call-end":
            self._call = None
        return True

    def end(self) -> bytes:
        return self._last or super().end()
