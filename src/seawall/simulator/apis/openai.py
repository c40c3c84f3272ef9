"""What OpenAI's APIs have in common: error bodies, the list of models, the headers of its limits.

Source: the OpenAI API reference, and what its service answers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from ...framing.sse import write_sse
from ...server import Request
from .api import Level, Over, Refusal, RetryAfter, Trouble, encode
from .waiting import retry_after

__all__ = ["OpenAI", "duration", "error"]

_MODELS = "/v1/models"
_INVALID, _SERVER = "invalid_request_error", "server_error"
_EXCEEDED = "rate_limit_exceeded"
_CREDIT = "insufficient_quota"
_AZURE = re.compile(r"^/openai(?:/deployments/[^/]+)?")
#: What a duration is short by a rounding error is not there.
_CRUMB = 1e-6

_REFUSALS: Mapping[Trouble, Refusal] = {
    "limit": Refusal(
        429, "Rate limit reached for requests. Please try again later.", "requests", _EXCEEDED
    ),
    "credit": Refusal(
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        _CREDIT,
        _CREDIT,
    ),
    "failed": Refusal(
        500, "The server had an error while processing your request. Sorry about that!", _SERVER
    ),
    "unavailable": Refusal(
        503, "The engine is currently overloaded, please try again later.", _SERVER
    ),
    "overloaded": Refusal(529, "Overloaded", "overloaded_error"),
    "late": Refusal(408, "Request timed out.", "timeout"),
    "locked": Refusal(409, "The resource is locked by another request.", "conflict_error"),
    "invalid": Refusal(400, "Invalid value for 'temperature'.", _INVALID, None, "temperature"),
    "key": Refusal(401, "Incorrect API key provided.", _INVALID, "invalid_api_key"),
    "forbidden": Refusal(403, "You are not allowed to sample from this model.", _INVALID),
    "model": Refusal(
        404,
        "The model does not exist or you do not have access to it.",
        _INVALID,
        "model_not_found",
        "model",
    ),
    "unprocessable": Refusal(
        422, "The request is well formed but cannot be processed.", _INVALID
    ),
    "too_long": Refusal(
        400,
        "This model's maximum context length is 8192 tokens. However, your messages resulted in "
        "9001 tokens. Please reduce the length of the messages.",
        _INVALID,
        "context_length_exceeded",
        "messages",
    ),
    "unsafe": Refusal(
        400,
        "The response was filtered due to the prompt triggering our content management policy. "
        "Please modify your prompt and retry.",
        _INVALID,
        "content_filter",
        "prompt",
    ),
}  # fmt: skip


def error(refusal: Refusal) -> dict[str, object]:
    """The error object."""
    return {
        "message": refusal.message,
        "type": refusal.kind or (_INVALID if refusal.status < 500 else _SERVER),
        "param": refusal.param,
        "code": refusal.code,
    }


class OpenAI:
    """An API of OpenAI's; ``path`` is where its models are asked. Azure has it below ``/openai``,
    and a deployment in between."""

    refusals = _REFUSALS
    path = ""

    def mine(self, request: Request, /) -> bool:
        return True

    def asked(self, path: str, /) -> str | None:
        short = self.path.removeprefix("/v1")
        known = _AZURE.sub("", path) if path.startswith("/openai/") else path
        return self.path if known in (self.path, short) else None

    def listed(self, path: str, /) -> str | None:
        path = path if path.startswith("/v1/") else f"/v1{path}"
        if not f"{path}/".startswith(f"{_MODELS}/"):
            return None
        return unquote(path.removeprefix(_MODELS).removeprefix("/"))

    def array(self, request: Request, /) -> bool:
        return False

    def headers(self, number: int, levels: Sequence[Level], wall: float, /) -> Mapping[str, str]:
        said = {"x-request-id": f"req_sim_{number}"}
        for level in levels:
            said[f"x-ratelimit-limit-{level.name}"] = str(level.limit)
            said[f"x-ratelimit-remaining-{level.name}"] = str(level.left)
            said[f"x-ratelimit-reset-{level.name}"] = duration(level.full)
        return said

    def waiting(self, form: RetryAfter, seconds: float, wall: float, /) -> Mapping[str, str]:
        return retry_after(form, seconds, wall)

    def body(self, refusal: Refusal, wait: float | None, number: int, /) -> bytes:
        return encode({"error": error(refusal)})

    def broken_off(self, refusal: Refusal, number: int, /) -> Sequence[bytes]:
        return (write_sse(self.body(refusal, None, number)),)

    def given_up(self, refusal: Refusal, number: int, /) -> bytes:
        return self.body(refusal, None, number)

    def over(self, over: Over, /) -> Refusal:
        limit = f"{over.model} on {over.name} per min: Limit {over.limit}"
        if math.isinf(over.wait):
            message = f"Request too large for {limit}, Requested {over.wanted}."
            return Refusal(429, message, over.name, _EXCEEDED, final=True)
        again = f"Please try again in {duration(over.wait)}."
        return Refusal(429, f"Rate limit reached for {limit}. {again}", over.name, _EXCEEDED)

    def unknown_path(self, method: str, path: str, /) -> Refusal:
        if self.asked(path) or self.listed(path) is not None:
            message = f"Not allowed to {method} on {path}."
            return Refusal(405, message, _INVALID, "method_not_supported")
        return Refusal(404, f"Invalid URL ({method} {path})", _INVALID, "unknown_url")

    def unknown_model(self, name: str, /) -> Refusal:
        said = f"The model '{name}' does not exist or you do not have access to it."
        return Refusal(404, said, _INVALID, "model_not_found", "model")

    def models(self, names: Sequence[str], created: int, /) -> bytes:
        return encode({"object": "list", "data": [_model(name, created) for name in names]})

    def model(self, name: str, created: int, /) -> bytes:
        return encode(_model(name, created))


def _model(name: str, created: int) -> Mapping[str, object]:
    return {"id": name, "object": "model", "created": created, "owned_by": "seawall"}


def duration(seconds: float) -> str:
    """Seconds as OpenAI writes them in its headers: ``6m0s``, ``1.5s``, ``120ms``."""
    millis = math.ceil(seconds * 1000 - _CRUMB)
    if millis < 1000:
        return f"{millis}ms"
    minutes, millis = divmod(millis, 60_000)
    rest = f"{millis / 1000:g}s"
    return f"{minutes}m{rest}" if minutes else rest
