"""From our replies and streams to pydantic-ai's responses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic_ai.messages import (
    FinishReason,
    ModelResponse,
    ModelResponsePart,
    ModelResponseStreamEvent,
    TextPart,
    ThinkingPart,
    ToolCallPart,
)
from pydantic_ai.models import StreamedResponse
from pydantic_ai.usage import RequestUsage

from ...client.streams import AsyncReplyStream
from ...core import Reply
from ...errors import Fault
from ...types import (
    Event,
    Message,
    Reasoning,
    ReasoningDelta,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)
from ..keeping import keep
from .faults import in_both_words
from .messages import SYSTEM

__all__ = ["Streamed", "write_response"]

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_call",
    "content_filter": "content_filter",
}


def write_response(reply: Reply) -> ModelResponse:
    """A whole answer."""
    return ModelResponse(
        parts=list(_parts(reply.message)),
        usage=_usage(reply),
        model_name=reply.model,
        provider_name=SYSTEM,
        provider_response_id=reply.id,
        finish_reason=_reason(reply),
        provider_details=_details(reply),
    )


def _parts(message: Message) -> Iterator[ModelResponsePart]:
    for part in message.content:
        if isinstance(part, Reasoning):
            yield ThinkingPart(part.text, signature=part.signature, provider_name=SYSTEM)
        elif isinstance(part, Text):
            yield TextPart(part.text)
        elif isinstance(part, ToolCall):
            yield ToolCallPart(part.name, part.arguments, part.id)


def _usage(reply: Reply) -> RequestUsage:
    cost = None if reply.cost is None else Decimal(reply.cost) / 10**9
    usage = reply.response.usage
    if usage is None:
        return RequestUsage(cost=cost, unmeasured_requests=1)
    return RequestUsage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
        cost=cost,
    )


def _reason(reply: Reply) -> FinishReason | None:
    if reply.message.refusal is not None:
        return "content_filter"
    return _REASONS.get(reply.finish_reason or "")


def _details(reply: Reply) -> dict[str, Any]:
    found = {
        "finish_reason": reply.finish_reason,
        "refusal": reply.message.refusal,
        "notes": list(reply.decision.notes),
        SYSTEM: keep(reply.message),
    }
    return {name: value for name, value in found.items() if value}


@dataclass
class Streamed(StreamedResponse):
    """The answer as it comes. A stream that breaks off raises."""

    _stream: AsyncReplyStream
    _model: str
    _timestamp: datetime = field(default_factory=lambda: datetime.now(UTC))
    _thoughts: int = 0
    _left: bool = False

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        with in_both_words(self._model, streaming=True):
            async for event in self._stream:
                for written in self._write(event):
                    yield written
            if not self._left:
                self._end(await self._stream.reply())

    def _write(self, event: Event) -> Iterator[ModelResponseStreamEvent]:
        parts = self._parts_manager
        if isinstance(event, TextDelta):
            yield from parts.handle_text_delta(vendor_part_id="text", content=event.text)
        elif isinstance(event, ReasoningDelta):
            yield from parts.handle_thinking_delta(
                vendor_part_id=("thought", self._thoughts),
                content=event.text,
                signature=event.signature,
                provider_name=SYSTEM,
            )
            # One with a signature or unknown fields is its block's last.
            self._thoughts += bool(event.signature is not None or event.extra)
        elif isinstance(event, ToolCallDelta):
            yield from parts.handle_tool_call_delta_events(
                vendor_part_id=event.index,
                tool_name=event.name,
                args=event.arguments,
                tool_call_id=event.id,
            )

    def _end(self, reply: Reply) -> None:
        self._model = reply.model
        self._usage = _usage(reply)
        self.finish_reason = _reason(reply)
        self.provider_response_id = reply.id
        self.provider_details = _details(reply)

    async def close_stream(self) -> None:
        self._left = True
        await self._stream.aclose()

    def get_stream_cancel_errors(self) -> tuple[type[BaseException], ...]:
        return (Fault,)

    @property
    def model_name(self) -> str:
        return self._model

    @property
    def provider_name(self) -> str:
        return SYSTEM

    @property
    def provider_url(self) -> None:
        return None

    @property
    def timestamp(self) -> datetime:
        return self._timestamp
