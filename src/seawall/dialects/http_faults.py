"""From an HTTP status, its headers and the provider's words to a fault, for every dialect."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime

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
from ..ports import Headers

__all__ = ["error_headers", "fault_for", "retry_after"]

# The wordings of OpenAI, Azure, vLLM, SGLang, TGI, llama.cpp, Groq, Mistral, DeepSeek, xAI,
# Anthropic and Gemini. A cap on the *output* is another matter, although it is a maximum too.
_CONTEXT = re.compile(
    r"context.?(length|window|size|limit)|maximum ((?!output|completion)\S+ ){0,3}tokens"
    r"|maximum (model|prompt|input) length|too many (input )?tokens|(prompt|input) is too long"
    r"|tokens.{0,5}\+.{0,5}max_new_tokens|reduce the length of the messages",
    re.IGNORECASE,
)
_FILTER = re.compile(
    r"content.?(filter|policy|management)|responsible.?ai|safety system|violating our usage policy"
    r"|requires moderation|input was flagged|content exists risk",
    re.IGNORECASE,
)
# The last one: a request larger than a minute's whole allowance, which no wait makes smaller.
_QUOTA = re.compile(
    r"insufficient_?(quota|balance|credit)|billing_hard_limit|exceeded your current quota"
    r"|credit balance is too low|request too large for",
    re.IGNORECASE,
)
# Google and xAI answer 400 to a key they do not know.
_KEY = re.compile(r"api key not valid|incorrect api key", re.IGNORECASE)
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
    made: type[Fault] | None = None,
) -> Fault:
    """The fault for a reply that is no success. ``code`` and ``kind`` are the provider's own
    words for the error (OpenAI's ``code`` and ``type``). ``made``: its class, if the dialect
    knows it."""
    if 300 <= status < 400:
        message = f"redirected to {headers.get('location', 'nowhere')}; correct base_url"
    made = made or _class(status, f"{code or ''} {kind or ''} {message}")
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
    advice = headers.get("x-should-retry", "").lower()
    if advice == "false":
        fault.retry = False
    elif advice == "true" and _may_retry(fault, status):
        fault.retry = True
    return fault


def _may_retry(fault: Fault, status: int) -> bool:
    hopeless = isinstance(fault, (ContextLengthError, ContentFilterError))
    return not hopeless and status >= 400 and status not in _NEVER


def _class(status: int, words: str) -> type[Fault]:
    if status in (400, 413, 429) and _QUOTA.search(words):
        return QuotaExceededError
    if status in (400, 413, 422):
        if _CONTEXT.search(words):
            return ContextLengthError
        if _KEY.search(words):
            return AuthenticationError
    if status in (400, 403, 413, 422) and _FILTER.search(words):
        return ContentFilterError
    if 400 <= status < 500:
        return _BY_STATUS.get(status, BadRequestError)
    return _BY_STATUS.get(status, ProviderError)


#: About thirty years: longer than any deadline, and still a number every header can carry.
_FOREVER = 1e9


def retry_after(headers: Mapping[str, str]) -> tuple[float | None, float | None]:
    """What the provider asked for: seconds to wait, or the epoch second to wait until.

    ``retry-after-ms`` (OpenAI, Azure) goes before ``retry-after`` (RFC 9110, 10.2.3: seconds or
    an HTTP date; providers send fractions too). A date is measured against the reply's own
    ``date`` header when there is one, so that a skewed clock does no harm. What is neither, or
    negative, says nothing.
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = _number(headers.get(name))
        if value is not None:
            return min(value * scale, _FOREVER), None
    at = _date(headers.get("retry-after"))
    if at is None:
        return None, None
    now = _date(headers.get("date"))
    return (None, at) if now is None else (max(0.0, at - now), None)


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _date(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        at = parsedate_to_datetime(text)
        # HTTP dates are in GMT, also in the form that does not say so (RFC 9110, 5.6.7).
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def error_headers(fault: Fault, id_name: str = "") -> Headers:
    """What goes with the body that tells a caller of ``fault``: that it was tried enough, and how
    long to wait. ``id_name``: the header in which the dialect names the provider's request."""
    headers = [("content-type", "application/json"), ("x-should-retry", "false")]
    headers += _waiting(fault)
    if id_name and fault.request_id is not None:
        headers.append((id_name, fault.request_id))
    return Headers(headers)


def _waiting(fault: Fault) -> list[tuple[str, str]]:
    """Whole seconds as RFC 9110 wants them, rounded up, and the milliseconds the official SDKs
    prefer. A date is passed on as one."""
    if fault.after is not None:
        return [
            ("retry-after", str(math.ceil(fault.after))),
            ("retry-after-ms", str(math.ceil(fault.after * 1000))),
        ]
    return [] if fault.until is None else [("retry-after", formatdate(fault.until, usegmt=True))]
