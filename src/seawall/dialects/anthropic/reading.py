"""Streams, from server-sent events to ours.

A stream is ``message_start``, then each content block as ``content_block_start``, its deltas and
``content_block_stop``, then ``message_delta`` with the end and the usage, then ``message_stop``.
``ping`` says nothing, ``error`` may come at any time, and kinds of events that are not known are
to be passed over (API reference, "Streaming messages").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast

import msgspec
from msgspec import Struct

from ...types import (
    Event,
    Finish,
    Metered,
    ReasoningDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    UnknownDelta,
)
from ..call_ids import CallIds
from ..json_values import as_object, as_text, decode, encode
from .faults import fault_from
from .responses import RESPONSE
from .usage import usage_if_readable
from .words import DIALECT, bag, own, read_stop

__all__ = ["StreamReader"]


class _TextPiece(Struct, forbid_unknown_fields=True):
    text: str
    type: Literal["text_delta"]


class _PlainText(Struct, forbid_unknown_fields=True):
    """A piece of text and nothing else: nearly all events."""

    type: Literal["content_block_delta"]
    index: int
    delta: _TextPiece


_decode_plain = msgspec.json.Decoder(_PlainText).decode


class _Block:
    """A content block while its pieces come in. ``call``: which tool call it is."""

    __slots__ = ("call", "kind", "pieces", "raw", "signature")

    def __init__(self, raw: dict[str, Any], call: int) -> None:
        self.kind = str(raw.get("type"))
        self.raw = raw
        self.call = call
        self.pieces: list[str] = []
        self.signature: str | None = None

    def begin(self) -> Iterable[Event]:
        raw = self.raw
        if self.kind == "text":
            if raw.get("text"):
                yield TextDelta(as_text(raw["text"], "text") or "")
            rest = own(bag(raw, ("type", "text")))
            if any(rest.values()):
                yield UnknownDelta(DIALECT, rest)
        elif self.kind == "thinking":
            self.signature = as_text(raw.get("signature"), "signature") or None
            if raw.get("thinking"):
                yield ReasoningDelta(as_text(raw["thinking"], "thinking") or "")
        elif self.kind == "redacted_thinking":
            yield ReasoningDelta("", extra=bag(raw, ()))
        elif self.kind == "tool_use":
            given = as_object(raw.get("input") or {}, "input")
            self.pieces = [encode(given).decode()] if given else []
            id_, name = as_text(raw.get("id"), "id"), as_text(raw.get("name"), "name")
            extra = bag(raw, ("type", "id", "name", "input"))
            yield ToolCallDelta(self.call, id_, name, "".join(self.pieces), extra=extra)

    def piece(self, delta: Mapping[str, Any]) -> Iterable[Event]:
        kind = delta.get("type")
        if kind == "text_delta":
            yield TextDelta(_text(delta, "text"))
        elif kind == "thinking_delta":
            yield ReasoningDelta(_text(delta, "thinking"))
        elif kind == "signature_delta":
            self.signature = _text(delta, "signature")
        elif kind == "citations_delta":
            yield UnknownDelta(DIALECT, {"citations": [delta.get("citation")]})
        elif kind == "input_json_delta":
            part = _text(delta, "partial_json")
            self.pieces.append(part)
            if part and self.kind == "tool_use":
                yield ToolCallDelta(self.call, arguments=part)
        else:
            self._grow(delta)

    def _grow(self, delta: Mapping[str, Any]) -> None:
        """A delta of a kind nobody here knows adds to the block's own fields."""
        for name, value in delta.items():
            old = self.raw.get(name)
            if name != "type":
                both = isinstance(old, str) and isinstance(value, str)
                self.raw[name] = cast("str", old) + value if both else value

    def end(self) -> Iterable[Event]:
        if self.kind == "tool_use":
            if not any(self.pieces):
                yield ToolCallDelta(self.call, arguments="{}")
        elif self.kind == "thinking":
            if self.signature is not None:
                extra = bag(self.raw, ("thinking", "signature"))
                yield ReasoningDelta("", signature=self.signature, extra=extra)
        elif self.kind not in ("text", "redacted_thinking"):
            text = "".join(self.pieces)
            whole = self.raw | {"input": decode(text.encode())} if text else self.raw
            yield UnknownDelta(DIALECT, {"content": [whole]})


def _index(event: Mapping[str, Any]) -> int:
    index = event.get("index")
    if not isinstance(index, int):
        raise ValueError(f"index is {index!r}, not a number")
    return index


def _text(delta: Mapping[str, Any], name: str) -> str:
    text = delta.get(name)
    if not isinstance(text, str):
        raise ValueError(f"delta.{name} is no string")
    return text


class StreamReader:
    """Turns the data of server-sent events into events, one reader a stream."""

    def __init__(self) -> None:
        self.done = False
        self._blocks: dict[int, _Block] = {}
        self._ids = CallIds()
        self._answer = ""
        self._usage: dict[str, Any] = {}

    def feed(self, frame: bytes, /) -> Sequence[Event]:
        """Raises ``ValueError`` for what is no event, and the provider's fault for an error it
        put in band."""
        try:
            plain = _decode_plain(frame)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._general(frame)
        block = self._blocks.get(plain.index)
        if block is None or block.kind != "text":
            return self._general(frame)
        text = plain.delta.text
        return (TextDelta(text),) if text else ()

    def _general(self, frame: bytes) -> Sequence[Event]:
        if not frame.strip():
            return ()
        event = as_object(decode(frame), "the event")
        kind = event.get("type")
        if kind == "content_block_delta":
            delta = as_object(event.get("delta"), "delta")
            return [found for found in self._block(event).piece(delta) if _says(found)]
        if kind == "content_block_start":
            return self._open(event)
        if kind == "content_block_stop":
            return list(self._block(event).end())
        if kind == "message_start":
            return self._start(as_object(event.get("message"), "message"))
        if kind == "message_delta":
            return list(self._finish(event))
        if kind == "message_stop":
            self.done = True
        elif kind == "error":
            raise fault_from(event, frame)
        elif not isinstance(kind, str):
            raise ValueError("the event has no type")
        return ()

    def _start(self, message: dict[str, Any]) -> Sequence[Event]:
        usage = message.get("usage")
        if isinstance(usage, dict):
            self._usage = cast("dict[str, Any]", usage)
        self._answer, model = str(message.get("id") or ""), str(message.get("model") or "")
        return (Start(self._answer, model, extra=bag(message, RESPONSE)),)

    def _open(self, event: Mapping[str, Any]) -> Sequence[Event]:
        raw = as_object(event.get("content_block"), "content_block")
        index, block = _index(event), _Block(raw, len(self._ids.taken))
        if block.kind == "tool_use":
            raw["id"] = self._ids.take(as_text(raw.get("id"), "id"), self._answer)
        self._blocks[index] = block
        return list(block.begin())

    def _block(self, event: Mapping[str, Any]) -> _Block:
        block = self._blocks.get(_index(event))
        if block is None:
            raise ValueError(f"block {event['index']} never began")
        return block

    def _finish(self, event: Mapping[str, Any]) -> Iterable[Event]:
        delta = as_object(event.get("delta") or {}, "delta")
        finish, rest = read_stop(delta)
        if rest:
            yield UnknownDelta(DIALECT, rest, "choice")
        news = own(bag(delta, RESPONSE)) | own(bag(event, ("type", "delta", "usage")))
        if news:
            yield UnknownDelta(DIALECT, news, "response")
        if finish is not None:
            yield Finish(finish)
        # Its counts are those of the whole stream; what it leaves out stands in the start.
        counts = event.get("usage")
        known = cast("dict[str, Any]", counts) if isinstance(counts, dict) else {}
        self._usage = self._usage | {n: value for n, value in known.items() if value is not None}
        usage = usage_if_readable(self._usage)
        if usage is not None:
            yield Metered(usage)


def _says(event: Event) -> bool:
    """Whether a piece is not empty: the API likes to begin with one that is."""
    return not isinstance(event, (TextDelta, ReasoningDelta)) or bool(event.text)
