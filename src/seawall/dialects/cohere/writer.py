"""Streams, from our events to server-sent ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
    Usage,
)
from ..json_values import decode, encode
from .faults import end_of
from .logprobs import write_logprobs
from .usage import write_usage
from .words import DIALECT, own, write_finish

__all__ = ["StreamWriter", "named_event"]


class StreamWriter:
    """Writes one stream. The end and the usage go out together, when both are known.

    Calls follow one another, as the API has them: pieces of another call wait until the arguments
    under way are whole. Other providers may mix them.
    """

    def __init__(self) -> None:
        self._id = ""
        self._started = False
        self._blocks = self._cited = 0
        self._open: str | None = None
        self._call: int | None = None
        self._arguments: list[str] = []
        self._called: dict[int, int] = {}
        self._waiting: dict[int, list[ToolCallDelta]] = {}
        self._finish: str | None = None
        self._end: dict[str, Any] = {}
        self._message: dict[str, Any] = {}
        self._late: dict[str, Any] = {}
        self._usage: Usage | None = None

    def event(self, event: Event, /) -> bytes:
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
                (self._end if event.scope == "choice" else self._late).update(event.fields)
            return b""
        written = self._begin()
        if type(event) is not ToolCallDelta and self._call is not None and self._is_whole():
            written += self._end_call()
        return written + self._content(event)

    def relay(self, frame: bytes, events: Sequence[Event], /) -> bytes:
        """Written anew, with indices that are known to be right."""
        return b"".join([self.event(event) for event in events])

    def _content(self, event: Event) -> bytes:
        if isinstance(event, (TextDelta, RefusalDelta)):
            return self._piece("text", {"text": event.text})
        if type(event) is ReasoningDelta:
            extra = own(event.extra)
            if not event.text and not extra:
                return b""  # a signature, for which there is no place here
            written = self._piece("thinking", {"thinking": event.text} | extra)
            return written + (self._close() if extra else b"")
        if type(event) is ToolCallDelta:
            return self._piece_of_call(event)
        if type(event) is LogprobsDelta:
            pieces = write_logprobs(event.logprobs)
            return b"".join(self._piece("text", {"text": ""}, {"logprobs": one}) for one in pieces)
        if type(event) is UnknownDelta and event.dialect == DIALECT:
            return self._unknown(event.fields)
        return b""

    def _start(self, event: Start) -> bytes:
        if self._started:
            return b""
        self._started, self._id = True, event.id
        message: dict[str, Any] = {"role": "assistant", "content": [], "tool_plan": ""}
        message |= {"tool_calls": [], "citations": []}
        fields = {"id": event.id, "delta": {"message": message}} | own(event.extra)
        return _event("message-start", fields)

    def _begin(self) -> bytes:
        return b"" if self._started else self._start(Start())

    def _piece(
        self, kind: str, content: Mapping[str, Any], more: Mapping[str, Any] | None = None
    ) -> bytes:
        written = b"" if self._open == kind else self._close() + self._open_block({"type": kind})
        self._open = kind
        fields = {"index": self._blocks - 1, "delta": {"message": {"content": content}}}
        return written + _event("content-delta", fields | dict(more or {}))

    def _open_block(self, content: Mapping[str, Any]) -> bytes:
        index, self._blocks = self._blocks, self._blocks + 1
        kind = content["type"]
        block = {kind: ""} if kind in ("text", "thinking") else {}
        delta = {"message": {"content": {**block, **content}}}
        return _event("content-start", {"index": index, "delta": delta})

    def _close(self) -> bytes:
        opened, self._open = self._open, None
        return b"" if opened is None else _event("content-end", {"index": self._blocks - 1})

    def _unknown(self, fields: Mapping[str, Any]) -> bytes:
        written = b""
        for name, value in fields.items():
            if name == "tool_plan":
                written += _event("tool-plan-delta", {"delta": {"message": {name: value}}})
            elif name == "citations":
                written += b"".join(map(self._cite, value))
            elif name == "content":
                written += b"".join(map(self._whole, value))
            else:
                self._message[name] = value
        return written

    def _cite(self, citation: Any) -> bytes:
        index, self._cited = self._cited, self._cited + 1
        delta = {"message": {"citations": citation}}
        started = _event("citation-start", {"index": index, "delta": delta})
        return started + _event("citation-end", {"index": index})

    def _whole(self, block: Mapping[str, Any]) -> bytes:
        opened = self._close() + self._open_block(block)
        return opened + _event("content-end", {"index": self._blocks - 1})

    def _piece_of_call(self, event: ToolCallDelta) -> bytes:
        if event.index == self._call:
            return self._argue(event.arguments) + self._resume()
        if event.index in self._called:
            return b""  # nothing can follow arguments that are whole
        self._waiting.setdefault(event.index, []).append(event)
        return self._resume()

    def _resume(self, *, ended: bool = False) -> bytes:
        """Go on with the calls that waited, as far as the one under way is whole or ``ended``."""
        written = b""
        while self._waiting and (ended or self._call is None or self._is_whole()):
            written += self._end_call()
            index = next(iter(self._waiting))
            first, *rest = self._waiting.pop(index)
            written += self._begin_call(first)
            written += b"".join(self._argue(piece.arguments) for piece in rest)
        return written

    def _begin_call(self, event: ToolCallDelta) -> bytes:
        self._call, self._arguments = event.index, []
        self._called[event.index] = len(self._called)
        extra = own(event.extra)
        function = {"name": event.name or "", "arguments": ""} | extra.pop("function", {})
        call: dict[str, Any] = {"id": event.id or "", "type": "function", "function": function}
        return self._tell("tool-call-start", call | extra) + self._argue(event.arguments)

    def _argue(self, arguments: str) -> bytes:
        if not arguments:
            return b""
        self._arguments.append(arguments)
        return self._tell("tool-call-delta", {"function": {"arguments": arguments}})

    def _tell(self, kind: str, call: Mapping[str, Any]) -> bytes:
        assert self._call is not None
        delta = {"message": {"tool_calls": call}}
        return self._close() + _event(kind, {"index": self._called[self._call], "delta": delta})

    def _end_call(self) -> bytes:
        call, self._call = self._call, None
        return b"" if call is None else _event("tool-call-end", {"index": self._called[call]})

    def _is_whole(self) -> bool:
        try:
            return isinstance(decode("".join(self._arguments).encode()), dict)
        except ValueError:
            return False

    def fault(self, fault: Fault, /) -> bytes:
        """The error in band, as the end of a failed generation. Clients read it and go on to the
        end of the body, so whoever writes it must not end the body well."""
        return self._begin() + _event("message-end", {"id": self._id, "delta": end_of(fault)})

    def end(self) -> bytes:
        closed = self._begin() + self._resume(ended=True) + self._end_call() + self._close()
        delta = write_finish(self._finish, self._end)
        if self._usage is not None:
            delta["usage"] = write_usage(self._usage)
        if self._message:
            delta["message"] = self._message
        return closed + _event("message-end", {"id": self._id, "delta": delta} | self._late)


def _event(kind: str, fields: Mapping[str, Any]) -> bytes:
    return named_event(kind, encode({"type": kind, **fields}))


def named_event(kind: str, data: bytes) -> bytes:
    """The event's name stands there as well as in its data, as the API writes it."""
    return b"event: %b\n" % kind.encode() + write_sse(data)
