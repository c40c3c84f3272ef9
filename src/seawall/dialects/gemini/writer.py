"""Streams written: a chunk for each event, whole calls, and the finish with what it settles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...errors import Fault
from ...framing.sse import write_sse
from ...types import (
    Event,
    Finish,
    LogprobsDelta,
    Metered,
    Reasoning,
    ReasoningDelta,
    RefusalDelta,
    Start,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    UnknownDelta,
)
from ..json_values import encode
from .answers import PARTS, write_thought
from .calls import as_args, write_call
from .logprobs import write_logprobs
from .responses import write_candidate, write_head
from .usage import write_usage
from .words import DIALECT, own

__all__ = ["StreamWriter"]


class StreamWriter:
    """Writes one stream as server-sent events."""

    def __init__(self, model: str, complain: Callable[[Fault], Any]) -> None:
        self._start = Start(model=model)
        self._top: dict[str, Any] = {}
        self._complain = complain
        self._calls: dict[int, dict[int, ToolCall]] = {}
        self._rest: dict[int, dict[str, Any]] = {}

    def event(self, event: Event, /) -> bytes:
        if type(event) is Start:
            self._start = event
            self._top = own(event.extra)
            return b""
        if type(event) is Metered:
            return self._chunk({"usageMetadata": write_usage(event.usage)})
        if type(event) is ToolCallDelta:
            self._take(event)
            return b""
        if type(event) is UnknownDelta:
            return self._unknown(event) if event.dialect == DIALECT else b""
        if type(event) is Finish:
            return self._finish(event)
        if type(event) is LogprobsDelta:
            result = write_logprobs(event.logprobs)
            return self._candidate(event.choice, {"logprobsResult": result})
        if type(event) is ReasoningDelta:
            if not event.text and not own(event.extra):
                return b""  # another provider's signature
            thought = Reasoning(event.text, event.signature, event.extra)
            return self._said(event.choice, [write_thought(thought)])
        assert isinstance(event, (TextDelta, RefusalDelta))
        return self._said(event.choice, [{"text": event.text}])

    def relay(self, frame: bytes, events: Sequence[Event], /) -> bytes:
        """Chunks go on as they came: callers join results to calls as the API does. Of several
        in one array, which the SDK does not read, the events are written anew."""
        if frame.lstrip().startswith(b"["):
            return b"".join([self.event(event) for event in events])
        for event in events:
            if type(event) is Start:
                self.event(event)
        return write_sse(frame.replace(b"\n", b"\ndata: "))

    def _take(self, event: ToolCallDelta) -> None:
        """A call is whole here, so its pieces wait for the finish."""
        calls = self._calls.setdefault(event.choice, {})
        old = calls.get(event.index) or ToolCall("", "", "")
        calls[event.index] = ToolCall(
            old.id or event.id or "",
            old.name or event.name or "",
            old.arguments + event.arguments,
            {DIALECT: own(old.extra) | own(event.extra)},
        )

    def _finish(self, event: Finish) -> bytes:
        taken = self._calls.pop(event.choice, {})
        calls = [taken[index] for index in sorted(taken)]
        broken = next((call for call in calls if as_args(call.arguments) is None), None)
        told = b""
        if broken is None and calls:
            pairs = [(call, as_args(call.arguments)) for call in calls]
            parts = [
                write_call(call, args, sign=place == 0)
                for place, (call, args) in enumerate(pairs)
                if args is not None
            ]
            told = self._said(event.choice, parts)
        end = write_candidate(event.choice, event.reason, broken)
        return told + self._candidate(event.choice, end | self._rest.pop(event.choice, {}))

    def _unknown(self, event: UnknownDelta) -> bytes:
        if event.scope == "response":
            self._top |= event.fields
            return self._chunk({})
        if event.scope == "choice":
            # A finish reason of the provider's own may be among them: told with the finish.
            self._rest.setdefault(event.choice, {}).update(event.fields)
            return b""
        fields = dict(event.fields)
        parts = [*fields.pop("content", ()), *fields.pop(PARTS, ())]
        return self._said(event.choice, parts, fields)

    def _said(
        self, choice: int, parts: list[Any], fields: Mapping[str, Any] | None = None
    ) -> bytes:
        content = {"parts": parts, "role": "model"} | dict(fields or {})
        return self._candidate(choice, {"content": content})

    def _candidate(self, choice: int, fields: Mapping[str, Any]) -> bytes:
        return self._chunk({"candidates": [dict(fields) | {"index": choice}]})

    def _chunk(self, fields: Mapping[str, Any]) -> bytes:
        start = self._start
        head = write_head(start.id, start.model, start.created)
        return write_sse(encode(dict(fields) | head | self._top))

    def fault(self, fault: Fault, /) -> bytes:
        """The error in band, for which the official client raises."""
        return write_sse(encode(self._complain(fault)))

    def end(self) -> bytes:
        return b""
