"""The ordinary answer, read in one step: one choice, plain text, usual fields.

An optimisation of ``read_response`` and held to it by a test: whatever is not ordinary (tool
calls, log probabilities, a field that is not listed here) is left to it.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from ...types import Choice, Message, Response, Text
from .usage import usage_if_readable
from .words import DIALECT

__all__ = ["read_plain"]


class _Message(Struct, forbid_unknown_fields=True):
    content: str
    role: str | None = None
    refusal: None = None
    annotations: list[None] | None = None
    tool_calls: None = None
    function_call: None = None
    audio: None = None


class _Choice(Struct, forbid_unknown_fields=True):
    message: _Message
    index: int = 0
    finish_reason: str | None = None
    logprobs: None = None


class _Answer(Struct, forbid_unknown_fields=True):
    choices: tuple[_Choice]
    id: str = ""
    object: str = ""
    created: int = 0
    model: str = ""
    usage: dict[str, Any] | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None


_decode = msgspec.json.Decoder(_Answer).decode


def read_plain(body: bytes) -> Response | None:
    """The response, or ``None`` if it is not ordinary."""
    try:
        answer = _decode(body)
    except (ValueError, RecursionError):
        return None
    choice = answer.choices[0]
    message = choice.message
    if not message.content or not 0 <= answer.created < 2**53:
        return None
    if choice.finish_reason == "error" or answer.object == "error":
        return None
    extra: dict[str, Any] = {}
    if answer.system_fingerprint is not None:
        extra["system_fingerprint"] = answer.system_fingerprint
    if answer.service_tier is not None:
        extra["service_tier"] = answer.service_tier
    about = {} if message.annotations is None else {DIALECT: {"annotations": message.annotations}}
    return Response(
        id=answer.id,
        model=answer.model,
        created=answer.created,
        choices=(
            Choice(
                index=choice.index,
                message=Message("assistant", (Text(message.content),), extra=about),
                finish_reason=choice.finish_reason or None,
            ),
        ),
        usage=usage_if_readable(answer.usage),
        extra={DIALECT: extra} if extra else {},
    )
