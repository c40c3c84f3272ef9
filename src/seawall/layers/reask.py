"""Typed output: validate the answer, and ask again showing the model its own errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from ..core import Call, Handler, Reply
from ..errors import OutputError
from ..ports import Validator
from ..types import Message, Request, Response, Text

__all__ = ["ReaskLayer"]


class ReaskLayer:
    """Outside the fallback. ``reasks``: how often a wrong answer is asked again. ``explain``
    words the errors for the model. Each asking is an attempt, billed and recorded."""

    def __init__(
        self, validator: Validator, reasks: int, explain: Callable[[OutputError], str]
    ) -> None:
        self._validator = validator
        self._reasks = reasks
        self._explain = explain

    def __call__(self, inner: Handler, /) -> Handler:
        async def handler(call: Call) -> Reply:
            request, left = call.request, self._reasks
            while True:
                reply = await inner(call.fork(request=request))
                if reply.stream is not None or reply.canned or reply.tool_calls:
                    return reply
                try:
                    return self._accept(call, reply)
                except OutputError as error:
                    error.model = reply.model
                    call.note(f"output refused: {'; '.join(error.errors) or error.message}")
                    if left <= 0 or call.spent or _declined(reply):
                        raise
                    left -= 1
                    request = self._again(request, reply, error)

        return handler

    def _accept(self, call: Call, reply: Reply) -> Reply:
        value, repairs = accept(self._validator, reply)
        reply.output = value
        for repair in repairs:
            call.note(f"output repaired: {repair}")
        reply.notes = (*reply.notes, *repairs)
        return reply

    def _again(self, request: Request, reply: Reply, error: OutputError) -> Request:
        turns = (
            Message("assistant", (Text(reply.text),)),
            Message("user", (Text(self._explain(error)),)),
        )
        return replace(request, messages=(*request.messages, *turns))


def _declined(reply: Reply) -> bool:
    """The model will not answer, and asking again changes nothing but the bill."""
    return reply.message.refusal is not None or reply.finish_reason == "content_filter"


def accept(validator: Validator, reply: Reply | Response) -> tuple[Any, tuple[str, ...]]:
    """The validated value of a complete reply. Raises ``OutputError``."""
    if reply.message.refusal is not None:
        raise OutputError(f"the model refused: {reply.message.refusal}", raw=reply.message.refusal)
    if reply.finish_reason == "length":
        raise OutputError(
            "the answer was cut at max_tokens; raise it",
            raw=reply.text,
            errors=("the answer was too long and was cut; answer more briefly",),
        )
    return validator.check(reply.text)
