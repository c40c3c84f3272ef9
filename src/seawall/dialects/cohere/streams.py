"""Streams, from server-sent events to ours.

A stream is ``message-start``, then each content block as ``content-start``, its deltas and
``content-end``, a plan as ``tool-plan-delta``, each call as ``tool-call-start``, its deltas and
``tool-call-end``, citations as ``citation-start`` and ``citation-end``, and ``message-end`` with
the reason and the usage, or with an error. Kinds that are not known are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, cast

import msgspec
from msgspec import Struct

from ...types import (
    Event,
    Finish,
    LogprobsDelta,
    Metered,
    ReasoningDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    UnknownDelta,
)
from ..call_ids import CallIds
from ..json_values import as_object, as_text, decode
from .faults import fault_from, fault_of_end
from .logprobs import logprobs_if_readable
from .messages import MESSAGE
from .tools import read_call
from .usage import usage_if_readable
from .words import DIALECT, bag, own, read_finish

__all__ = ["StreamReader"]


class _Words(Struct, forbid_unknown_fields=True):
    text: str


class _Content(Struct, forbid_unknown_fields=True):
    content: _Words


class _Message(Struct, forbid_unknown_fields=True):
    message: _Content


class _PlainText(Struct, forbid_unknown_fields=True):
    """A piece of text and nothing else: nearly all events."""

    type: Literal["content-delta"]
    index: int
    delta: _Message


_decode_plain = msgspec.json.Decoder(_PlainText).decode
#: In the message of a stream's start these are there and empty.
_EMPTY = MESSAGE | {"tool_plan", "citations"}


class _Block:
    """A content block while its pieces come in. ``fields``: what else it has."""

    __slots__ = ("fields", "kind")

    def __init__(self, content: Mapping[str, Any]) -> None:
        # What does not name its kind, or whose start was lost, tells by what it holds.
        self.kind = str(content.get("type") or ("thinking" if "thinking" in content else "text"))
        self.fields: dict[str, Any] = {}

    def piece(self, content: Mapping[str, Any]) -> Iterable[Event]:
        known = self.kind in ("text", "thinking")
        text = content.get(self.kind) if known else None
        if text is not None and not isinstance(text, str):
            raise ValueError(f"content.{self.kind} is no string")
        if text:
            yield TextDelta(text) if self.kind == "text" else ReasoningDelta(text)
        for name, value in own(bag(content, ("type", self.kind) if known else ("type",))).items():
            old = self.fields.get(name)
            both = isinstance(old, str) and isinstance(value, str)
            self.fields[name] = cast("str", old) + value if both else value

    def end(self) -> Iterable[Event]:
        fields, self.fields = self.fields, {}
        if self.kind not in ("text", "thinking"):
            yield UnknownDelta(DIALECT, {"content": [{"type": self.kind} | fields]})
        elif fields and self.kind == "thinking":
            yield ReasoningDelta("", extra={DIALECT: fields})
        elif fields:
            yield UnknownDelta(DIALECT, fields)


class StreamReader:
    """Turns the data of server-sent events into events, one reader a stream."""

    def __init__(self) -> None:
        self.done = False
        self._blocks: dict[int, _Block] = {}
        self._calls: dict[int, int] = {}
        self._argued: set[int] = set()
        self._ids = CallIds()
        self._answer = ""

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
        text = plain.delta.message.content.text
        return (TextDelta(text),) if text else ()

    def _general(self, frame: bytes) -> Sequence[Event]:
        if not frame.strip() or frame == b"[DONE]":
            return ()
        event = as_object(decode(frame), "the event")
        kind = event.get("type")
        if not isinstance(kind, str):
            if isinstance(event.get("message"), str):
                raise fault_from(event, frame, 500)
            raise ValueError("the event has no type")
        if kind == "message-end":
            return list(self._end(event, frame))
        read = self._kinds.get(kind)
        return () if read is None else list(read(self, event))

    def _start(self, event: Mapping[str, Any]) -> Iterable[Event]:
        self._answer = str(event.get("id") or "")
        yield Start(self._answer, extra=bag(event, ("type", "id", "delta")))
        yield from self._unknown(_message(event), _EMPTY)

    def _unknown(self, fields: Mapping[str, Any], known: frozenset[str]) -> Iterable[Event]:
        unknown = own(bag(fields, known))
        if unknown:
            yield UnknownDelta(DIALECT, unknown)

    def _open(self, event: Mapping[str, Any]) -> Iterable[Event]:
        content = as_object(_message(event).get("content"), "delta.message.content")
        block = self._blocks[_index(event)] = _Block(content)
        yield from block.piece(content)

    def _piece(self, event: Mapping[str, Any]) -> Iterable[Event]:
        content = as_object(_message(event).get("content") or {}, "delta.message.content")
        index = _index(event)
        block = self._blocks.get(index)
        if block is None:
            block = self._blocks[index] = _Block(content)
        yield from block.piece(content)
        told = logprobs_if_readable([event.get("logprobs")])
        if told is not None:
            yield LogprobsDelta(told)

    def _close(self, event: Mapping[str, Any]) -> Iterable[Event]:
        block = self._blocks.pop(_index(event), None)
        return () if block is None else block.end()

    def _plan(self, event: Mapping[str, Any]) -> Iterable[Event]:
        plan = as_text(_message(event).get("tool_plan"), "delta.message.tool_plan")
        if plan:
            yield UnknownDelta(DIALECT, {"tool_plan": plan})

    def _call(self, event: Mapping[str, Any]) -> Iterable[Event]:
        raw = as_object(_message(event).get("tool_calls"), "delta.message.tool_calls")
        call, index = read_call(raw), _index(event)
        ours = self._calls[index] = len(self._ids.taken)
        id_ = self._ids.take(call.id, self._answer)
        self._argued.discard(index)
        if call.arguments:
            self._argued.add(index)
        yield ToolCallDelta(ours, id_, call.name, call.arguments, extra=call.extra)

    def _argue(self, event: Mapping[str, Any]) -> Iterable[Event]:
        raw = as_object(_message(event).get("tool_calls") or {}, "delta.message.tool_calls")
        function = as_object(raw.get("function") or {}, "tool_calls.function")
        arguments, index = as_text(function.get("arguments"), "arguments"), _index(event)
        if index not in self._calls:
            raise ValueError(f"tool call {index} never began")
        if arguments:
            self._argued.add(index)
            yield ToolCallDelta(self._calls[index], arguments=arguments)

    def _called(self, event: Mapping[str, Any]) -> Iterable[Event]:
        index = _index(event)
        if index in self._calls and index not in self._argued:
            self._argued.add(index)
            yield ToolCallDelta(self._calls[index], arguments="{}")

    def _cite(self, event: Mapping[str, Any]) -> Iterable[Event]:
        told = _message(event).get("citations")
        if told:
            several = cast("list[Any]", told) if isinstance(told, list) else [told]
            yield UnknownDelta(DIALECT, {"citations": several})

    def _end(self, event: Mapping[str, Any], frame: bytes) -> Iterable[Event]:
        delta = as_object(event.get("delta") or {}, "delta")
        fault = fault_of_end(delta, frame)
        if fault is not None:
            raise fault
        for block in self._blocks.values():
            yield from block.end()
        yield from self._unknown(_message(event), MESSAGE)
        finish, rest = read_finish(delta.get("finish_reason"))
        rest |= own(bag(delta, ("message", "finish_reason", "usage", "error")))
        if rest:
            yield UnknownDelta(DIALECT, rest, "choice")
        news = own(bag(event, ("type", "id", "delta")))
        if news:
            yield UnknownDelta(DIALECT, news, "response")
        if finish is not None:
            yield Finish(finish)
        usage = usage_if_readable(delta.get("usage"))
        if usage is not None:
            yield Metered(usage)
        self.done = True

    _kinds: ClassVar[Mapping[str, Callable[..., Iterable[Event]]]] = {
        "message-start": _start,
        "content-start": _open,
        "content-delta": _piece,
        "content-end": _close,
        "tool-plan-delta": _plan,
        "tool-call-start": _call,
        "tool-call-delta": _argue,
        "tool-call-end": _called,
        "citation-start": _cite,
    }


def _message(event: Mapping[str, Any]) -> dict[str, Any]:
    delta = as_object(event.get("delta") or {}, "delta")
    return as_object(delta.get("message") or {}, "delta.message")


def _index(event: Mapping[str, Any]) -> int:
    index = event.get("index") or 0
    if not isinstance(index, int):
        raise ValueError(f"index is {index!r}, not a number")
    return index
