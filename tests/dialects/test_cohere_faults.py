"""Cohere's errors become the fault that fits, and faults its errors."""

from __future__ import annotations

import msgspec
import pytest
from cohere_exchanges import error

from seawall.dialects.cohere import FACE, WIRE
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
    QueueFullError,
    QuotaExceededError,
    RateLimitError,
    StreamCutError,
    TimeoutFault,
    UnsupportedError,
)
from seawall.ports import Head, Headers

TRIAL = "You are using a Trial key, which is limited to {}. You can continue to use it for free."
#: Reference, "Errors", and the OpenAPI description for 498, 501, 503 and 504.
FAULTS = [
    (400, "invalid request: all elements in history must have a message.", BadRequestError),
    (
        400,
        "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292.",
        ContextLengthError,
    ),
    (
        400,
        "too many tokens: max tokens must be less than or equal to 4096, the maximum output for "
        "this model - received 8192.",
        BadRequestError,
    ),
    (401, "invalid api token", AuthenticationError),
    (402, "Please add or update your payment method", QuotaExceededError),
    (403, "not allowed", PermissionDeniedError),
    (404, "model 'xyz' not found", NotFoundError),
    (422, "unprocessable", BadRequestError),
    (429, "Please wait and try again later", RateLimitError),
    (429, TRIAL.format("40 API calls / minute"), RateLimitError),
    (429, TRIAL.format("1000 API calls / month"), QuotaExceededError),
    (498, "blocked", ContentFilterError),
    (499, "request cancelled", ProviderError),
    (500, "internal server error", ProviderError),
    (501, "not implemented", BadRequestError),
    (503, "too busy", OverloadedError),
    (504, "timed out", ProviderError),
]


@pytest.mark.parametrize(("status", "message", "made"), FAULTS)
def test_an_error_is_the_fault_that_fits(status: int, message: str, made: type[Fault]) -> None:
    fault = WIRE.fault(status, Headers(), error(message))
    assert type(fault) is made
    assert (fault.message, fault.status, fault.request_id) == (message, status, "8e1c")
    assert fault.retry == (status in (429, 499, 500, 503, 504) and made is not QuotaExceededError)


def test_another_route_may_do_what_is_not_implemented_here() -> None:
    fault = WIRE.fault(501, Headers(), error("no"))
    assert (fault.retry, fault.reroute) == (False, "any")


def test_the_wait_and_the_id_stand_in_headers() -> None:
    headers = Headers([("retry-after", "3"), ("x-request-id", "r")])
    fault = WIRE.fault(429, headers, error("slow down"))
    assert (fault.after, fault.request_id) == (3, "r")


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"", "no body"), (b"<html>\nGateway</html>", "Gateway"), (b"[1]", "[1]"), (b"{}", "{}")],
)
def test_a_body_that_is_no_error_is_shown(body: bytes, says: str) -> None:
    assert says in WIRE.fault(502, Headers(), body).message


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (BadRequestError("no"), 400),
        (UnsupportedError("no"), 400),
        (ContextLengthError("no", status=413), 413),
        (AuthenticationError("no"), 401),
        (QuotaExceededError("no"), 402),
        (PermissionDeniedError("no"), 403),
        (NotFoundError("no"), 404),
        (ConflictError("no"), 409),
        (RateLimitError("no", after=2.5), 429),
        (ContentFilterError("no"), 498),
        (ProviderError("no"), 500),
        (ConnectionFault("no"), 500),
        (StreamCutError("no"), 500),
        (OverloadedError("no"), 503),
        (CircuitOpenError("no", after=1), 503),
        (QueueFullError("no"), 503),
        (TimeoutFault("total", 1), 504),
    ],
)
def test_a_fault_is_an_error_of_this_dialect(fault: Fault, status: int) -> None:
    fault.request_id = "r-9"
    told, headers, body = FACE.complain(fault)
    assert told == status
    assert msgspec.json.decode(body) == {"id": "r-9", "message": str(fault)}
    assert headers["x-should-retry"] == "false"
    assert ("retry-after" in headers) == (fault.after is not None)


def test_a_fault_in_a_stream_is_its_end() -> None:
    for fault, reason in ((OverloadedError("no"), "ERROR"), (TimeoutFault("idle", 1), "TIMEOUT")):
        body = FACE.writer(Head(model="m", stream=True)).fault(fault)
        start, end = WIRE.framer().feed(body)
        assert msgspec.json.decode(start)["type"] == "message-start"
        assert msgspec.json.decode(end)["delta"] == {"error": str(fault), "finish_reason": reason}
        with pytest.raises(ProviderError, match=str(fault.message).partition("(")[0]):
            WIRE.reader().feed(end)
