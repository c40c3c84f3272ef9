"""From our replies and events to LangChain's messages and chunks."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from langchain_core.messages import AIMessage, AIMessageChunk, InvalidToolCall
from langchain_core.messages import ToolCall as LangToolCall
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from ...core import Reply
from ...types import (
    Choice,
    Event,
    Message,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from ..keeping import keep
from .messages import STORE

__all__ = ["result", "write_chunk", "write_last"]


def result(reply: Reply) -> ChatResult:
    """A whole answer: one generation a choice. Where a type was asked for, its text is the
    validated value as JSON, not what it was read out of."""
    generations = [_generation(choice, reply) for choice in reply.response.choices]
    return ChatResult(generations=cast("Any", generations))


def _generation(choice: Choice, reply: Reply) -> ChatGeneration:
    message = choice.message
    text = message.text
    if reply.output is not None:
        text = msgspec.json.encode(reply.output).decode()
    calls, invalid = _calls(message.tool_calls)
    return ChatGeneration(
        message=AIMessage(
            content=text,
            additional_kwargs=_beside(message),
            tool_calls=calls,
            invalid_tool_calls=invalid,
            usage_metadata=_usage(reply.response.usage) if choice.index == 0 else None,
            response_metadata=_metadata(reply, choice),
        )
    )


def _calls(calls: tuple[ToolCall, ...]) -> tuple[list[LangToolCall], list[InvalidToolCall]]:
    good: list[LangToolCall] = []
    bad: list[InvalidToolCall] = []
    for call in calls:
        try:
            arguments = msgspec.json.decode(call.arguments or "{}", type=dict[str, Any])
        except msgspec.DecodeError as error:
            words = {"name": call.name, "args": call.arguments, "id": call.id}
            bad.append(invalid_tool_call(**words, error=str(error)))
        else:
            good.append(tool_call(name=call.name, args=arguments, id=call.id))
    return good, bad


def _beside(message: Message) -> dict[str, Any]:
    """What stands beside the content, under the names LangChain's other models use."""
    found = {
        "reasoning_content": message.reasoning,
        "refusal": message.refusal,
        STORE: keep(message),
    }
    return {name: value for name, value in found.items() if value}


def _metadata(reply: Reply, choice: Choice) -> dict[str, Any]:
    found = {
        "model_name": reply.model or reply.response.model,
        "model_provider": "seawall",
        "finish_reason": choice.finish_reason,
        "id": reply.id,
        "cost": reply.cost,
        "logprobs": choice.logprobs,
        "notes": list(reply.decision.notes) or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _usage(usage: Usage | None) -> UsageMetadata | None:
    if usage is None:
        return None
    details = InputTokenDetails(
        cache_read=usage.cached_tokens, cache_creation=usage.cache_write_tokens
    )
    return UsageMetadata(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
        input_token_details=details,
        output_token_details=OutputTokenDetails(reasoning=usage.reasoning_tokens),
    )


def write_chunk(event: Event) -> ChatGenerationChunk | None:
    """The chunk for an event of a stream, if it carries a piece of the answer."""
    if isinstance(event, TextDelta):
        return _chunk(event.text)
    if isinstance(event, ReasoningDelta):
        return _chunk(additional_kwargs={"reasoning_content": event.text}) if event.text else None
    if isinstance(event, RefusalDelta):
        return _chunk(additional_kwargs={"refusal": event.text})
    if isinstance(event, ToolCallDelta):
        piece = tool_call_chunk(
            name=event.name, args=event.arguments, id=event.id, index=event.index
        )
        return _chunk(tool_call_chunks=[piece])
    return None


def write_last(reply: Reply) -> ChatGenerationChunk:
    """The last chunk: what is known when the answer is whole."""
    choice = reply.response.choices[0] if reply.response.choices else Choice(message=reply.message)
    stored = keep(reply.message)
    return _chunk(
        additional_kwargs={} if stored is None else {STORE: stored},
        usage_metadata=_usage(reply.response.usage),
        response_metadata=_metadata(reply, choice),
        chunk_position="last",
    )


def _chunk(text: str = "", **fields: Any) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text, **fields))
