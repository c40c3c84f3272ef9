"""Complete responses, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ...errors import ContentFilterError, MalformedReplyError
from ...types import Choice, Opaque, Part, Response, ToolCall
from ..call_ids import CallIds
from ..json_values import as_list, as_object, as_text
from .answers import PARTS, answer_message, write_answer
from .calls import as_args, call_id
from .logprobs import read_logprobs, write_logprobs
from .usage import usage_if_readable, write_usage
from .words import DIALECT, MALFORMED, bag, own, read_finish, write_finish

__all__ = [
    "CANDIDATE",
    "RESPONSE",
    "check_prompt",
    "malformed",
    "read_created",
    "read_response",
    "write_candidate",
    "write_head",
    "write_response",
]

CANDIDATE = frozenset({"index", "content", "finishReason", "logprobsResult"})
RESPONSE = frozenset({"responseId", "modelVersion", "createTime", "candidates", "usageMetadata"})


def read_response(raw: Mapping[str, Any], body: bytes) -> Response:
    """Raises ``ValueError`` for an object that is no response, ``ContentFilterError`` for a
    prompt that was blocked, and ``MalformedReplyError`` for an answer lost on the way."""
    candidates = as_list(raw.get("candidates"), "candidates")
    if not candidates:
        check_prompt(raw, body)
        raise ValueError("it has no candidates")
    answer = as_text(raw.get("responseId"), "responseId") or ""
    return Response(
        id=answer,
        model=as_text(raw.get("modelVersion"), "modelVersion") or "",
        created=read_created(raw),
        choices=tuple(
            _read_candidate(as_object(one, "candidates[]"), place, answer)
            for place, one in enumerate(candidates)
        ),
        usage=usage_if_readable(raw.get("usageMetadata")),
        extra=bag(raw, RESPONSE),
    )


def check_prompt(raw: Mapping[str, Any], body: bytes) -> None:
    """Raises ``ContentFilterError`` if the prompt was blocked: then there is nothing else."""
    feedback = raw.get("promptFeedback")
    if not isinstance(feedback, dict):
        return
    fields = as_object(feedback, "promptFeedback")
    reason = fields.get("blockReason")
    if reason and reason != "BLOCKED_REASON_UNSPECIFIED":
        why = fields.get("blockReasonMessage")
        told = f"the prompt was blocked: {reason}" + (f" ({why})" if why else "")
        raise ContentFilterError(told[:1000], code=str(reason), body=body)


def malformed(raw: Mapping[str, Any], body: bytes) -> MalformedReplyError | None:
    """What a candidate's finish amounts to when its server could not read the model."""
    reason = raw.get("finishReason")
    if not isinstance(reason, str) or reason not in MALFORMED:
        return None
    why = raw.get("finishMessage")
    told = f"the model's answer could not be parsed: {reason}" + (f" ({why})" if why else "")
    return MalformedReplyError(told[:1000], code=reason, body=body)


def read_created(raw: Mapping[str, Any]) -> int:
    """Epoch seconds. No answer is given up for a date that is none."""
    try:
        return max(0, int(datetime.fromisoformat(raw["createTime"]).timestamp()))
    except (KeyError, TypeError, ValueError, OverflowError):
        return 0


def _read_candidate(raw: dict[str, Any], place: int, answer: str) -> Choice:
    fault = malformed(raw, b"")
    if fault is not None:
        raise fault
    given = raw.get("index")
    index = given if isinstance(given, int) else place
    content = as_object(raw.get("content") or {}, "candidates[].content")
    parts = [as_object(part, "parts[]") for part in as_list(content.get("parts"), "parts")]
    ids = CallIds(index)
    message = answer_message(content, parts, lambda call: ids.take(call_id(call), answer))
    finish, rest = read_finish(raw, bool(message.tool_calls))
    fields = own(bag(raw, CANDIDATE)) | rest
    return Choice(
        index=index,
        message=message,
        finish_reason=finish,
        logprobs=read_logprobs(raw.get("logprobsResult")),
        extra={DIALECT: fields} if fields else {},
    )


def write_response(response: Response) -> dict[str, Any]:
    wire: dict[str, Any] = {"candidates": [_write_choice(choice) for choice in response.choices]}
    if response.usage is not None:
        wire["usageMetadata"] = write_usage(response.usage)
    return wire | write_head(response.id, response.model, response.created) | own(response.extra)


def write_head(id_: str, model: str, created: int) -> dict[str, Any]:
    """What a response, and every chunk of a stream, says of itself."""
    wire: dict[str, Any] = {"modelVersion": model, "responseId": id_}
    if created:
        wire["createTime"] = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return wire


def _write_choice(choice: Choice) -> dict[str, Any]:
    fields = own(choice.message.extra)
    marks = fields.pop(PARTS, ())
    calls = choice.message.tool_calls
    broken = next((call for call in calls if as_args(call.arguments) is None), None)
    said = [part for part in choice.message.content if _sayable(part, broken)]
    parts = write_answer(said, marks, True, [])
    wire: dict[str, Any] = {"content": {"parts": parts, "role": "model"} | fields}
    if choice.logprobs is not None:
        wire["logprobsResult"] = write_logprobs(choice.logprobs)
    return wire | write_candidate(choice.index, choice.finish_reason, broken) | own(choice.extra)


def _sayable(part: Part, broken: ToolCall | None) -> bool:
    """What only another dialect understands stays behind, and calls do where one is broken."""
    if type(part) is ToolCall:
        return broken is None
    return type(part) is not Opaque or part.dialect == DIALECT


def write_candidate(index: int, finish: str | None, broken: ToolCall | None) -> dict[str, Any]:
    """How a candidate ends. A call whose arguments are no object is no call here: the API has a
    reason of its own for that."""
    wire: dict[str, Any] = {"index": index}
    if broken is not None:
        wire["finishReason"] = "MALFORMED_FUNCTION_CALL"
        wire["finishMessage"] = f"Malformed function call: {broken.name}({broken.arguments})"
    elif finish is not None:
        wire["finishReason"] = write_finish(finish)
    return wire
