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
    ReasoningDelta,
    RefusalDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    UnknownDelta,
)
from .words import DIALECT, as_object, bag, decode, encode, own, read_usage, write_usage

__all__ = ["StreamReader", "StreamWriter"]

# ``obfuscation`` is padding against traffic analysis and means nothing.
_CHUNK = frozenset({"id", "object", "created", "model", "choices", "usage", "obfuscation"})
_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs"})
_DELTA = frozenset({"role", "content", "refusal", "tool_calls", "reasoning_content", "reasoning"})
_TOOL = frozenset({"index", "id", "type", "function"})


class _PlainDelta(Struct, forbid_unknown_fields=True):
    content: str
    role: str | None = None
    refusal: None = None


class _PlainChoice(Struct, forbid_unknown_fields=True):
    delta: _PlainDelta
    index: int = 0
    logprobs: None = None
    finish_reason: None = None


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
    """Turns the data of server-sent events into events, one reader a stream.

    ``complain`` makes the fault for an error object the provider put in band.
    """

    def __init__(self, complain: Callable[[Mapping[str, Any], bytes], Fault]) -> None:
        self.done = False
        self._complain = complain
        self._started = False
        self._top: dict[str, Any] = {}
        self._calls: dict[int, list[str]] = {}

    def feed(self, frame: bytes, /) -> Sequence[Event]:
        if frame == b"[DONE]":
            self.done = True
            return ()
        if self._started:
            try:
                plain = _decode_plain(frame)
            except msgspec.DecodeError:
                return self._general(frame)
            if plain.service_tier == self._top.get(
                "service_tier"
            ) and plain.system_fingerprint == self._top.get("system_fingerprint"):
                choice = plain.choices[0]
                text = choice.delta.content
                return (TextDelta(text, choice.index),) if text else ()
        return self._general(frame)

    def _general(self, frame: bytes) -> Sequence[Event]:
        chunk = as_object(decode(frame), "the chunk")
        choices = chunk.get("choices")
        if chunk.get("error") is not None and not choices:
            raise self._complain(chunk, frame)
        if choices is None and chunk.get("usage") is None:
            raise ValueError("the chunk has neither choices nor usage")
        events: list[Event] = []
        top = own(bag(chunk, _CHUNK))
        if not self._started:
            self._started = True
            self._top = top
            events.append(_start(chunk, top))
        elif top and any(self._top.get(name) != value for name, value in top.items()):
            events.append(UnknownDelta(DIALECT, top, "response"))
            self._top |= top
        for choice in choices or ():
            events.extend(self._choice(as_object(choice, "choices[]")))
        usage = chunk.get("usage")
        if usage is not None:
            events.append(Metered(read_usage(as_object(usage, "usage"))))
        return events

    def _choice(self, raw: dict[str, Any]) -> Iterable[Event]:
        index = raw.get("index") or 0
        delta = as_object(raw.get("delta") or {}, "delta")
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if reasoning:
            yield ReasoningDelta(_text(reasoning, "reasoning"), index)
        if delta.get("content"):
            yield TextDelta(_text(delta["content"], "content"), index)
        if delta.get("refusal"):
            yield RefusalDelta(_text(delta["refusal"], "refusal"), index)
        for call in delta.get("tool_calls") or ():
            yield self._tool_call(as_object(call, "tool_calls[]"), index)
        if raw.get("logprobs") is not None:
            yield LogprobsDelta(as_object(raw["logprobs"], "logprobs"), index)
        unknown = own(bag(delta, _DELTA))
        if unknown:
            yield UnknownDelta(DIALECT, unknown, "delta", index)
        unknown = own(bag(raw, _CHOICE))
        if unknown:
            yield UnknownDelta(DIALECT, unknown, "choice", index)
        if raw.get("finish_reason") is not None:
            yield Finish(_text(raw["finish_reason"], "finish_reason"), index)

    def _tool_call(self, raw: dict[str, Any], choice: int) -> ToolCallDelta:
        """A piece of a tool call. Some servers leave out the index, send the id with every
        piece, or use one id twice: results are joined by id, so each call gets its own."""
        function = as_object(raw.get("function") or {}, "function")
        ids = self._calls.setdefault(choice, [])
        id_, index = raw.get("id") or "", raw.get("index")
        if not isinstance(index, int):
            index = ids.index(id_) if id_ in ids else len(ids) if id_ else max(0, len(ids) - 1)
        first = index >= len(ids)
        if first:
            if not id_ or id_ in ids:
                id_ = f"{id_ or 'call'}_{choice}_{index}"
            ids.extend([""] * (index - len(ids)) + [id_])
        extra = own(bag(raw, _TOOL))
        inner = own(bag(function, ("name", "arguments")))
        if inner:
            extra["function"] = inner
        return ToolCallDelta(
            index,
            ids[index] if first else None,
            function.get("name") or None,
            _text(function.get("arguments") or "", "arguments"),
            choice,
            {DIALECT: extra} if extra else {},
        )


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{where} is no string")
    return value


def _start(chunk: Mapping[str, Any], top: dict[str, Any]) -> Start:
    return Start(
        str(chunk.get("id") or ""),
        str(chunk.get("model") or ""),
        int(chunk.get("created") or 0),
        {DIALECT: top} if top else {},
    )


class StreamWriter:
    """Writes one stream of chunks as server-sent events."""

    def __init__(self, model: str, include_usage: bool, complain: Callable[[Fault], Any]) -> None:
        self._start = Start(model=model)
        self._include_usage = include_usage
        self._complain = complain
        self._opened: set[int] = set()

    def event(self, event: Event, /) -> bytes:
        if type(event) is Start:
            self._start = event
            return b""
        if type(event) is Metered:
            if not self._include_usage:
                return b""
            return self._chunk([], {"usage": write_usage(event.usage)})
        if type(event) is UnknownDelta and event.scope == "response":
            return self._chunk([], event.fields) if event.dialect == DIALECT else b""
        return self._choice(event)

    def _choice(self, event: Event) -> bytes:
        index = cast("TextDelta", event).choice
        delta: dict[str, Any] = {}
        if index not in self._opened:
            self._opened.add(index)
            delta = {"role": "assistant", "content": ""}
        choice: dict[str, Any] = {"index": index, "delta": delta, "finish_reason": None}
        if type(event) is TextDelta:
            delta["content"] = event.text
        elif type(event) is ReasoningDelta:
            delta["reasoning_content"] = event.text
        elif type(event) is RefusalDelta:
            delta["refusal"] = event.text
        elif type(event) is ToolCallDelta:
            delta["tool_calls"] = [_write_call(event)]
        elif type(event) is LogprobsDelta:
            choice["logprobs"] = event.logprobs
        elif type(event) is Finish:
            choice["finish_reason"] = event.reason
        elif type(event) is UnknownDelta and event.dialect == DIALECT:
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
        wire |= own(start.extra)
        return write_sse(encode(wire | dict(more or {})))

    def fault(self, fault: Fault, /) -> bytes:
        """The error in band. No end mark follows it: a cut stream never ends cleanly."""
        return write_sse(encode(self._complain(fault)))

    def end(self) -> bytes:
        return write_sse(b"[DONE]")


def _write_call(event: ToolCallDelta) -> dict[str, Any]:
    extra = own(event.extra)
    function: dict[str, Any] = {"arguments": event.arguments}
    if event.name is not None:
        function["name"] = event.name
    wire: dict[str, Any] = {"index": event.index, "function": function | extra.pop("function", {})}
    if event.id is not None:
        wire |= {"id": event.id, "type": "function"}
    return wire | extra
