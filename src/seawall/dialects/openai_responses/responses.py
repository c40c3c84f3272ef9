"""Complete responses, both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from ...folding import fold
from ...types import (
    Choice,
    Event,
    Finish,
    Message,
    Metered,
    Refusal,
    Response,
    Start,
    Text,
    ToolCall,
    UnknownDelta,
    Usage,
)
from ..json_values import as_list, as_object
from .items import Teller
from .messages import as_they_came, write_call
from .usage import read_usage, write_usage
from .words import DIALECT, OUR_THOUGHT, OUTPUT, bag, own

__all__ = [
    "call_item",
    "closing",
    "envelope",
    "message_item",
    "outcome",
    "output_of",
    "read_response",
    "read_start",
    "reasoning_item",
    "text_part",
    "tokens_of",
    "write_response",
]

_KNOWN = frozenset(
    {
        "id",
        "object",
        "created_at",
        "model",
        "output",
        "output_text",
        "status",
        "error",
        "incomplete_details",
        "usage",
    }
)
_UNFINISHED = ("queued", "in_progress", "cancelled")
_REASONS = {"max_output_tokens": "length"}
#: Reasons for an incomplete response that the package's types know, by our names for them.
_INCOMPLETE = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
    "max_messages": "max_messages",
    "steered": "steered",
    "incomplete": None,
}


def read_response(raw: dict[str, Any]) -> Response:
    """Raises ``ValueError`` for an object that is no finished response."""
    if raw.get("status") in _UNFINISHED:
        raise ValueError(f"its status is {raw['status']}")
    if raw.get("output") is None:
        raise ValueError("it has no output")
    start = read_start(raw)
    return fold([start, *closing(raw, Teller(start.id), {})])


def read_start(raw: Mapping[str, Any]) -> Start:
    created = raw.get("created_at")
    at = int(created) if isinstance(created, (int, float)) and 0 <= created < 2**53 else 0
    return Start(str(raw.get("id") or ""), str(raw.get("model") or ""), at, bag(raw, _KNOWN))


def closing(
    raw: Mapping[str, Any], teller: Teller, done: Mapping[int, dict[str, Any]]
) -> Iterable[Event]:
    """What a finished response tells that was not told before. Its items are those that were
    ``done`` one by one where it does not repeat them."""
    given = as_list(raw.get("output"), "output")
    output = [as_object(item, f"output[{at}]") for at, item in enumerate(given)]
    output = output or [done[at] for at in sorted(done)]
    yield from teller.rest(output)
    if output:
        yield UnknownDelta(DIALECT, {OUTPUT: output})
    yield Finish(_reason(raw, teller.called))
    usage = read_usage(raw.get("usage"))
    if usage is not None:
        yield Metered(usage)


def _reason(raw: Mapping[str, Any], called: bool) -> str:
    if raw.get("status") == "incomplete":
        details = as_object(raw.get("incomplete_details") or {}, "incomplete_details")
        reason = str(details.get("reason") or "incomplete")
        return _REASONS.get(reason, reason)
    return "tool_calls" if called else "stop"


def outcome(finish: str | None) -> tuple[str, dict[str, Any] | None]:
    """``status`` and ``incomplete_details`` for a finish reason. One that this dialect has no
    word for ended the answer in some other provider's way: it is complete."""
    if finish in _INCOMPLETE:
        return "incomplete", {"reason": _INCOMPLETE[finish]}
    return "completed", None


def envelope(
    start: Start,
    output: Sequence[Any],
    status: str,
    incomplete: Mapping[str, Any] | None = None,
    usage: Usage | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A response object. What its types demand of the question, and an answer that came in
    other words does not know, is said as the reference's defaults."""
    wire: dict[str, Any] = {
        "id": start.id,
        "object": "response",
        "created_at": start.created,
        "status": status,
        "error": None,
        "incomplete_details": incomplete,
        "instructions": None,
        "metadata": {},
        "model": start.model,
        "output": output,
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None if usage is None else write_usage(usage),
    }
    return wire | more


def output_of(response: Response) -> list[dict[str, Any]]:
    """The items of an answer: as they came, or made of its parts."""
    came = as_they_came(response.message)
    if came is not None:
        return came
    choice = response.choices[0] if response.choices else Choice(message=Message("assistant"))
    status, _ = outcome(choice.finish_reason)
    return _made(choice, response.id, status)


def _made(choice: Choice, name: str, status: str) -> list[dict[str, Any]]:
    message, items = choice.message, list[dict[str, Any]]()
    if message.reasoning:
        items.append(reasoning_item(f"{OUR_THOUGHT}{name}", message.reasoning, status))
    tokens = tokens_of(choice.logprobs)
    parts: list[dict[str, Any]] = []
    for part in message.content:
        if type(part) is Text:
            # They belong to the whole answer; its first text is where callers look.
            parts.append(text_part(part.text, () if parts else tokens))
        elif type(part) is Refusal:
            parts.append({"type": "refusal", "refusal": part.text})
    if parts:
        items.append(message_item(f"msg_{name}", parts, status))
    items += [call_item(call, status) for call in message.tool_calls]
    return items


def text_part(text: str, logprobs: Sequence[Any] = ()) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "output_text", "annotations": [], "text": text}
    return part | {"logprobs": list(logprobs)}


def tokens_of(logprobs: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The tokens of an answer's log probabilities, with the bytes that chat completions may
    leave out. No answer is given up for one that is none."""
    return _tokens((logprobs or {}).get("content"))


def _tokens(given: Any) -> list[dict[str, Any]]:
    tokens = cast("list[Any]", given) if isinstance(given, list) else []
    return [_whole(as_object(token, "logprobs[]")) for token in tokens if type(token) is dict]


def _whole(token: dict[str, Any]) -> dict[str, Any]:
    whole = token | {"bytes": token.get("bytes") or list(str(token.get("token")).encode())}
    if "top_logprobs" in token:
        whole["top_logprobs"] = _tokens(token["top_logprobs"])
    return whole


def message_item(id_: str, parts: Sequence[Any], status: str) -> dict[str, Any]:
    return {
        "id": id_,
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": list(parts),
    }


def reasoning_item(id_: str, text: str, status: str) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": text}]
    return {"id": id_, "type": "reasoning", "status": status, "summary": summary}


def call_item(call: ToolCall, status: str) -> dict[str, Any]:
    item = {"id": f"fc_{call.id}", **write_call(call)}
    # The package's types know no status of a call with free text.
    return item | {"status": status} if item["type"] == "function_call" else item


def write_response(response: Response) -> dict[str, Any]:
    start = Start(response.id, response.model, response.created)
    status, incomplete = outcome(response.finish_reason)
    known = own(response.extra)
    return envelope(start, output_of(response), status, incomplete, response.usage, **known)
