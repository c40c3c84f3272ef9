"""Complete responses, both ways."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ...types import Choice, Response
from ..call_ids import with_ids
from ..json_values import as_object
from .faults import fault_of_end
from .logprobs import logprobs_if_readable, write_logprobs
from .messages import read_message, write_answer
from .usage import usage_if_readable, write_usage
from .words import DIALECT, bag, own, read_finish, write_finish

__all__ = ["read_response", "write_response"]

_KNOWN = frozenset({"id", "message", "finish_reason", "usage", "logprobs"})


def read_response(raw: dict[str, Any], body: bytes) -> Response:
    """Raises ``ValueError`` for an object that is no answer, and the provider's fault for one that
    says that the generation failed. An answer does not name its model."""
    if "finish_reason" not in raw:
        raise ValueError("it is no answer with a finish_reason")
    fault = fault_of_end(raw, body)
    if fault is not None:
        raise fault
    id_ = str(raw.get("id") or "")
    message = read_message({"role": "assistant"} | as_object(raw.get("message"), "message"))
    finish, rest = read_finish(raw["finish_reason"])
    choice = Choice(
        message=replace(message, content=with_ids(message.content, id_)),
        finish_reason=finish,
        logprobs=logprobs_if_readable(raw.get("logprobs")),
        extra={DIALECT: rest} if rest else {},
    )
    return Response(
        id=id_,
        choices=(choice,),
        usage=usage_if_readable(raw.get("usage")),
        extra=bag(raw, _KNOWN),
    )


def write_response(response: Response) -> dict[str, Any]:
    """The first choice: callers of this dialect ask for one."""
    choice = response.choices[0] if response.choices else Choice(message=response.message)
    wire: dict[str, Any] = {"id": response.id, "message": write_answer(choice.message)}
    wire |= write_finish(choice.finish_reason, own(choice.extra))
    if response.usage is not None:
        wire["usage"] = write_usage(response.usage)
    if choice.logprobs is not None:
        wire["logprobs"] = write_logprobs(choice.logprobs)
    return wire | own(response.extra)
