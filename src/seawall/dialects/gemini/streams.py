"""Streams read: each chunk is a response of its own that holds the next pieces.

A stream has no end mark, and every chunk repeats the usage so far. Fields of a candidate that
only this dialect knows (ratings, sources) replace each other from chunk to chunk, so the last ones
are told, with the finish.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from ...types import (
    Event,
    Finish,
    LogprobsDelta,
    Metered,
    Reasoning,
    ReasoningDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    UnknownDelta,
    Usage,
)
from ..call_ids import CallIds
from ..json_values import as_list, as_object, as_text, decode
from .answers import PARTS, read_text
from .calls import call_id, read_call
from .faults import error_in, fault_from
from .logprobs import read_logprobs
from .responses import CANDIDATE, RESPONSE, check_prompt, malformed, read_created
from .usage import usage_if_readable
from .words import DIALECT, bag, own, read_finish

__all__ = ["StreamReader"]


class StreamReader:
    """Turns the data of server-sent events into events, one reader a stream."""

    def __init__(self) -> None:
        self.done = False
        self._id = ""
        self._started = False
        self._finished = False
        self._top: dict[str, Any] = {}
        self._usage: Usage | None = None
        self._choices: dict[int, _Choice] = {}

    def feed(self, frame: bytes, /) -> Sequence[Event]:
        """Raises ``ValueError`` for what is no chunk, and the provider's fault for an error it
        put in band or a prompt it blocked."""
        if not frame.strip():
            return ()
        raw = decode(frame)
        error = error_in(raw)
        if error is not None:
            raise fault_from(error, frame)
        chunks = cast("list[Any]", raw) if isinstance(raw, list) else [raw]
        return [event for chunk in chunks for event in self._chunk(chunk, frame)]

    def _chunk(self, raw: Any, frame: bytes) -> Sequence[Event]:
        chunk = as_object(raw, "the chunk")
        candidates = as_list(chunk.get("candidates"), "candidates")
        if not candidates:
            check_prompt(chunk, frame)
            if not chunk.keys() & RESPONSE:
                raise ValueError("the chunk has neither candidates nor usage")
        self._id = as_text(chunk.get("responseId"), "responseId") or self._id
        events: list[Event] = []
        for place, raw_candidate in enumerate(candidates):
            events.extend(self._candidate(as_object(raw_candidate, "candidates[]"), place, frame))
        events.extend(self._metered(chunk, events))
        # Last, so that a chunk that proves unreadable has not begun the stream.
        return [*self._head(chunk), *events]

    def _head(self, chunk: Mapping[str, Any]) -> Sequence[Event]:
        """What the chunk says of the whole stream: its start, then what changed since."""
        top = own(bag(chunk, RESPONSE))
        news = {name: value for name, value in top.items() if self._top.get(name) != value}
        self._top |= news
        if self._started:
            return (UnknownDelta(DIALECT, news, "response"),) if news else ()
        self._started = True
        model = as_text(chunk.get("modelVersion"), "modelVersion") or ""
        return (Start(self._id, model, read_created(chunk), bag(chunk, RESPONSE)),)

    def _metered(self, chunk: Mapping[str, Any], events: Sequence[Event]) -> Sequence[Event]:
        """The usage, once it is that of an answer and not of a piece of one."""
        news = usage_if_readable(chunk.get("usageMetadata"))
        self._usage = news or self._usage
        finishing = any(type(event) is Finish for event in events)
        telling = finishing or (self._finished and news is not None)
        self._finished |= finishing
        return (Metered(self._usage),) if self._usage is not None and telling else ()

    def _candidate(self, raw: dict[str, Any], place: int, frame: bytes) -> Sequence[Event]:
        index = raw.get("index", place)
        if not isinstance(index, int):
            raise ValueError(f"candidates[].index is {index!r}, not a number")
        fault = malformed(raw, frame)
        if fault is not None:
            raise fault
        choice = self._choices.get(index) or _Choice(index)
        events = list(choice.feed(raw, self._id))
        self._choices[index] = choice
        return events


class _Choice:
    """One candidate while its pieces come in."""

    __slots__ = ("_ids", "_index", "_rest")

    def __init__(self, index: int) -> None:
        self._index = index
        self._ids = CallIds(index)
        self._rest: dict[str, Any] = {}

    def feed(self, raw: Mapping[str, Any], answer: str) -> Iterable[Event]:
        content = as_object(raw.get("content") or {}, "candidates[].content")
        for part in as_list(content.get("parts"), "parts"):
            yield from self._part(as_object(part, "parts[]"), answer)
        unknown = own(bag(content, ("role", PARTS)))
        if unknown:
            yield UnknownDelta(DIALECT, unknown, "delta", self._index)
        logprobs = read_logprobs(raw.get("logprobsResult"))
        if logprobs is not None:
            yield LogprobsDelta(logprobs, self._index)
        finish, rest = read_finish(raw, bool(self._ids.taken))
        self._rest |= own(bag(raw, CANDIDATE)) | rest
        if finish is not None:
            if self._rest:
                yield UnknownDelta(DIALECT, self._rest, "choice", self._index)
                self._rest = {}
            yield Finish(finish, self._index)

    def _part(self, raw: dict[str, Any], answer: str) -> Iterable[Event]:
        index = self._index
        if "functionCall" in raw:
            yield self._call(raw, answer)
            return
        said = read_text(raw)
        if said is None:
            yield UnknownDelta(DIALECT, {"content": [raw]}, "delta", index)
        elif type(said) is Reasoning:
            if said.text or said.extra:
                yield ReasoningDelta(said.text, index, said.signature, said.extra)
        elif type(said) is tuple:
            text, rest = said
            if text:
                yield TextDelta(text, index)
            if rest:
                yield UnknownDelta(DIALECT, {PARTS: [{"text": ""} | rest]}, "delta", index)

    def _call(self, raw: Mapping[str, Any], answer: str) -> ToolCallDelta:
        place = len(self._ids.taken)
        id_ = self._ids.take(call_id(as_object(raw["functionCall"], "functionCall")), answer)
        call = read_call(raw, id_)
        return ToolCallDelta(place, id_, call.name, call.arguments, self._index, call.extra)
