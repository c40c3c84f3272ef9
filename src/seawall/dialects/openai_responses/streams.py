"""Streams of typed events, read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from ...types import Event, UnknownDelta
from ..json_values import as_list, as_object, as_text, decode
from .faults import fault_in
from .items import CALLS, Teller
from .responses import closing, read_start
from .words import DIALECT, own

__all__ = ["StreamReader"]


class _PlainDelta(Struct, forbid_unknown_fields=True):
    """A piece of text and nothing else: nearly every event."""

    type: Literal["response.output_text.delta"]
    delta: str
    output_index: int
    content_index: int = 0
    item_id: str = ""
    sequence_number: int = 0
    logprobs: tuple[()] = ()
    # Padding against traffic analysis; it means nothing.
    obfuscation: str | None = None


_decode_plain = msgspec.json.Decoder(_PlainDelta).decode

_LIFE = ("response.created", "response.queued", "response.in_progress")
_OVER = ("response.completed", "response.incomplete")
_ARGUMENTS = ("response.function_call_arguments.delta", "response.custom_tool_call_input.delta")


class StreamReader:
    """Turns the data of server-sent events into events, one reader a stream.

    Progress of hosted tools, and what repeats or announces something told elsewhere, is no
    event: the items themselves come with the response that ends the stream.
    """

    def __init__(self) -> None:
        self.done = False
        self._top: dict[str, Any] | None = None
        self._teller = Teller()
        self._finished: dict[int, dict[str, Any]] = {}

    def feed(self, frame: bytes, /) -> Sequence[Event]:
        """Raises ``ValueError`` for what is no event of this dialect, and the provider's fault
        for an error it put in band."""
        try:
            plain = _decode_plain(frame)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._general(frame)
        return list(self._teller.text(plain.delta))

    def _general(self, frame: bytes) -> Sequence[Event]:
        if not frame.strip() or frame == b"[DONE]":
            return ()
        raw = as_object(decode(frame), "the event")
        kind = raw.get("type")
        if kind == "error" or raw.get("error"):
            raise fault_in(raw, frame)
        if not isinstance(kind, str):
            raise ValueError("the event has no type")
        if kind == "response.failed" or kind in _LIFE or kind in _OVER:
            return self._lifecycle(kind, as_object(raw.get("response"), "response"), frame)
        if not kind.endswith((".delta", "output_item.added", "output_item.done")):
            return ()
        return list(self._piece(kind, raw))

    def _lifecycle(self, kind: str, response: dict[str, Any], frame: bytes) -> Sequence[Event]:
        if kind == "response.failed" or response.get("error"):
            raise fault_in({"error": response.get("error") or "the response failed"}, frame)
        head = self._head(response)
        if kind not in _OVER:
            return head
        # The event says it once more in its name, and some servers only there.
        response.setdefault("status", kind.removeprefix("response."))
        events = [*head, *closing(response, self._teller, self._finished)]
        self.done = True
        return events

    def _head(self, response: dict[str, Any]) -> Sequence[Event]:
        """What the response says of itself: its start, then what changed since."""
        start = read_start(response)
        top = own(start.extra)
        if self._top is None:
            self._top = top
            self._teller.answer = start.id
            return (start,)
        news = {name: value for name, value in top.items() if self._top.get(name) != value}
        self._top |= news
        return (UnknownDelta(DIALECT, news, "response"),) if news else ()

    def _piece(self, kind: str, raw: dict[str, Any]) -> Iterable[Event]:
        at, teller = raw.get("output_index"), self._teller
        if not isinstance(at, int):
            raise ValueError(f"{kind}.output_index is {at!r}, not a number")
        delta = as_text(raw.get("delta"), f"{kind}.delta") or ""
        if kind == "response.output_text.delta":
            yield from teller.text(delta, as_list(raw.get("logprobs"), "logprobs"))
        elif kind == "response.refusal.delta":
            yield from teller.refusal(delta)
        elif kind == "response.reasoning_summary_text.delta":
            yield from teller.reasoning(at, f"summary {raw.get('summary_index')}", delta)
        elif kind == "response.reasoning_text.delta":
            yield from teller.reasoning(at, f"content {raw.get('content_index')}", delta)
        elif kind in _ARGUMENTS:
            yield from teller.arguments(at, delta)
        elif kind == "response.output_item.added":
            item = as_object(raw.get("item") or {}, "item")
            if item.get("type") in CALLS:
                yield from teller.call(at, item)
        elif kind == "response.output_item.done":
            self._finished[at] = as_object(raw.get("item"), "item")
