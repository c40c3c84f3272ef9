"""Complete responses, both ways."""

from __future__ import annotations

from typing import Any, cast

from ...types import Choice, Message, Response
from .messages import answer_parts, write_answer
from .words import as_object, bag, own, read_usage, write_usage

__all__ = ["read_response", "write_response"]

_RESPONSE = frozenset({"id", "object", "created", "model", "choices", "usage"})
_CHOICE = frozenset({"index", "message", "finish_reason", "logprobs"})
_MESSAGE = frozenset({"role", "content", "refusal", "tool_calls", "reasoning_content", "reasoning"})


def read_response(raw: dict[str, Any]) -> Response:
    """Raises ``ValueError`` for an object that is no chat completion."""
    if not isinstance(raw.get("choices"), list) or not raw["choices"]:
        raise ValueError("it has no choices")
    choices = cast("list[Any]", raw["choices"])
    usage = raw.get("usage")
    return Response(
        id=str(raw.get("id") or ""),
        model=str(raw.get("model") or ""),
        created=int(raw.get("created") or 0),
        choices=tuple(
            _read_choice(as_object(choice, f"choices[{index}]"), index)
            for index, choice in enumerate(choices)
        ),
        usage=read_usage(as_object(usage, "usage")) if usage is not None else None,
        extra=bag(raw, _RESPONSE),
    )


def _read_choice(raw: dict[str, Any], position: int) -> Choice:
    message = as_object(raw.get("message"), f"choices[{position}].message")
    index = raw.get("index")
    return Choice(
        index=index if isinstance(index, int) else position,
        message=Message("assistant", answer_parts(message), extra=bag(message, _MESSAGE)),
        finish_reason=raw.get("finish_reason"),
        logprobs=raw.get("logprobs"),
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
        "message": {"refusal": None} | write_answer(choice.message),
        "logprobs": choice.logprobs,
        "finish_reason": choice.finish_reason,
    }
    return wire | own(choice.extra)
