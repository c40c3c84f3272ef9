"""Errors of the Messages API become the fault that fits, and faults its errors."""

from __future__ import annotations

import msgspec
import pytest
from anthropic_exchanges import error

from seawall.dialects.anthropic import FACE, WIRE
from seawall.errors import (
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
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    StreamCutError,
    TimeoutFault,
)
from seawall.ports import Head, Headers

#: Reference, "Errors" and "Rate limits"; the wordings are those the API is known to use.
FAULTS = [
    (400, "invalid_request_error", "messages: Field required", BadRequestError),
    (
        400,
        "invalid_request_error",
        "prompt is too long: 200251 tokens > 200000 maximum",
        ContextLengthError,
    ),
    (
        400,
        "invalid_request_error",
        "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease "
        "input length or `max_tokens` and try again",
        ContextLengthError,
    ),
    (
        400,
        "invalid_request_error",
        "max_tokens: 300000 > 128000, which is the maximum allowed number of output tokens for m",
        BadRequestError,
    ),
    (
        400,
        "invalid_request_error",
        "Output blocked by content filtering policy",
        ContentFilterError,
    ),
    (
        400,
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API.",
        QuotaExceededError,
    ),
    (401, "authentication_error", "invalid x-api-key", AuthenticationError),
    (402, "billing_error", "There is an issue with your billing.", QuotaExceededError),
    (403, "permission_error", "Your API key may not use this.", PermissionDeniedError),
    (404, "not_found_error", "model: claude-none", NotFoundError),
    (409, "conflict_error", "The resource has changed.", ConflictError),
    (413, "request_too_large", "Request exceeds the maximum size", BadRequestError),
    (429, "rate_limit_error", "This request would exceed your rate limit.", RateLimitError),
    (500, "api_error", "Internal server error", ProviderError),
    (504, "timeout_error", "The request timed out.", ProviderError),
    (529, "overloaded_error", "Overloaded", OverloadedError),
]
each = pytest.mark.parametrize(("status", "kind", "message", "made"), FAULTS)


@each
def test_a_status_and_its_body(status: int, kind: str, message: str, made: type[Fault]) -> None:
    fault = WIRE.fault(status, Headers([("request-id", "req_1")]), error(kind, message, "a_code"))
    assert type(fault) is made
    assert (fault.status, fault.code, fault.request_id) == (status, "a_code", "req_1")
    assert message in str(fault)


@each
def test_the_same_error_in_a_stream(
    status: int, kind: str, message: str, made: type[Fault]
) -> None:
    with pytest.raises(Fault) as caught:
        WIRE.reader().feed(error(kind, message))
    assert type(caught.value) is made
    assert caught.value.request_id == "req_011CSHoEeqs5C35K2UUqR7Fy"


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[1]", b'{"error":"no"}'])
def test_a_body_that_is_no_error_object(body: bytes) -> None:
    fault = WIRE.fault(502, Headers(), body)
    assert type(fault) is ProviderError
    assert str(fault)


def limited(**headers: str) -> Fault:
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return WIRE.fault(429, Headers(fields), error("rate_limit_error", "Slow down."))


def test_how_long_to_wait() -> None:
    assert limited(retry_after="7").after == 7
    open_again = limited(
        anthropic_ratelimit_requests_remaining="0",
        anthropic_ratelimit_requests_reset="2026-11-23T12:00:05Z",
        anthropic_ratelimit_input_tokens_remaining="0",
        anthropic_ratelimit_input_tokens_reset="2026-11-23T12:00:35Z",
        anthropic_ratelimit_output_tokens_remaining="900",
        anthropic_ratelimit_output_tokens_reset="2026-11-23T13:00:00Z",
    )
    assert (open_again.after, open_again.until) == (None, 1795435235.0)
    unsaid = limited(
        anthropic_ratelimit_requests_remaining="0", anthropic_ratelimit_requests_reset="soon"
    )
    assert (unsaid.after, unsaid.until) == (None, None)


def test_advice_not_to_retry_is_taken() -> None:
    fault = WIRE.fault(529, Headers([("x-should-retry", "false")]), error("overloaded_error", "x"))
    assert not fault.retry


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (BadRequestError("a"), 400, "invalid_request_error"),
        (ContextLengthError("a"), 400, "invalid_request_error"),
        (ContentFilterError("a"), 400, "invalid_request_error"),
        (AuthenticationError("a"), 401, "authentication_error"),
        (PermissionDeniedError("a"), 403, "permission_error"),
        (NotFoundError("a"), 404, "not_found_error"),
        (ConflictError("a"), 409, "conflict_error"),
        (QuotaExceededError("a"), 402, "billing_error"),
        (RateLimitError("a", status=429), 429, "rate_limit_error"),
        (OverloadedError("a", status=503), 503, "overloaded_error"),
        (OverloadedError("a"), 529, "overloaded_error"),
        (CircuitOpenError("a"), 529, "overloaded_error"),
        (TimeoutFault("total", 3), 504, "timeout_error"),
        (ConnectionFault("a"), 500, "api_error"),
        (StreamCutError("a"), 500, "api_error"),
    ],
)
def test_what_a_caller_is_told(fault: Fault, status: int, kind: str) -> None:
    told, headers, body = FACE.complain(fault)
    assert told == status
    assert headers["x-should-retry"] == "false"
    said = msgspec.json.decode(body)
    assert (said["type"], said["error"]["type"]) == ("error", kind)
    assert said["error"]["message"] == str(fault)


def test_a_fault_of_its_own_goes_on_as_it_came() -> None:
    fault = WIRE.fault(
        429, Headers([("retry-after", "3")]), error("rate_limit_error", "Slow down.", "ramp")
    )
    fault.dialect = "anthropic"
    _, headers, body = FACE.complain(fault)
    assert headers["retry-after"] == "3"
    assert headers["request-id"] == "req_011CSHoEeqs5C35K2UUqR7Fy"
    assert msgspec.json.decode(body)["error"]["details"] == {"error_code": "ramp"}


def test_a_fault_in_a_stream_is_the_last_word() -> None:
    written = FACE.writer(Head(model="m")).fault(OverloadedError("busy"))
    assert written.startswith(b"event: error\ndata: {")
    (frame,) = WIRE.framer().feed(written)
    with pytest.raises(OverloadedError, match="busy"):
        WIRE.reader().feed(frame)
