"""From an HTTP status, its headers and the provider's words to a fault, for every dialect."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from ..errors import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ContentFilterError,
    ContextLengthError,
    Fault,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
)

__all__ = ["fault_for", "retry_after"]

_CONTEXT = re.compile(
    r"context.?(length|window|size)|maximum.{0,20}tokens|too many (input )?tokens"
    r"|(prompt|input) is too long|reduce the length of the messages",
    re.IGNORECASE,
)
_FILTER = re.compile(
    r"content.?(filter|policy|management)|responsible.?ai|safety system", re.IGNORECASE
)
_QUOTA = re.compile(
    r"insufficient_?(quota|balance|credit)|billing_hard_limit|exceeded your current quota"
    r"|credit balance is too low",
    re.IGNORECASE,
)
_NEVER = frozenset({400, 401, 403, 404, 422})
_BY_STATUS: dict[int, type[Fault]] = {
    401: AuthenticationError,
    402: QuotaExceededError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: ProviderError,
    409: ConflictError,
    425: ProviderError,
    429: RateLimitError,
    503: OverloadedError,
    529: OverloadedError,
}


def fault_for(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    message: str,
    code: str | None = None,
    kind: str | None = None,
    param: str | None = None,
) -> Fault:
    """The fault for a reply that is no success. ``code`` and ``kind`` are the provider's own
    words for the error (OpenAI's ``code`` and ``type``)."""
    made = _class(status, f"{code or ''} {kind or ''}", message)
    after, until = retry_after(headers)
    fault = made(
        message,
        status=status,
        after=after,
        code=code,
        param=param,
        request_id=headers.get("x-request-id") or headers.get("request-id"),
        headers=headers,
        body=body,
    )
    fault.until = until
    if 300 <= status < 400:
        fault.retry = False
        fault.message = f"redirected to {headers.get('location', 'nowhere')}; correct base_url"
    advice = headers.get("x-should-retry")
    if advice == "false":
        fault.retry = False
    elif advice == "true" and status not in _NEVER:
        fault.retry = True
    return fault


def _class(status: int, words: str, message: str) -> type[Fault]:
    if status in (400, 413, 422):
        if _CONTEXT.search(words) or _CONTEXT.search(message):
            return ContextLengthError
        if _FILTER.search(words) or _FILTER.search(message):
            return ContentFilterError
    if status == 403 and _FILTER.search(words):
        return ContentFilterError
    if status == 429 and (_QUOTA.search(words) or _QUOTA.search(message)):
        return QuotaExceededError
    if 400 <= status < 500:
        return _BY_STATUS.get(status, BadRequestError)
    return _BY_STATUS.get(status, ProviderError)


def retry_after(headers: Mapping[str, str]) -> tuple[float | None, float | None]:
    """What the provider asked for: seconds to wait, or the epoch second to wait until.

    ``retry-after-ms`` (OpenAI, Azure) goes before ``retry-after`` (RFC 9110, 10.2.3: seconds or
    an HTTP date; providers send fractions too). A date is measured against the reply's own
    ``date`` header when there is one, so that a skewed clock does no harm.
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = _number(headers.get(name))
        if value is not None:
            return max(0.0, value * scale), None
    at = _date(headers.get("retry-after"))
    if at is None:
        return None, None
    now = _date(headers.get("date"))
    return (None, at) if now is None else (max(0.0, at - now), None)


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and value == value and abs(value) < 1e12 else None


def _date(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
