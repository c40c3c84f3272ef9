"""Anthropic's Messages API.

Source: its API reference ("Errors", "Rate limits", "Streaming messages", "List models") and the
types of the anthropic package.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import unquote

from ...dialects.anthropic import FACE
from ...framing.sse import write_sse
from ...server import Request
from .api import Level, Over, Places, Refusal, RetryAfter, Trouble, encode
from .waiting import retry_after

__all__ = ["API"]

_ASKED, _MODELS = "/v1/messages", "/v1/models"
_INVALID, _LIMIT = "invalid_request_error", "rate_limit_error"


class Anthropic:
    name = FACE.name
    face = FACE
    ids = ("msg_sim_", "toolu_")
    places = Places(
        text=re.compile(rb'"text":"(?=[^"])'),
        said=re.compile(rb'"(?:text|partial_json)":"(?=[^"])|"input":\{"'),
        finish=re.compile(rb"^event: message_delta\n"),
        mark=re.compile(rb"^event: message_stop\n"),
        call_id=b'"id":',
        broken=b"event: content_block_delta\n"
        + write_sse(b'{"type":"content_block_delta","index":0,"del'),
    )
    refusals: Mapping[Trouble, Refusal] = {
        "limit": Refusal(
            429, "This request would exceed your organization's rate limit.", _LIMIT
        ),
        "credit": Refusal(
            402,
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & "
            "Billing to upgrade or purchase credits.",
            "billing_error",
        ),
        "failed": Refusal(500, "Internal server error", "api_error"),
        "unavailable": Refusal(503, "Service temporarily unavailable", "api_error"),
        "overloaded": Refusal(529, "Overloaded", "overloaded_error"),
        "late": Refusal(408, "Request timed out", "timeout_error"),
        "locked": Refusal(409, "The resource is locked by another request", "conflict_error"),
        "invalid": Refusal(400, "temperature: range: 0..1", _INVALID),
        "key": Refusal(401, "invalid x-api-key", "authentication_error"),
        "forbidden": Refusal(
            403, "Your API key does not have permission to use this model", "permission_error"
        ),
        "model": Refusal(404, "model: no such model", "not_found_error"),
        "unprocessable": Refusal(422, "The request cannot be processed", _INVALID),
        "too_long": Refusal(
            400, "prompt is too long: 200001 tokens > 200000 maximum", _INVALID
        ),
        "unsafe": Refusal(400, "Output blocked by content filtering policy", _INVALID),
    }  # fmt: skip

    def mine(self, request: Request, /) -> bool:
        return "anthropic-version" in request.headers or self.asked(request.path) is not None

    def asked(self, path: str, /) -> str | None:
        return _ASKED if path == _ASKED else None

    def listed(self, path: str, /) -> str | None:
        if not f"{path}/".startswith(f"{_MODELS}/"):
            return None
        return unquote(path.removeprefix(_MODELS).removeprefix("/"))

    def array(self, request: Request, /) -> bool:
        return False

    def headers(self, number: int, levels: Sequence[Level], wall: float, /) -> Mapping[str, str]:
        said = {"request-id": _request_id(number)}
        for level in levels:
            said[f"anthropic-ratelimit-{level.name}-limit"] = str(level.limit)
            said[f"anthropic-ratelimit-{level.name}-remaining"] = str(level.left)
            said[f"anthropic-ratelimit-{level.name}-reset"] = _time(wall + level.full)
        return said

    def waiting(self, form: RetryAfter, seconds: float, wall: float, /) -> Mapping[str, str]:
        """A quota of this API's is told in whole seconds."""
        return retry_after("seconds" if form == "both" else form, seconds, wall)

    def body(self, refusal: Refusal, wait: float | None, number: int, /) -> bytes:
        error = {"type": refusal.kind or _kind(refusal.status), "message": refusal.message}
        return encode({"type": "error", "error": error, "request_id": _request_id(number)})

    def broken_off(self, refusal: Refusal, number: int, /) -> Sequence[bytes]:
        return (b"event: error\n" + write_sse(self.body(refusal, None, number)),)

    def given_up(self, refusal: Refusal, number: int, /) -> bytes:
        return self.body(refusal, None, number)

    def over(self, over: Over, /) -> Refusal:
        said = f"This request would exceed your organization's rate limit of {over.limit} "
        return Refusal(429, f"{said}{over.name} per minute (model: {over.model}).", _LIMIT)

    def unknown_path(self, method: str, path: str, /) -> Refusal:
        if self.asked(path) or self.listed(path) is not None:
            return Refusal(405, "Method Not Allowed", _INVALID)
        return Refusal(404, f"Not found: {path}", "not_found_error")

    def unknown_model(self, name: str, /) -> Refusal:
        return Refusal(404, f"model: {name}", "not_found_error")

    def models(self, names: Sequence[str], created: int, /) -> bytes:
        listed = {"data": [_model(name, created) for name in names], "has_more": False}
        return encode(listed | {"first_id": names[0], "last_id": names[-1]})

    def model(self, name: str, created: int, /) -> bytes:
        return encode(_model(name, created))


def _model(name: str, created: int) -> Mapping[str, object]:
    return {"type": "model", "id": name, "display_name": name, "created_at": _time(created)}


def _request_id(number: int) -> str:
    return f"req_sim_{number}"


def _time(seconds: float) -> str:
    """RFC 3339, rounded up to whole seconds: what is whole then has not been so before."""
    return datetime.fromtimestamp(math.ceil(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _kind(status: int) -> str:
    return _INVALID if status < 500 else "api_error"


API = Anthropic()
