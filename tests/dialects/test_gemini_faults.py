"""Errors of the API, whole, in band and bare, and those that callers of the dialect are told."""

from __future__ import annotations

import msgspec
import pytest
from gemini_exchanges import EXCEEDED, STREAM, error, quota, reason, retry

from seawall.dialects.gemini import FACE, WIRE
from seawall.errors import (
    AuthenticationError,
    BadRequestError,
    CircuitOpenError,
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
    TimeoutFault,
)

EXHAUSTED = "RESOURCE_EXHAUSTED"
DAILY = quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", quotaValue="20")
MINUTE = quota("GenerateContentInputTokensPerModelPerMinute-FreeTier", quotaValue="250000")
NOTHING = quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", quotaValue="0")


def exact(fault: Fault, made: type[Fault]) -> bool:
    return type(fault) is made


@pytest.mark.parametrize(
    ("body", "made", "after"),
    [
        (error(429, EXCEEDED, EXHAUSTED, MINUTE, retry("34.074824224s")), RateLimitError, 34.07),
        (error(429, EXCEEDED, EXHAUSTED, MINUTE), RateLimitError, None),
        # A wait is named here too, but a day's allowance is not back in half a minute.
        (error(429, EXCEEDED, EXHAUSTED, DAILY, retry("41s")), QuotaExceededError, None),
        (error(429, EXCEEDED, EXHAUSTED, MINUTE, DAILY, retry("9s")), QuotaExceededError, None),
        (error(429, EXCEEDED, EXHAUSTED, NOTHING, retry("2s")), QuotaExceededError, None),
        (error(429, EXCEEDED, EXHAUSTED, retry("2s")), RateLimitError, 2),
        (error(429, EXCEEDED, EXHAUSTED), QuotaExceededError, None),
        (
            error(429, "Resource has been exhausted (e.g. check quota).", EXHAUSTED),
            RateLimitError,
            None,
        ),
        (
            error(429, "Your project has exceeded its monthly spending cap.", EXHAUSTED),
            QuotaExceededError,
            None,
        ),
    ],
    ids=["minute", "no delay", "day", "both", "limit of 0", "delay", "bare", "short", "cap"],
)
def test_which_limit_was_met(body: bytes, made: type[Fault], after: float | None) -> None:
    fault = WIRE.fault(429, {}, body)
    assert exact(fault, made)
    assert fault.after == (None if after is None else pytest.approx(after, abs=0.01))
    assert fault.retry == (made is RateLimitError)
    assert fault.reroute == "any"


def test_a_header_goes_before_the_body() -> None:
    body = error(503, "The model is overloaded.", "UNAVAILABLE", retry("34s"))
    assert WIRE.fault(503, {"retry-after": "3"}, body).after == 3
    assert WIRE.fault(503, {}, body).after == 34


@pytest.mark.parametrize(
    ("status", "name", "message", "details", "made"),
    [
        (
            400,
            "INVALID_ARGUMENT",
            "API key not valid. Please pass a valid API key.",
            [reason("API_KEY_INVALID")],
            AuthenticationError,
        ),
        (
            400,
            "INVALID_ARGUMENT",
            "API key expired. Please renew the API key.",
            [reason("API_KEY_INVALID")],
            AuthenticationError,
        ),
        (
            401,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials.",
            [],
            AuthenticationError,
        ),
        (
            400,
            "INVALID_ARGUMENT",
            "The input token count (1048577) exceeds the maximum number of tokens allowed.",
            [],
            ContextLengthError,
        ),
        (
            400,
            "INVALID_ARGUMENT",
            "Function call is missing a thought_signature",
            [],
            BadRequestError,
        ),
        (
            400,
            "FAILED_PRECONDITION",
            "User location is not supported for the API use.",
            [],
            PermissionDeniedError,
        ),
        (
            403,
            "PERMISSION_DENIED",
            "Your API key was reported as leaked.",
            [],
            PermissionDeniedError,
        ),
        (404, "NOT_FOUND", "models/x is not found for API version v1beta", [], NotFoundError),
        (499, "CANCELLED", "The operation was cancelled.", [], ProviderError),
        (500, "INTERNAL", "An internal error has occurred.", [], ProviderError),
        (
            503,
            "UNAVAILABLE",
            "The model is overloaded. Please try again later.",
            [],
            OverloadedError,
        ),
        (
            504,
            "DEADLINE_EXCEEDED",
            "Deadline expired before operation could complete.",
            [],
            ProviderError,
        ),
    ],
)
def test_each_error_is_the_fault_it_means(
    status: int, name: str, message: str, details: list[dict[str, str]], made: type[Fault]
) -> None:
    body = error(status, message, name, *details)
    whole = WIRE.fault(status, {"x-request-id": "r"}, body)
    assert exact(whole, made)
    assert (whole.status, whole.message, whole.request_id) == (status, message, "r")
    assert whole.body == body
    for said in (body, b"[" + body + b"]"):
        assert exact(WIRE.fault(status, {}, said), made)
        for attempt in (WIRE.decode, WIRE.reader().feed):
            with pytest.raises(made) as caught:
                attempt(said)
            assert caught.value.status == status


def test_an_error_may_have_no_code_and_a_body_no_error() -> None:
    with pytest.raises(OverloadedError):
        WIRE.reader().feed(b'{"error":{"status":"UNAVAILABLE"}}')
    fault = WIRE.fault(502, {}, b"<html>Bad gateway</html>")
    assert exact(fault, ProviderError)
    assert "Bad gateway" in fault.message
    assert WIRE.fault(500, {}, b"").message == "the error has no body"


@pytest.mark.parametrize("opening", [b"", b"["])
@pytest.mark.parametrize("before", [b"", STREAM[: STREAM.index(b"\r\n\r\n") + 4]])
def test_an_error_among_events_may_be_bare_json(before: bytes, opening: bytes) -> None:
    """The official client reads such lines, so the service writes them."""
    pretty = msgspec.json.format(error(503, "overloaded", "UNAVAILABLE"), indent=2)
    body = before + opening + pretty + (b"\n]" if opening else b"")
    for step in (1, 7, len(body)):
        framer, reader = WIRE.framer(), WIRE.reader()
        frames = [
            frame for at in range(0, len(body), step) for frame in framer.feed(body[at : at + step])
        ]
        assert len([event for frame in frames for event in reader.feed(frame)]) == 2 * bool(before)
        (last,) = framer.end()
        with pytest.raises(OverloadedError):
            reader.feed(last)


@pytest.mark.parametrize(
    ("fault", "status", "name"),
    [
        (BadRequestError("x"), 400, "INVALID_ARGUMENT"),
        (ContextLengthError("x"), 400, "INVALID_ARGUMENT"),
        (ContentFilterError("x"), 400, "INVALID_ARGUMENT"),
        (AuthenticationError("x"), 401, "UNAUTHENTICATED"),
        (PermissionDeniedError("x"), 403, "PERMISSION_DENIED"),
        (NotFoundError("x"), 404, "NOT_FOUND"),
        (RateLimitError("x", after=2.5), 429, "RESOURCE_EXHAUSTED"),
        (QuotaExceededError("x"), 429, "RESOURCE_EXHAUSTED"),
        (OverloadedError("x"), 503, "UNAVAILABLE"),
        (CircuitOpenError("x", after=9), 503, "UNAVAILABLE"),
        (TimeoutFault("total", 1), 504, "DEADLINE_EXCEEDED"),
        (ConnectionFault("x"), 500, "INTERNAL"),
        (ProviderError("x", status=502), 502, "INTERNAL"),
    ],
)
def test_callers_are_told_in_their_own_words(fault: Fault, status: int, name: str) -> None:
    told, headers, body = FACE.complain(fault)
    said = msgspec.json.decode(body)["error"]
    assert (told, said["code"], said["status"]) == (status, status, name)
    assert headers["x-should-retry"] == "false"
    again = WIRE.fault(told, headers, body)
    assert isinstance(again, (type(fault), ProviderError))
    assert again.after == fault.after
    band = FACE.writer(FACE.peek("/models/m:streamGenerateContent", {}, b"{}")).fault(fault)
    assert band.startswith(b'data: {"error":')
    with pytest.raises(type(again)) as caught:
        WIRE.reader().feed(band[6:-2])
    assert caught.value.after == fault.after
