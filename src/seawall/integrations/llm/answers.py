"""From our events and replies to what llm shows and logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import llm
import msgspec
from llm.models import AsyncResponse, Response
from llm.parts import StreamEvent

from ...core import Reply
from ...folding import unfold
from ...types import Event, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from .messages import META

__all__ = ["Writer", "tell", "whole"]


class Writer:
    """Writes one answer. llm tells tool calls apart by their ids, we by their index."""

    def __init__(self) -> None:
        self._calls: dict[int, str | None] = {}

    def write(self, event: Event) -> Iterator[StreamEvent]:
        if isinstance(event, (TextDelta, RefusalDelta)):
            yield StreamEvent("text", event.text)
        elif isinstance(event, ReasoningDelta):
            more = {"signature": event.signature, "extra": dict(event.extra)}
            yield StreamEvent("reasoning", event.text, provider_metadata=_meta(more))
        elif isinstance(event, ToolCallDelta):
            yield from self._call(event)

    def _call(self, event: ToolCallDelta) -> Iterator[StreamEvent]:
        new = event.index not in self._calls
        id_ = self._calls.setdefault(event.index, event.id)
        meta = _meta({"extra": dict(event.extra)})
        if new or event.name or meta:
            name = event.name or ""
            yield StreamEvent("tool_call_name", name, tool_call_id=id_, provider_metadata=meta)
        if event.arguments:
            yield StreamEvent("tool_call_args", event.arguments, tool_call_id=id_)


def _meta(more: dict[str, Any]) -> dict[str, Any] | None:
    said = {name: value for name, value in more.items() if value}
    return {META: said} if said else None


def whole(reply: Reply) -> Iterator[StreamEvent]:
    """A whole answer; where a schema was asked for, the validated value as JSON."""
    if reply.output is not None:
        yield StreamEvent("text", msgspec.json.encode(reply.output).decode())
        return
    writer = Writer()
    for event in unfold(reply.response):
        yield from writer.write(event)


def tell(response: Response | AsyncResponse, reply: Reply) -> None:
    """What is known when the answer is whole: tool calls, tokens, and for llm's log the model
    that answered, the call's id in the ledger and its cost in nano-USD."""
    for call in reply.tool_calls:
        try:
            arguments = msgspec.json.decode(call.arguments or "{}", type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise llm.ModelError(
                f"{reply.model} asked for {call.name} with {call.arguments!r}: {error}"
            ) from None
        response.add_tool_call(llm.ToolCall(call.name, arguments, call.id))
    response.set_resolved_model(reply.model)
    found = {"id": reply.id, "model": reply.model, "cost": reply.cost}
    response.response_json = found | {"notes": list(reply.decision.notes)}
    usage = reply.response.usage
    if usage is not None:
        details = {"cached": usage.cached_tokens, "reasoning": usage.reasoning_tokens}
        response.set_usage(  # pyright: ignore[reportUnknownMemberType] - a dict of anything there
            input=usage.prompt_tokens,
            output=usage.completion_tokens,
            details={name: count for name, count in details.items() if count} or None,
        )
