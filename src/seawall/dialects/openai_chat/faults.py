"""Error bodies, both ways.

OpenAI writes ``{"error": {"message", "type", "param", "code"}}``. Servers that speak its dialect
write less or other: a bare string (Ollama), the object without its envelope (vLLM), ``detail``
(FastAPI), the envelope in an array (Google), or no JSON at all (a proxy in between).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ...errors import (
    AuthenticationError,
    BadRequestError,
    CircuitOpenError,
    ConflictError,
    ConnectionFault,
    ContentFilterError,
    ContextLengthError,
    Fault,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QueueFullError,
    QuotaExceededError,
    RateLimitError,
    TimeoutFault,
)
from ..http_faults import fault_for
from .words import encode

__all__ = ["complaint", "error_in", "fault_from", "status_of"]


def error_in(raw: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The error in a body or chunk that came with a success status, or ``None``.

    It stands at the top (OpenAI), without its envelope (vLLM), in ``x_groq``, in a choice, or
    is only a finish reason (OpenRouter and Mistral end a failed answer with ``error``).
    """
    if raw.get("error") or raw.get("object") == "error":
        return raw
    choices = raw.get("choices")
    holders = cast("list[Any]", choices) if isinstance(choices, list) else []
    for holder in (raw.get("x_groq"), *holders):
        fields = cast("dict[str, Any]", holder) if isinstance(holder, dict) else {}
        if fields.get("error"):
            return fields
        if fields.get("finish_reason") == "error":
            return {"error": {"message": "the provider ended the answer with an error"}}
    return None


def fault_from(
    raw: Any, body: bytes, status: int | None = None, headers: Mapping[str, str] | None = None
) -> Fault:
    """The fault an error body amounts to. Without ``status`` it came in band, and the error's
    own ``code`` stands in for one."""
    error = _error_object(raw)
    code, kind = error.get("code"), error.get("type") or error.get("status")
    if status is None:
        status = _in_band_status(code, kind)
    return fault_for(
        status,
        headers or {},
        body,
        message=_message(error, body),
        code=None if code is None else str(code),
        kind=None if kind is None else str(kind),
        param=error.get("param") if isinstance(error.get("param"), str) else None,
    )


def _error_object(raw: Any) -> Mapping[str, Any]:
    if isinstance(raw, list) and raw:
        raw = cast("list[Any]", raw)[0]
    if not isinstance(raw, dict):
        return {}
    fields = cast("dict[str, Any]", raw)
    error = fields.get("error") or fields
    return cast("dict[str, Any]", error) if isinstance(error, dict) else fields | {"message": error}


def _message(error: Mapping[str, Any], body: bytes) -> str:
    message = error.get("message") or error.get("detail")
    if not message:
        text = " ".join(body[:300].decode("utf-8", "replace").split())
        return f"the provider's error body says: {text}" if text else "the error has no body"
    metadata = error.get("metadata")
    # OpenRouter hides what its provider said behind "Provider returned error".
    raw = cast("dict[str, Any]", metadata).get("raw") if isinstance(metadata, dict) else None
    said = [part if isinstance(part, str) else encode(part).decode() for part in (message, raw)]
    return ": ".join(said if raw else said[:1])[:1000]


_IN_BAND = (
    ("ratelimit", 429),
    ("quota", 429),
    ("overloaded", 529),
    ("invalidrequest", 400),
    ("badrequest", 400),
    ("contextlength", 400),
    ("contentfilter", 400),
    ("authentication", 401),
    ("permission", 403),
    ("notfound", 404),
)


def _in_band_status(code: Any, kind: Any) -> int:
    if str(code).isdecimal() and 400 <= int(code) < 600:
        return int(code)
    words = f"{code} {kind}".lower().replace("_", "")
    return next((status for mark, status in _IN_BAND if mark in words), 500)


#: Most telling class first: the first that fits a fault without a status of its own.
_STATUS: tuple[tuple[type[Fault], int, str], ...] = (
    (ContextLengthError, 400, "invalid_request_error"),
    (ContentFilterError, 400, "invalid_request_error"),
    (BadRequestError, 400, "invalid_request_error"),
    (AuthenticationError, 401, "authentication_error"),
    (PermissionDeniedError, 403, "permission_error"),
    (NotFoundError, 404, "invalid_request_error"),
    (ConflictError, 409, "conflict_error"),
    (QuotaExceededError, 429, "insufficient_quota"),
    (RateLimitError, 429, "rate_limit_error"),
    (OverloadedError, 503, "server_error"),
    (CircuitOpenError, 503, "server_error"),
    (QueueFullError, 503, "server_error"),
    (TimeoutFault, 504, "timeout_error"),
    (ConnectionFault, 502, "connection_error"),
)


def status_of(fault: Fault) -> int:
    """The HTTP status a caller is told: the provider's own, or the one that fits."""
    if fault.status is not None and fault.status >= 400:
        return fault.status
    return next((status for made, status, _ in _STATUS if isinstance(fault, made)), 502)


def complaint(fault: Fault) -> dict[str, Any]:
    """The error body a caller of this dialect understands."""
    kind = next((kind for made, _, kind in _STATUS if isinstance(fault, made)), "server_error")
    return {
        "error": {
            "message": str(fault),
            "type": kind,
            "param": fault.param,
            "code": fault.code or fault.kind,
        }
    }
