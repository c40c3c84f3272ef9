"""What the items of an answer say, told as events: piece by piece, or whole.

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
    ToolCall,
    ToolCallDelta,
)
from ..call_ids import CallIds
from ..json_values import as_list, as_object, as_text
from .words import bag

__all__ = ["CALLS", "Teller", "kind_of", "parts_of"]

#: Items that are calls of the caller's own tools, and the field of their arguments.
CALLS: Mapping[str, str] = {"function_call": "arguments", "custom_tool_call": "input"}

#: Between two pieces of reasoning, which are paragraphs.
_APART = "\n\n"


def kind_of(item: Mapping[str, Any]) -> str:
    """The item's type. A message of a request need not say it."""
    return str(item.get("type") or ("message" if "role" in item else ""))


class _Call:
    """A call that was told: its place among the calls, its id, how much of its arguments."""

    __slots__ = ("id", "index", "told")

    def __init__(self, index: int, id_: str, told: int) -> None:
        self.index, self.id, self.told = index, id_, told


class Teller:
    """Tells one answer, piece by piece. ``answer``: its id, once that is known; ``None`` for a
    turn of a request, whose calls have the ids its results know."""

    def __init__(self, answer: str | None = "") -> None:
        self.answer = answer
        self._text = self._refusal = self._reasoning = self._logprobs = 0
        self._thought: tuple[int, str] | None = None
        self._calls: dict[int, _Call] = {}
        self._ids = CallIds()

    @property
    def called(self) -> bool:
        return bool(self._calls)

    def text(self, text: str, logprobs: Sequence[Any] = ()) -> Iterable[Event]:
        if text:
            self._text += len(text)
            yield TextDelta(text)
        if logprobs:
            self._logprobs += len(logprobs)
            yield LogprobsDelta({"content": list(logprobs)})

    def refusal(self, text: str) -> Iterable[Event]:
        if text:
            self._refusal += len(text)
            yield RefusalDelta(text)

    def reasoning(self, at: int, part: str, text: str) -> Iterable[Event]:
        """``at`` and ``part`` name the paragraph."""
        if not text:
            return
        before, self._thought = self._thought, (at, part)
        if before is not None and before != self._thought:
            text = _APART + text
        self._reasoning += len(text)
        yield ReasoningDelta(text)

    def call(self, at: int, item: Mapping[str, Any]) -> Iterable[Event]:
        """A call begins, or is there whole."""
        if at in self._calls:
            return
        kind = cast("str", item["type"])
        name = as_text(item.get("name"), f"{kind}.name")
        if not name:
            raise ValueError(f"a {kind} has no name")
        text = as_text(item.get(CALLS[kind]), f"{kind}.{CALLS[kind]}") or ""
        index = len(self._calls)
        given = str(item.get("call_id") or item.get("id") or "")
        asked = given and self.answer is None
        call_id = given if asked else self._ids.take(given, self.answer or "")
        self._calls[at] = _Call(index, call_id, len(text))
        yield ToolCallDelta(index, call_id, name, text, extra=_call_extra(item))

    def arguments(self, at: int, text: str) -> Iterable[Event]:
        call = self._calls.get(at)
        if call is None:
            raise ValueError("arguments came before the call they belong to")
        call.told += len(text)
        if text:
            yield ToolCallDelta(call.index, arguments=text)

    def rest(self, items: Sequence[Mapping[str, Any]]) -> Iterable[Event]:
        """What the whole answer says and its pieces did not: servers leave some out."""
        choices = fold(_told(items, self.answer)).choices
        if not choices:
            return
        message, logprobs = choices[0].message, choices[0].logprobs or {}
        thought = message.reasoning or ""
        yield from self.reasoning(-1, "", thought[self._reasoning :])
        yield from self.text(
            message.text[self._text :], logprobs.get("content", [])[self._logprobs :]
        )
        yield from self.refusal((message.refusal or "")[self._refusal :])
        known = {call.id: (at, call.told) for at, call in self._calls.items()}
        for number, call in enumerate(message.tool_calls):
            if call.id in known:
                at, told = known[call.id]
                yield from self.arguments(at, call.arguments[told:])
            else:
                # Places of the stream and of the list need not agree.
                yield self._late(-1 - number, call)

    def _late(self, at: int, call: ToolCall) -> Event:
        index = len(self._calls)
        self._calls[at] = _Call(index, call.id, len(call.arguments))
        return ToolCallDelta(index, call.id, call.name, call.arguments, extra=call.extra)


def _told(items: Iterable[Mapping[str, Any]], answer: str | None = None) -> Iterable[Event]:
    """Every item, whole."""
    teller = Teller(answer)
    for at, item in enumerate(items):
        kind = kind_of(item)
        if kind == "message":
            for part in _parts(item):
                logprobs = as_list(part.get("logprobs"), "output_text.logprobs")
                yield from teller.text(
                    as_text(part.get("text"), "output_text.text") or "", logprobs
                )
                yield from teller.refusal(as_text(part.get("refusal"), "refusal.refusal") or "")
        elif kind == "reasoning":
            for number, thought in enumerate(_thoughts(item)):
                yield from teller.reasoning(at, str(number), thought)
        elif kind in CALLS:
            yield from teller.call(at, item)


def _parts(item: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    content = item.get("content")
    if isinstance(content, str):  # the short form of requests
        return [{"type": "output_text", "text": content}]
    return [as_object(part, "content[]") for part in as_list(content, "content")]


def _thoughts(item: Mapping[str, Any]) -> Iterable[str]:
    """The paragraphs of a reasoning item: its summary, and what a model shows of the rest."""
    for name in ("summary", "content"):
        for part in as_list(item.get(name), f"reasoning.{name}"):
            text = as_text(as_object(part, name).get("text"), f"reasoning.{name}[].text")
            if text:
                yield text


def _call_extra(item: Mapping[str, Any]) -> Any:
    """The unknown fields of a call. Its type is one of them unless it calls a function."""
    kind = item["type"]
    known = {"call_id", "name", "status", CALLS[kind]}
    return bag(item, known | {"type"} if kind == "function_call" else known)


def parts_of(items: Iterable[Mapping[str, Any]]) -> tuple[Part, ...]:
    """The parts that ``items`` amount to, in canonical order. Raises ``ValueError``."""
    return fold(_told(items)).message.content
