"""Between a stream and a response: ``fold``, ``unfold``, and what an unmetered answer weighs.

An ``Opaque`` part of an answer travels in a stream as the unknown field ``content`` of its
dialect, a list of such parts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from .types import (
    Choice,
    Event,
    Extra,
    Finish,
    Image,
    LogprobsDelta,
    Message,
    Metered,
    Opaque,
    Part,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    Request,
    Response,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    UnknownDelta,
    Usage,
)

__all__ = ["estimate_tokens", "fold", "unfold"]


class _Answer:
    """One choice while its pieces come in."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.text: list[str] = []
        self.refusal: list[str] = []
        self.reasoning: list[list[ReasoningDelta]] = []
        self.tools: dict[int, list[ToolCallDelta]] = {}
        self.logprobs: dict[str, Any] = {}
        self.delta_extra: dict[str, dict[str, Any]] = {}
        self.choice_extra: dict[str, dict[str, Any]] = {}
        self.finish: str | None = None

    def add(self, event: Event) -> None:
        if type(event) is TextDelta:
            self.text.append(event.text)
        elif type(event) is ToolCallDelta:
            self.tools.setdefault(event.index, []).append(event)
        elif type(event) is ReasoningDelta:
            self._think(event)
        elif type(event) is RefusalDelta:
            self.refusal.append(event.text)
        elif type(event) is LogprobsDelta:
            _extend(self.logprobs, event.logprobs)
        elif type(event) is UnknownDelta:
            if event.scope == "delta":
                _grow(self.delta_extra.setdefault(event.dialect, {}), event.fields)
            else:
                _extend(self.choice_extra.setdefault(event.dialect, {}), event.fields)
        elif type(event) is Finish:
            self.finish = event.reason

    def _think(self, event: ReasoningDelta) -> None:
        last = self.reasoning[-1][-1] if self.reasoning else None
        if last is None or last.signature is not None or last.extra:
            self.reasoning.append([])
        self.reasoning[-1].append(event)

    def choice(self) -> Choice:
        parts: list[Part] = []
        parts.extend(_reasoning(pieces) for pieces in self.reasoning)
        if self.text:
            parts.append(Text("".join(self.text)))
        for dialect, fields in self.delta_extra.items():
            if isinstance(fields.get("content"), list):
                parts.extend(Opaque(dialect, raw) for raw in fields.pop("content"))
        if self.refusal:
            parts.append(Refusal("".join(self.refusal)))
        parts.extend(_tool_call(self.tools[index]) for index in sorted(self.tools))
        return Choice(
            index=self.index,
            message=Message("assistant", tuple(parts), extra=_filled(self.delta_extra)),
            finish_reason=self.finish,
            logprobs=self.logprobs or None,
            extra=_filled(self.choice_extra),
        )


def _reasoning(pieces: Sequence[ReasoningDelta]) -> Reasoning:
    text = "".join(piece.text for piece in pieces)
    return Reasoning(text, pieces[-1].signature, pieces[-1].extra)


def _tool_call(pieces: Sequence[ToolCallDelta]) -> ToolCall:
    extra: dict[str, dict[str, Any]] = {}
    for piece in pieces:
        for dialect, fields in piece.extra.items():
            _extend(extra.setdefault(dialect, {}), fields)
    return ToolCall(
        id=next((piece.id for piece in pieces if piece.id), ""),
        name=next((piece.name for piece in pieces if piece.name), ""),
        arguments="".join(piece.arguments for piece in pieces),
        extra=extra,
    )


def _filled(extra: dict[str, dict[str, Any]]) -> Extra:
    return {dialect: fields for dialect, fields in extra.items() if fields}


def _extend(into: dict[str, Any], fields: Mapping[str, Any]) -> None:
    """Later pieces extend lists and replace everything else; a null takes nothing away."""
    for name, value in fields.items():
        if isinstance(value, list):
            old = into.get(name)
            if not isinstance(old, list):
                old = into[name] = []
            cast("list[Any]", old).extend(cast("list[Any]", value))
        elif value is not None or name not in into:
            into[name] = value


def _grow(into: dict[str, Any], fields: Mapping[str, Any]) -> None:
    """Unknown pieces of a message grow as known ones do: strings are joined, objects merged.
    The rule of the openai package's own accumulator; ``id`` and ``type`` name and do not grow."""
    for name, value in fields.items():
        old = into.get(name)
        if isinstance(value, dict):
            if not isinstance(old, dict):
                old = into[name] = {}
            _grow(cast("dict[str, Any]", old), cast("dict[str, Any]", value))
        elif isinstance(old, str) and isinstance(value, str) and name not in ("id", "type"):
            into[name] = old + value
        else:
            _extend(into, {name: value})


def fold(events: Iterable[Event]) -> Response:
    """The complete response a stream amounts to. A choice that never finished keeps
    ``finish_reason`` ``None``; whether that is an error is for the stream's state to say."""
    start = Start()
    usage: Usage | None = None
    answers: dict[int, _Answer] = {}
    extra: dict[str, dict[str, Any]] = {}
    for event in events:
        if isinstance(event, Start):
            start = event
            for dialect, fields in event.extra.items():
                extra.setdefault(dialect, {}).update(fields)
        elif isinstance(event, Metered):
            usage = event.usage
        elif isinstance(event, UnknownDelta) and event.scope == "response":
            extra.setdefault(event.dialect, {}).update(event.fields)
        else:
            index = event.choice
            answer = answers.get(index)
            if answer is None:
                answer = answers[index] = _Answer(index)
            answer.add(event)
    return Response(
        id=start.id,
        model=start.model,
        created=start.created,
        choices=tuple(answers[index].choice() for index in sorted(answers)),
        usage=usage,
        extra=extra,
    )


def unfold(response: Response) -> list[Event]:
    """The shortest stream that folds to ``response``: for a provider that answered a
    streamed question in one piece, and for a reply that did not come from a provider."""
    events: list[Event] = [
        Start(response.id, response.model, response.created, extra=response.extra)
    ]
    for choice in response.choices:
        events.extend(_unfold_choice(choice))
    if response.usage is not None:
        events.append(Metered(response.usage))
    return events


def _unfold_choice(choice: Choice) -> Iterable[Event]:
    index = choice.index
    calls = 0
    for part in choice.message.content:
        if type(part) is Text:
            yield TextDelta(part.text, index)
        elif type(part) is Reasoning:
            yield ReasoningDelta(part.text, index, part.signature, part.extra)
        elif type(part) is Refusal:
            yield RefusalDelta(part.text, index)
        elif type(part) is ToolCall:
            yield ToolCallDelta(calls, part.id, part.name, part.arguments, index, part.extra)
            calls += 1
        elif type(part) is Opaque:
            yield UnknownDelta(part.dialect, {"content": [part.raw]}, "delta", index)
    if choice.logprobs is not None:
        yield LogprobsDelta(choice.logprobs, index)
    for dialect, fields in choice.message.extra.items():
        yield UnknownDelta(dialect, fields, "delta", index)
    for dialect, fields in choice.extra.items():
        yield UnknownDelta(dialect, fields, "choice", index)
    if choice.finish_reason is not None:
        yield Finish(choice.finish_reason, index)


def estimate_tokens(request: Request) -> int:
    """A rough count of the prompt's tokens (one for four characters, 800 an image), for a
    call whose usage was never reported. Marked as estimated wherever it is shown."""
    characters = images = 0
    for message in request.messages:
        for part in message.content:
            if type(part) is Image:
                images += 1
            elif type(part) is ToolResult:
                characters += sum(len(p.text) for p in part.content if type(p) is Text)
            elif type(part) is ToolCall:
                characters += len(part.arguments)
            elif isinstance(part, (Text, Reasoning, Refusal)):
                characters += len(part.text)
    return math.ceil(characters / 4) + 800 * images + 4 * len(request.messages)
