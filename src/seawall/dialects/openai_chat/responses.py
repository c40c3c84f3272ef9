"""Complete responses, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...types import Choice, Message, Opaque, Part, Reasoning, Refusal, Response, Text, ToolCall
from ..call_ids import with_ids
from .messages import answer_parts, write_answer
from .usage import usage_if_readable, write_usage
from .words import DIALECT, as_list, as_object, as_text, bag, own

__all__ = ["read_created", "read_response", "write_response"]

_RESPONSE = frozenset({"id", "object", "created", "model", "choices", "usage"})
_CHOICE = frozenset({"index", "message", "finish_reason", "logprobs"})
_MESSAGE = frozenset({"role", "content", "refusal", "tool_calls", "reasoning_content", "reasoning"})


def read_response(raw: dict[str, Any]) -> Response:
    """Raises ``ValueError`` for an object that is no chat completion."""
    choices = as_list(raw.get("choices"), "choices")
    if not choices:
        raise ValueError("it has no choices")
    id_ = str(raw.get("id") or "")
    return Response(
        id=id_,
        model=str(raw.get("model") or ""),
        created=read_created(raw),
        choices=tuple(
            _read_choice(as_object(choice, f"choices[{index}]"), index, id_)
            for index, choice in enumerate(choices)
        ),
        usage=usage_if_readable(raw.get("usage")),
        extra=bag(raw, _RESPONSE),
    )


def read_created(raw: Mapping[str, Any]) -> int:
    """Epoch seconds. No answer is given up for a date that is none."""
    value = raw.get("created")
    return int(value) if isinstance(value, (int, float)) and 0 <= value < 2**53 else 0


def _read_choice(raw: dict[str, Any], position: int, answer: str) -> Choice:
    message = as_object(raw.get("message"), f"choices[{position}].message")
    logprobs = raw.get("logprobs")
    given = raw.get("index")
    index = given if isinstance(given, int) else position
    parts = with_ids(answer_parts(message), answer, index)
    return Choice(
        index=index,
        message=Message("assistant", parts, extra=bag(message, _MESSAGE)),
        finish_reason=as_text(raw.get("finish_reason"), "finish_reason") or None,
        logprobs=None if logprobs is None else as_object(logprobs, "logprobs"),
        extra=bag(raw, _CHOICE),
    )


def write_response(response: Response) -> dict[str, Any]:
    wire: dict[str, Any] = {
        "id": response.id,
        "object": "chat.completion",
        "created": response.created,
        "model": response.model,
        "choices": [_write_choice(choice) for choice in response.choices],
    }
    if response.usage is not None:
        wire["usage"] = write_usage(response.usage)
    return wire | own(response.extra)


def _write_choice(choice: Choice) -> dict[str, Any]:
    wire: dict[str, Any] = {
        "index": choice.index,
        "message": {"refusal": None} | write_answer(_sayable(choice.message)),
        "logprobs": choice.logprobs,
        "finish_reason": choice.finish_reason,
    }
    return wire | own(choice.extra)


_APART = (Reasoning, Refusal, ToolCall)


def _sayable(message: Message) -> Message:
    """The answer as this dialect's callers know it: its text is one string, and what only
    another dialect understands stays behind. Parts of this dialect keep the list they came in."""
    apart = [part for part in message.content if isinstance(part, _APART)]
    body: list[Part] = [
        part
        for part in message.content
        if not isinstance(part, (*_APART, Opaque))
        or (type(part) is Opaque and part.dialect == DIALECT)
    ]
    if all(type(part) is Text and not own(part.extra) for part in body):
        body = [Text(message.text)] if message.text else []
    return Message("assistant", (*body, *apart), extra=message.extra)
