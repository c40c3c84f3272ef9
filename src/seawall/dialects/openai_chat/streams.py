"""Streams of chunks, both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec
from msgspec import Struct

from ...errors import Fault
from ...framing.sse import write_sse
from ...types import (
    Event,
    Finish,
    LogprobsDelta,
    Metered,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    Start,
    Text,
    TextDelta,
    ToolCallDelta,
    UnknownDelta,
)
from .calls import Calls, read_piece, write_call
from .faults import error_in, fault_from
from .messages import read_part
from .responses import read_created
from .usage import read_usage, write_usage
from .words import DIALECT, as_list, as_object, as_text, bag, decode, encode, own

__all__ = ["StreamReader", "StreamWriter"]

# ``obfuscation`` is padding against traffic analysis and means nothing.
_CHUNK = frozenset({"id", "object", "created", "model", "choices", "usage", "obfuscation"})
_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs"})
_DELTA = frozenset({"role", "content", "refusal", "tool_calls", "reasoning_content", "reasoning"})


class _PlainDelta(Struct, forbid_unknown_fields=True):
    content: str
    role: str | None = None
    refusal: None = None
    # Nulls that servers write out; they say nothing.
    reasoning_content: None = None
    reasoning: None = None
    tool_calls: None = None
    function_call: None = None


class _PlainChoice(Struct, forbid_unknown_fields=True):
    delta: _PlainDelta
    index: int = 0
    logprobs: None = None
    finish_reason: None = None
    stop_reason: None = None
    matched_stop: None = None
    token_ids: None = None


class _PlainChunk(Struct, forbid_unknown_fields=True):
    """A chunk that carries one piece of text and nothing else: nearly all of them."""

    choices: tuple[_PlainChoice]
    id: str = ""
    object: str = ""
    created: int = 0
    model: str = ""
    system_fingerprint: str | None = None
    service_tier: str | None = None
    usage: None = None
    obfuscation: str | None = None


_decode_plain = msgspec.json.Decoder(_PlainChunk).decode


class StreamReader:
    """Turns the data of server-sent events into events, one reader a stream."""

    def __init__(self) -> None:
        self.done = False
        self._started = False
        self._top: dict[str, Any] = {}
        self._calls: dict[int, Calls] = {}

    def feed(self, frame: bytes, /) -> Sequence[Event]:
        """Raises ``ValueError`` for what is no chunk, and the provider's fault for an error it
        put in band."""
        if frame == b"[DONE]":
            self.done = True
            return ()
        if self._started:
            try:
                plain = _decode_plain(frame)
            except (msgspec.DecodeError, UnicodeDecodeError):
                return self._general(frame)
            if plain.service_tier == self._top.get(
                "service_tier"
            ) and plain.system_fingerprint == self._top.get("system_fingerprint"):
                choice = plain.choices[0]
                text = choice.delta.content
                return (TextDelta(text, choice.index),) if text else ()
        return self._general(frame)

    def _general(self, frame: bytes) -> Sequence[Event]:
        if not frame.strip():
            return ()
        chunk = as_object(decode(frame), "the chunk")
        error = error_in(chunk)
        if error is not None:
            raise fault_from(error, frame)
        choices = as_list(chunk.get("choices"), "choices")
        usage = _usage(chunk)
        if usage is None and chunk.get("choices") is None:
            raise ValueError("the chunk has neither choices nor usage")
        events: list[Event] = []
        answer = str(chunk.get("id") or "")
        for choice in choices:
            events.extend(self._choice(as_object(choice, "choices[]"), answer))
        if usage is not None:
            events.append(Metered(read_usage(as_object(usage, "usage"))))
        # Last, so that a chunk that proves unreadable has not begun the stream.
        return [*self._head(chunk, bool(events)), *events]

    def _head(self, chunk: Mapping[str, Any], telling: bool) -> Sequence[Event]:
        """What the chunk says of the whole stream: its start, then what changed since."""
        top = own(bag(chunk, _CHUNK))
        news = {name: value for name, value in top.items() if self._top.get(name) != value}
        self._top |= news
        if self._started:
            return (UnknownDelta(DIALECT, news, "response"),) if news else ()
        if not telling and not chunk.get("id"):
            # Azure's first chunk has the prompt's filter results, but no id, model or choice.
            return ()
        self._started = True
        extra = {DIALECT: dict(self._top)} if self._top else {}
        id_, model = str(chunk.get("id") or ""), str(chunk.get("model") or "")
        return (Start(id_, model, read_created(chunk), extra),)

    def _choice(self, raw: dict[str, Any], answer: str) -> Iterable[Event]:
        index = raw.get("index") or 0
        if not isinstance(index, int):
            raise ValueError(f"choices[].index is {index!r}, not a number")
        delta = as_object(raw.get("delta") or {}, "delta")
        reasoning = as_text(delta.get("reasoning_content") or delta.get("reasoning"), "reasoning")
        if reasoning:
            yield ReasoningDelta(reasoning, index)
        if delta.get("content"):
            yield from _content(delta["content"], index)
        refusal = as_text(delta.get("refusal"), "refusal")
        if refusal:
            yield RefusalDelta(refusal, index)
        for call in as_list(delta.get("tool_calls"), "tool_calls"):
            yield self._tool_call(as_object(call, "tool_calls[]"), index, answer)
        if raw.get("logprobs") is not None:
            yield LogprobsDelta(as_object(raw["logprobs"], "logprobs"), index)
        unknown = own(bag(delta, _DELTA))
        if unknown:
            yield UnknownDelta(DIALECT, unknown, "delta", index)
        unknown = own(bag(raw, _CHOICE))
        if unknown:
            yield UnknownDelta(DIALECT, unknown, "choice", index)
        # Some servers write an empty reason until they have one.
        finish = as_text(raw.get("finish_reason"), "finish_reason")
        if finish:
            yield Finish(finish, index)

    def _tool_call(self, raw: dict[str, Any], choice: int, answer: str) -> ToolCallDelta:
        name, arguments, extra = read_piece(raw)
        id_ = as_text(raw.get("id"), "tool_calls[].id") or ""
        calls = self._calls.get(choice)
        if calls is None:
            calls = self._calls[choice] = Calls(choice)
        index, first = calls.place(raw.get("index"), id_, name, answer)
        return ToolCallDelta(index, first, name or None, arguments or "", choice, extra)


def _content(content: Any, index: int) -> Iterable[Event]:
    """A piece of text, or Mistral's list of parts. What is no text travels as it came."""
    if isinstance(content, str):
        yield TextDelta(content, index)
        return
    for raw in as_list(content, "content"):
        part = read_part(as_object(raw, "content[]"))
        if type(part) is Text and not part.extra:
            yield TextDelta(part.text, index)
        elif type(part) is Reasoning:
            yield ReasoningDelta(part.text, index)
        elif type(part) is Refusal:
            yield RefusalDelta(part.text, index)
        else:
            yield UnknownDelta(DIALECT, {"content": [raw]}, "delta", index)


def _usage(chunk: Mapping[str, Any]) -> Any:
    """The chunk's usage. Groq has a place of its own for it, and only there unless asked."""
    groq = chunk.get("x_groq")
    own_place = cast("dict[str, Any]", groq).get("usage") if isinstance(groq, dict) else None
    usage = chunk.get("usage")
    return own_place if usage is None else usage


#: Of a stream's own fields these stand in every chunk, the others in the first one.
_REPEATED = ("service_tier", "system_fingerprint")


class StreamWriter:
    """Writes one stream of chunks as server-sent events."""

    def __init__(self, model: str, include_usage: bool, complain: Callable[[Fault], Any]) -> None:
        self._start = Start(model=model)
        self._top: dict[str, Any] = {}
        self._include_usage = include_usage
        self._complain = complain
        self._opened: set[int] = set()

    def event(self, event: Event, /) -> bytes:
        if type(event) is Start:
            self._start = event
            self._top |= own(event.extra)
            return b""
        if type(event) is Metered:
            if not self._include_usage:
                return b""
            return self._chunk([], {"usage": write_usage(event.usage)})
        if type(event) is UnknownDelta:
            if event.dialect != DIALECT:
                return b""
            if event.scope == "response":
                self._top |= event.fields
                return self._chunk([])
        return self._choice(event)

    def relay(self, frame: bytes, events: Sequence[Event], /) -> bytes:
        kinds = {type(event) for event in events}
        # Tool calls are written anew: their ids and places may have been wrong.
        if ToolCallDelta in kinds:
            return b"".join([self.event(event) for event in events])
        if not self._include_usage and kinds == {Metered}:
            return b""
        if Start in kinds:
            self.event(next(event for event in events if type(event) is Start))
        return write_sse(frame)

    def _choice(self, event: Event) -> bytes:
        if type(event) is ReasoningDelta and not event.text:
            return b""  # a signature, for which there is no place here
        index = cast("TextDelta", event).choice
        delta: dict[str, Any] = {}
        if index not in self._opened:
            self._opened.add(index)
            delta = {"role": "assistant", "content": None}
        choice: dict[str, Any] = {"index": index, "delta": delta, "finish_reason": None}
        if type(event) is TextDelta:
            delta["content"] = event.text
        elif type(event) is ReasoningDelta:
            delta["reasoning_content"] = event.text
        elif type(event) is RefusalDelta:
            delta["refusal"] = event.text
        elif type(event) is ToolCallDelta:
            delta["tool_calls"] = [{"index": event.index} | write_call(event)]
        elif type(event) is LogprobsDelta:
            choice["logprobs"] = event.logprobs
        elif type(event) is Finish:
            choice["finish_reason"] = event.reason
        elif type(event) is UnknownDelta:
            (delta if event.scope == "delta" else choice).update(event.fields)
        return self._chunk([choice])

    def _chunk(self, choices: list[Any], more: Mapping[str, Any] | None = None) -> bytes:
        start = self._start
        wire: dict[str, Any] = {
            "id": start.id,
            "object": "chat.completion.chunk",
            "created": start.created,
            "model": start.model,
            "choices": choices,
        }
        wire |= self._top
        if self._top:
            self._top = {name: self._top[name] for name in _REPEATED if name in self._top}
        return write_sse(encode(wire | dict(more or {})))

    def fault(self, fault: Fault, /) -> bytes:
        """The error in band. No end mark follows it: a cut stream never ends cleanly."""
        return write_sse(encode(self._complain(fault)))

    def end(self) -> bytes:
        return write_sse(b"[DONE]")
