"""The OpenAI API around its chat completions: paths, error bodies, models, waiting headers.

Source: the OpenAI API reference, and what its service answers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from typing import Literal

import msgspec
from msgspec import Struct

from ..errors import Fault

__all__ = [
    "CHAT",
    "MODELS",
    "Refusal",
    "RetryAfter",
    "model",
    "models",
    "refusal_of",
    "retry_after",
    "unknown_model",
    "unknown_path",
]

CHAT = "/v1/chat/completions"
MODELS = "/v1/models"

encode = msgspec.json.Encoder().encode


class Refusal(Struct, frozen=True):
    """An error as the provider says it."""

    status: int
    message: str
    type: str | None = "invalid_request_error"
    code: str | None = None
    param: str | None = None

    def body(self) -> bytes:
        error = {"message": self.message, "type": self.type, "param": self.param}
        return encode({"error": {**error, "code": self.code}})


def refusal_of(fault: Fault) -> Refusal:
    """Our own refusal of a request, as the provider would word it."""
    kind = "invalid_request_error" if fault.blames == "caller" else "server_error"
    status = fault.status or (400 if fault.blames == "caller" else 503)
    return Refusal(status, fault.message, kind, fault.code, fault.param)


def unknown_path(method: str, path: str) -> Refusal:
    if path.removeprefix("/v1") in ("/chat/completions", "/models"):
        message = f"Not allowed to {method} on {path}."
        return Refusal(405, message, code="method_not_supported")
    message = f"Invalid URL ({method} {path})"
    return Refusal(404, message, code="unknown_url")


def unknown_model(name: str, message: str = "") -> Refusal:
    said = message or f"The model '{name}' does not exist or you do not have access to it."
    return Refusal(404, said, code="model_not_found", param="model")


def models(names: Sequence[str], created: int) -> bytes:
    return encode({"object": "list", "data": [_model(name, created) for name in names]})


def model(name: str, created: int) -> bytes:
    return encode(_model(name, created))


def _model(name: str, created: int) -> Mapping[str, object]:
    return {"id": name, "object": "model", "created": created, "owned_by": "seawall"}


RetryAfter = Literal["seconds", "float", "date", "ms", "both"]


def retry_after(form: RetryAfter, seconds: float, wall: float) -> dict[str, str]:
    """The headers that ask a client to wait ``seconds``, rounded up to what the form can say
    (RFC 9110, 10.2.3: whole seconds, or a date; providers also send fractions, and milliseconds
    in a header of their own). ``wall``: epoch seconds."""
    whole, millis = math.ceil(seconds), math.ceil(seconds * 1000)
    if form == "date":
        return {"retry-after": formatdate(math.ceil(wall + seconds), usegmt=True)}
    if form == "float":
        return {"retry-after": f"{millis / 1000}"}
    if form == "ms":
        return {"retry-after-ms": str(millis)}
    if form == "both":
        return {"retry-after": str(whole), "retry-after-ms": str(millis)}
    return {"retry-after": str(whole)}
