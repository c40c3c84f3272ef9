"""Error bodies, both ways: ``{"type": "error", "error": {"type", "message"}, "request_id"}``.

Sources: the API reference's page "Errors" for types and statuses, "Rate limits" for the headers,
and the types of the anthropic package for ``error.details.error_code``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from ...errors import (
    AuthenticationError,
    BadRequestError,
    CircuitOpenError,
    ConflictError,
    ContentFilterError,
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
from .words import DIALECT

__all__ = ["complaint", "fault_from", "status_of"]

#: The status that belongs to an error which came in band, without one.
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
#: The first that fits a fault, most telling class first.
_TYPES: tuple[tuple[type[Fault], str], ...] = (
    (BadRequestError, "invalid_request_error"),
    (ContentFilterError, "invalid_request_error"),
    (AuthenticationError, "authentication_error"),
    (PermissionDeniedError, "permission_error"),
    (NotFoundError, "not_found_error"),
    (ConflictError, "conflict_error"),
    (QuotaExceededError, "billing_error"),
    (RateLimitError, "rate_limit_error"),
    (OverloadedError, "overloaded_error"),
    (CircuitOpenError, "overloaded_error"),
    (QueueFullError, "overloaded_error"),
    (TimeoutFault, "timeout_error"),
)


def fault_from(
    raw: Any, body: bytes, status: int | None = None, headers: Mapping[str, str] | None = None
) -> Fault:
    """The fault an error body amounts to. Without ``status`` it came in band."""
    fields = cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}
    error = fields.get("error")
    error = cast("dict[str, Any]", error) if isinstance(error, dict) else fields
    kind = error.get("type")
    if status is None:
        status = _STATUS.get(str(kind), 500)
    details = error.get("details")
    code = cast("dict[str, Any]", details).get("error_code") if isinstance(details, dict) else None
    headers = headers or {}
    fault = fault_for(
        status,
        headers,
        body,
        message=_message(error, body),
        code=code if isinstance(code, str) else None,
        kind=kind if isinstance(kind, str) else None,
    )
    if fault.request_id is None and isinstance(fields.get("request_id"), str):
        fault.request_id = fields["request_id"]
    if status == 429 and fault.after is None and fault.until is None:
        fault.until = _refilled(headers)
    return fault


def _message(error: Mapping[str, Any], body: bytes) -> str:
    message = error.get("message")
    if isinstance(message, str) and message:
        return message[:1000]
    text = " ".join(body[:300].decode("utf-8", "replace").split())
    return f"the provider's error body says: {text}" if text else "the error has no body"


def _refilled(headers: Mapping[str, str]) -> float | None:
    """The epoch second at which the limits that were used up are open again: an RFC 3339 time in
    ``anthropic-ratelimit-<what>-reset`` beside a ``-remaining`` of 0."""
    times: list[float] = []
    for what in ("requests", "tokens", "input-tokens", "output-tokens"):
        if headers.get(f"anthropic-ratelimit-{what}-remaining", "").strip() != "0":
            continue
        try:
            reset = datetime.fromisoformat(headers.get(f"anthropic-ratelimit-{what}-reset", ""))
            times.append(reset.timestamp())
        except ValueError:
            continue
    return max(times, default=None)


def status_of(fault: Fault) -> int:
    """The HTTP status a caller is told: the provider's own, or the one that fits."""
    if fault.status is not None and fault.status >= 400:
        return fault.status
    return _STATUS[_type_of(fault)]


def _type_of(fault: Fault) -> str:
    return next((kind for made, kind in _TYPES if isinstance(fault, made)), "api_error")


def complaint(fault: Fault) -> dict[str, Any]:
    """The error body a caller of this dialect understands."""
    error: dict[str, Any] = {"type": _type_of(fault), "message": str(fault)}
    if fault.dialect == DIALECT and fault.code is not None:
        error["details"] = {"error_code": fault.code}
    return {"type": "error", "error": error, "request_id": fault.request_id}
