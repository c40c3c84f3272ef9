"""What the items of an answer say, told as events: each item whole, or what was not told yet.

A response is a list of items (a message, a function call, a piece of reasoning, a call of a
hosted tool). A message, a call and reasoning become parts that every dialect understands; the
items themselves stay in ``extra`` as they came, since only they can be sent back: reasoning with
its encrypted content, calls of hosted tools, citations, and all of it in its order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from ...folding import fold
from ...types import (
    Event,
    LogprobsDelta,
    Part,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
)
from ..json_values import as_list, as_object, as_text
from .words import bag

__all__ = ["CALLS", "Teller", "parts_of"]

#: Items that are calls of the caller's own tools, and the field of their arguments.
CALLS: Mapping[str, str] = {"function_call": "arguments", "custom_tool_call": "input"}

#: Between two pieces of reasoning, which are paragraphs.
_APART = "\n\n"


class _Told:
    """How many characters of an item have been told, and which call it is."""

    __slots__ = ("arguments", "call", "logprobs", "reasoning", "refusal", "text")

    def __init__(self) -> None:
        self.text = self.refusal = self.reasoning = self.arguments = self.logprobs = 0
        self.call: int | None = None


class Teller:
    """Tells the items of one answer, piece by piece. ``called``: how many calls there are."""

    def __init__(self) -> None:
        self._items: dict[int, _Told] = {}
        self._thought: tuple[int, str] | None = None
        self.called = 0

    def _told(self, at: int) -> _Told:
        told = self._items.get(at)
        if told is None:
            told = self._items[at] = _Told()
        return told

    def text(self, at: int, text: str, logprobs: Sequence[Any] = ()) -> Iterable[Event]:
        told = self._told(at)
        if text:
            told.text += len(text)
            yield TextDelta(text)
        if logprobs:
            told.logprobs += len(logprobs)
            yield LogprobsDelta({"content": list(logprobs)})

    def refusal(self, at: int, text: str) -> Iterable[Event]:
        if text:
            self._told(at).refusal += len(text)
            yield RefusalDelta(text)

    def reasoning(self, at: int, part: str, text: str) -> Iterable[Event]:
        """``part`` names the paragraph within the item."""
        if not text:
            return
        told, before = self._told(at), self._thought
        self._thought = at, part
        if before is not None and before != self._thought:
            if before[0] == at:
                told.reasoning += len(_APART)
            yield ReasoningDelta(_APART)
        told.reasoning += len(text)
        yield ReasoningDelta(text)

    def call(self, at: int, item: Mapping[str, Any]) -> Iterable[Event]:
        """A call begins, or is there whole."""
        kind = cast("str", item["type"])
        text = as_text(item.get(CALLS[kind]), f"{kind}.{CALLS[kind]}") or ""
        told = self._told(at)
        if told.call is None:
            told.call, told.arguments = self.called, len(text)
            self.called += 1
            name = as_text(item.get("name"), f"{kind}.name")
            if not name:
                raise ValueError(f"a {kind} has no name")
            id_ = str(item.get("call_id") or item.get("id") or f"call_{told.call}")
            yield ToolCallDelta(told.call, id_, name, text, extra=call_extra(item))
        elif len(text) > told.arguments:
            yield from self.arguments(at, text[told.arguments :])

    def arguments(self, at: int, text: str) -> Iterable[Event]:
        told = self._told(at)
        if told.call is None:
            raise ValueError("arguments came before the call they belong to")
        told.arguments += len(text)
        if text:
            yield ToolCallDelta(told.call, arguments=text)

    def item(self, at: int, item: Mapping[str, Any]) -> Iterable[Event]:
        """What the whole item says and its pieces did not."""
        kind = item.get("type")
        if kind == "message":
            yield from self._message(at, item)
        elif kind == "reasoning":
            thought = _APART.join(thoughts(item))
            yield from self.reasoning(at, "", thought[self._told(at).reasoning :])
        elif kind in CALLS:
            yield from self.call(at, item)

    def _message(self, at: int, item: Mapping[str, Any]) -> Iterable[Event]:
        text = refusal = ""
        logprobs: list[Any] = []
        for part in _parts(item):
            text += as_text(part.get("text"), "output_text.text") or ""
            refusal += as_text(part.get("refusal"), "refusal.refusal") or ""
            logprobs += as_list(part.get("logprobs"), "output_text.logprobs")
        told = self._told(at)
        yield from self.text(at, text[told.text :], logprobs[told.logprobs :])
        yield from self.refusal(at, refusal[told.refusal :])


def _parts(item: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    content = item.get("content")
    if isinstance(content, str):  # the short form of requests
        return [{"type": "output_text", "text": content}]
    return [as_object(part, "content[]") for part in as_list(content, "content")]


def thoughts(item: Mapping[str, Any]) -> Iterable[str]:
    """The paragraphs of a reasoning item: its summary, and what a model shows of the rest."""
    for name in ("summary", "content"):
        for part in as_list(item.get(name), f"reasoning.{name}"):
            text = as_text(as_object(part, name).get("text"), f"reasoning.{name}[].text")
            if text:
                yield text


def call_extra(item: Mapping[str, Any]) -> Any:
    """The unknown fields of a call. Its type is one of them unless it calls a function."""
    kind = item["type"]
    known = {"call_id", "name", "status", CALLS[kind]}
    return bag(item, known | {"type"} if kind == "function_call" else known)


def parts_of(items: Iterable[Mapping[str, Any]]) -> tuple[Part, ...]:
    """The parts that ``items`` amount to, in canonical order. Raises ``ValueError``."""
    teller = Teller()
    return fold(
        event for at, item in enumerate(items) for event in teller.item(at, item)
    ).message.content
