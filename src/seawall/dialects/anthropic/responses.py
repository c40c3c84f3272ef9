"""Complete responses, both ways."""

from __future__ import annotations

from typing import Any

from ...types import Choice, Message, Opaque, Part, Reasoning, Response
from ..call_ids import with_ids
from ..json_values import as_list
from .blocks import read_content, write_block
from .usage import usage_if_readable, write_usage
from .words import DIALECT, bag, own, read_stop, write_stop

__all__ = ["RESPONSE", "read_response", "write_head", "write_response"]

#: The fields of a message that have a place of their own in a response.
RESPONSE = frozenset(
    {
        *("id", "type", "role", "model", "content", "usage"),
        *("stop_reason", "stop_sequence", "stop_details"),
    }
)


def read_response(raw: dict[str, Any]) -> Response:
    """Raises ``ValueError`` for an object that is no message. Blocks stay in the order they came
    in: thinking must go back in its place."""
    if raw.get("type") != "message" or not isinstance(raw.get("content"), list):
        raise ValueError("it is no message with content")
    finish, rest = read_stop(raw)
    id_, content = str(raw.get("id") or ""), read_content(as_list(raw["content"], "content"))
    return Response(
        id=id_,
        model=str(raw.get("model") or ""),
        choices=(
            Choice(
                message=Message("assistant", with_ids(content, id_)),
                finish_reason=finish,
                extra={DIALECT: rest} if rest else {},
            ),
        ),
        usage=usage_if_readable(raw.get("usage")),
        extra=bag(raw, RESPONSE),
    )


def write_head(id_: str, model: str) -> dict[str, Any]:
    return {"id": id_, "type": "message", "role": "assistant", "model": model}


def write_response(response: Response) -> dict[str, Any]:
    """The first choice: callers of this dialect ask for one."""
    choice = response.choices[0] if response.choices else Choice(message=response.message)
    return (
        write_head(response.id, response.model)
        | {"content": _write_answer(choice.message)}
        | write_stop(choice.finish_reason, own(choice.extra))
        | {"usage": write_usage(response.usage)}
        | own(response.extra)
    )


def _write_answer(message: Message) -> list[dict[str, Any]]:
    """The answer as this dialect's callers know it. What only another dialect understands stays
    behind; reasoning of another provider is shown, unsigned."""
    blocks: list[dict[str, Any]] = []
    for part in message.content:
        block = _unsigned(part) if type(part) is Reasoning else None
        if block is None and not (type(part) is Opaque and part.dialect != DIALECT):
            block = write_block(part, [])
        if block is not None:
            blocks.append(block)
    citations = own(message.extra).get("citations")
    if citations:
        blocks = [b | {"citations": citations} if b["type"] == "text" else b for b in blocks]
    return blocks


def _unsigned(part: Part) -> dict[str, Any] | None:
    assert type(part) is Reasoning
    if own(part.extra).get("type") == "redacted_thinking":
        return None
    signature = part.signature or "" if own(part.extra) else ""
    return {"type": "thinking", "thinking": part.text, "signature": signature} | own(part.extra)
