"""Error bodies, both ways: ``{"error": {"code", "message", "status", "details": [...]}}``.

The details are those of ``google.rpc``: ``RetryInfo`` says how long to wait, ``QuotaFailure``
which limit was met, ``ErrorInfo`` the reason in one word. A stream asked for without ``alt=sse``,
and some errors of one, come in an array. Sources: the API's pages "Troubleshooting" and "Rate
limits", google/rpc/error_details.proto and code.proto, and reports of what 429 bodies hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from ...errors import (
    AuthenticationError,
    BadRequestError,
    CircuitOpenError,
    ConflictError,
    ContentFilterError,
    ContextLengthError,
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

__all__ = ["complaint", "error_in", "fault_from", "status_of"]

#: The HTTP status of each name (google/rpc/code.proto).
_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
#: What a reason says better than its status; the last ones are what we write ourselves.
_REASONS: Mapping[str, type[Fault]] = {
    "API_KEY_INVALID": AuthenticationError,
    "API_KEY_EXPIRED": AuthenticationError,
    "QUOTA_EXCEEDED": QuotaExceededError,
    "BILLING_DISABLED": QuotaExceededError,
    "CONTEXT_LENGTH": ContextLengthError,
    "CONTENT_FILTER": ContentFilterError,
}
#: The first that fits a fault, most telling class first.
_NAMES: tuple[tuple[type[Fault], str], ...] = (
    (BadRequestError, "INVALID_ARGUMENT"),
    (ContentFilterError, "INVALID_ARGUMENT"),
    (AuthenticationError, "UNAUTHENTICATED"),
    (PermissionDeniedError, "PERMISSION_DENIED"),
    (NotFoundError, "NOT_FOUND"),
    (ConflictError, "ABORTED"),
    (RateLimitError, "RESOURCE_EXHAUSTED"),
    (OverloadedError, "UNAVAILABLE"),
    (CircuitOpenError, "UNAVAILABLE"),
    (QueueFullError, "UNAVAILABLE"),
    (TimeoutFault, "DEADLINE_EXCEEDED"),
)
_TYPE = "type.googleapis.com/google.rpc."
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d+)?)s")
_DAILY = re.compile(r"per.?day", re.IGNORECASE)
_MINUTE = re.compile(r"per.?(minute|second)", re.IGNORECASE)
#: Credit that is used up, whatever the clock says.
_PAID = re.compile(r"spend(ing|ing cap| cap)|prepa(id|yment)|credits? (is|are) depleted|limit: 0\b")


def error_in(raw: Any) -> Mapping[str, Any] | None:
    """The body of an error, alone or in an array; ``None`` for what is none."""
    for one in cast("list[Any]", raw) if isinstance(raw, list) else (raw,):
        if isinstance(one, dict) and cast("dict[str, Any]", one).get("error"):
            return cast("dict[str, Any]", one)
    return None


def fault_from(
    raw: Any, body: bytes, status: int | None = None, headers: Mapping[str, str] | None = None
) -> Fault:
    """The fault an error body amounts to. Without ``status`` it came in band, and the error's
    own ``code`` stands in for one."""
    found = (error_in(raw) or {}).get("error")
    error = cast("dict[str, Any]", found) if isinstance(found, dict) else {"message": found}
    name, details = str(error.get("status") or ""), list(_details(error))
    if status is None:
        status = _in_band(error.get("code"), name)
    reason = next((str(one["reason"]) for one in details if one.get("reason")), None)
    message = _message(error, body)
    fault = fault_for(
        status,
        headers or {},
        body,
        message=message,
        code=reason or name or None,
        made=_class(status, name, reason, message, details),
    )
    if fault.after is None and fault.until is None and not isinstance(fault, QuotaExceededError):
        fault.after = _delay(details)
    return fault


def _details(error: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    details = error.get("details")
    for one in cast("list[Any]", details) if isinstance(details, list) else ():
        if isinstance(one, dict):
            yield cast("dict[str, Any]", one)


def _in_band(code: Any, name: str) -> int:
    if isinstance(code, int) and 400 <= code < 600:
        return code
    return _STATUS.get(name, 500)


def _message(error: Mapping[str, Any], body: bytes) -> str:
    message = error.get("message")
    if isinstance(message, str) and message:
        return message[:1000]
    text = " ".join(body[:300].decode("utf-8", "replace").split())
    return f"the provider's error body says: {text}" if text else "the error has no body"


def _class(
    status: int, name: str, reason: str | None, message: str, details: list[dict[str, Any]]
) -> type[Fault] | None:
    """The class where this API says it better than a status or common words do."""
    if reason is not None and reason in _REASONS:
        return _REASONS[reason]
    if status == 429:
        return _limit(message, details)
    if status == 499:
        return ProviderError
    # The free tier is not served in this country, billing is not set up: another route helps.
    return PermissionDeniedError if status == 400 and name == "FAILED_PRECONDITION" else None


def _limit(message: str, details: list[dict[str, Any]]) -> type[Fault]:
    """Every 429 says "quota". A limit by the minute is over soon, one by the day is not, and
    one of nothing never."""
    violations = [
        cast("dict[str, Any]", one)
        for detail in details
        if isinstance(detail.get("violations"), list)
        for one in cast("list[Any]", detail["violations"])
        if isinstance(one, dict)
    ]
    named = " ".join(f"{one.get('quotaId', '')} {one.get('quotaMetric', '')}" for one in violations)
    nothing = any(str(one.get("quotaValue")) == "0" for one in violations)
    if nothing or _DAILY.search(f"{named} {message}") or _PAID.search(message):
        return QuotaExceededError
    if _MINUTE.search(f"{named} {message}") or _delay(details) is not None:
        return RateLimitError
    return QuotaExceededError if "exceeded your current quota" in message else RateLimitError


def _delay(details: list[dict[str, Any]]) -> float | None:
    """The seconds of ``RetryInfo``, a duration as ``"34.07s"``."""
    for detail in details:
        found = _SECONDS.fullmatch(str(detail.get("retryDelay", "")))
        if found is not None:
            return float(found[1])
    return None


def status_of(fault: Fault) -> int:
    """The HTTP status a caller is told: the provider's own, or the one that fits."""
    if fault.status is not None and fault.status >= 400:
        return fault.status
    return _STATUS[_name_of(fault)]


def _name_of(fault: Fault) -> str:
    return next((name for made, name in _NAMES if isinstance(fault, made)), "INTERNAL")


def complaint(fault: Fault) -> dict[str, Any]:
    """The error body a caller of this dialect understands."""
    reason = next((word for word, made in _REASONS.items() if type(fault) is made), None)
    details: list[dict[str, Any]] = []
    if reason is not None:
        details.append({"@type": f"{_TYPE}ErrorInfo", "reason": reason, "domain": "seawall"})
    if fault.after is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{fault.after:g}s"})
    error = {"code": status_of(fault), "message": str(fault), "status": _name_of(fault)}
    return {"error": error | ({"details": details} if details else {})}
