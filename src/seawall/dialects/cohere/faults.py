"""Errors, both ways: ``{"id", "message"}`` with a status, and the end of an answer that failed.

Sources: the reference's page "Errors" for statuses and messages, and the API's OpenAPI description
for those the page leaves out (498: a deny-listed word; 499: cancelled; 501, 503, 504).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    ProviderError,
    QueueFullError,
    QuotaExceededError,
    RateLimitError,
    TimeoutFault,
)
from ..http_faults import fault_for

__all__ = ["complaint", "end_of", "fault_from", "fault_of_end", "status_of"]

#: The first that fits a fault, most telling class first.
_STATUS: tuple[tuple[type[Fault], int], ...] = (
    (BadRequestError, 400),
    (AuthenticationError, 401),
    (QuotaExceededError, 402),
    (PermissionDeniedError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (RateLimitError, 429),
    (ContentFilterError, 498),
    (OverloadedError, 503),
    (CircuitOpenError, 503),
    (QueueFullError, 503),
    (TimeoutFault, 504),
)
_MADE: Mapping[int, type[Fault]] = {
    498: ContentFilterError,
    499: ProviderError,
    501: BadRequestError,
}
#: Trial keys have an allowance a month besides that of a minute (guide to rate limits).
_MONTHLY = re.compile(r"calls / month", re.IGNORECASE)
#: ``max_tokens`` beyond what a model writes is no question too long for it, though worded alike.
_OUTPUT_CAP = re.compile(r"maximum output for this model", re.IGNORECASE)
_FAILED = {"ERROR": 500, "TIMEOUT": 504}


def fault_from(
    raw: Any, body: bytes, status: int, headers: Mapping[str, str] | None = None
) -> Fault:
    """The fault an error body amounts to."""
    fields = cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}
    message = _message(fields, body)
    fault = fault_for(status, headers or {}, body, message=message, made=_class(status, message))
    if status == 501:
        fault.reroute = "any"
    if fault.request_id is None and isinstance(fields.get("id"), str):
        fault.request_id = fields["id"]
    return fault


def _class(status: int, message: str) -> type[Fault] | None:
    if status == 429 and _MONTHLY.search(message):
        return QuotaExceededError
    if status == 400 and _OUTPUT_CAP.search(message):
        return BadRequestError
    return _MADE.get(status)


def _message(fields: Mapping[str, Any], body: bytes) -> str:
    message = fields.get("message")
    if isinstance(message, str) and message:
        return message[:1000]
    text = " ".join(body[:300].decode("utf-8", "replace").split())
    return f"the provider's error body says: {text}" if text else "the error has no body"


def fault_of_end(end: Mapping[str, Any], body: bytes) -> Fault | None:
    """What an answer, or the end of a stream, says of a generation that failed."""
    said, reason = end.get("error"), end.get("finish_reason")
    if not said and reason not in _FAILED:
        return None
    message = said if isinstance(said, str) and said else f"the generation ended with {reason}"
    return fault_from({"message": message}, body, _FAILED.get(str(reason), 500))


def status_of(fault: Fault) -> int:
    """The HTTP status a caller is told: the provider's own, or the one that fits."""
    if fault.status is not None and fault.status >= 400:
        return fault.status
    return next((status for made, status in _STATUS if isinstance(fault, made)), 500)


def complaint(fault: Fault) -> dict[str, Any]:
    """The error body a caller of this dialect understands."""
    told = {} if fault.request_id is None else {"id": fault.request_id}
    return told | {"message": str(fault)}


def end_of(fault: Fault) -> dict[str, Any]:
    """The end of a stream that failed."""
    reason = "TIMEOUT" if isinstance(fault, TimeoutFault) else "ERROR"
    return {"error": str(fault), "finish_reason": reason}
