"""From a status, headers and a body to a fault, and from a fault to what a caller is told."""

from __future__ import annotations

import time
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_chat_strategies import LAW, json_values

from seawall.dialects.http_faults import retry_after
from seawall.dialects.openai_chat import FACE, WIRE
from seawall.errors import (
    AuthenticationError,
    BadRequestError,
    CircuitOpenError,
    ConflictError,
    ConnectionFault,
    ContentFilterError,
    ContextLengthError,
    Fault,
    MalformedReplyError,
    NotFoundError,
    OutputError,
    OverloadedError,
    PermissionDeniedError,
    ProviderError,
    QueueFullError,
    QuotaExceededError,
    RateLimitError,
    StreamCutError,
    TimeoutFault,
)
from seawall.ports import Headers

PLAIN = {"error": {"message": "it failed", "type": "some_error", "param": None, "code": None}}


def fault(status: int, body: Any = PLAIN, **headers: str) -> Fault:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return WIRE.fault(status, Headers(pairs), content)


# Status


@pytest.mark.parametrize(
    ("status", "made", "retry", "reroute", "blames"),
    [
        (400, BadRequestError, False, "none", "caller"),
        (401, AuthenticationError, False, "any", "caller"),
        (402, QuotaExceededError, False, "any", "limit"),
        (403, PermissionDeniedError, False, "any", "caller"),
        (404, NotFoundError, False, "any", "caller"),
        (405, BadRequestError, False, "none", "caller"),
        (408, ProviderError, True, "any", "provider"),
        (409, ConflictError, True, "any", "caller"),
        (413, BadRequestError, False, "none", "caller"),
        (418, BadRequestError, False, "none", "caller"),
        (422, BadRequestError, False, "none", "caller"),
        (425, ProviderError, True, "any", "provider"),
        (429, RateLimitError, True, "any", "limit"),
        (500, ProviderError, True, "any", "provider"),
        (501, ProviderError, True, "any", "provider"),
        (502, ProviderError, True, "any", "provider"),
        (503, OverloadedError, True, "any", "provider"),
        (504, ProviderError, True, "any", "provider"),
        (529, OverloadedError, True, "any", "provider"),
        (599, ProviderError, True, "any", "provider"),
        (302, ProviderError, False, "any", "provider"),
        (100, ProviderError, True, "any", "provider"),
    ],
)
def test_each_status_has_its_fault(
    status: int, made: type[Fault], retry: bool, reroute: str, blames: str
) -> None:
    got = fault(status)
    assert type(got) is made
    assert (got.status, got.retry, got.reroute, got.blames) == (status, retry, reroute, blames)


def test_a_redirect_says_where_to() -> None:
    got = fault(308, b"", location="https://other.test/v1")
    assert (
        got.message == str(got.args[0]) == ("redirected to https://other.test/v1; correct base_url")
    )
    assert not fault(301, PLAIN, x_should_retry="true").retry


# x-should-retry

NEVER = (400, 401, 403, 404, 422)


@pytest.mark.parametrize("status", [*NEVER, 402, 408, 409, 413, 418, 425, 429, 500, 503, 529])
def test_advice_to_retry_is_taken_but_never_against_reason(status: int) -> None:
    assert fault(status, x_should_retry="true").retry is (status not in NEVER)
    assert fault(status, x_should_retry="True").retry is (status not in NEVER)
    assert not fault(status, x_should_retry="false").retry
    assert fault(status, x_should_retry="perhaps").retry is fault(status).retry


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize("code", ["context_length_exceeded", "content_filter"])
def test_what_cannot_fit_or_is_filtered_is_never_retried(status: int, code: str) -> None:
    got = fault(status, {"error": {"message": "no", "code": code}}, x_should_retry="true")
    assert isinstance(got, (ContextLengthError, ContentFilterError))
    assert not got.retry


# Retry-After

SENT = "Wed, 21 Oct 2026 07:28:00 GMT"
LATER = "Wed, 21 Oct 2026 07:29:30 GMT"
EPOCH = parsedate_to_datetime(LATER).timestamp()


@pytest.mark.parametrize(
    ("headers", "after", "until"),
    [
        ({}, None, None),
        # seconds
        ({"retry-after": "7"}, 7.0, None),
        ({"retry-after": "0"}, 0.0, None),
        ({"retry-after": "1.5"}, 1.5, None),
        ({"retry-after": " 7 "}, 7.0, None),
        ({"retry-after": "86400"}, 86400.0, None),
        ({"retry-after": "9" * 30}, 1e9, None),
        ({"retry-after": "1e300"}, 1e9, None),
        # milliseconds go first
        ({"retry-after-ms": "250"}, 0.25, None),
        ({"retry-after-ms": "0.5", "retry-after": "9"}, 0.0005, None),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0, None),
        ({"retry-after-ms": "nan", "retry-after": "9"}, 9.0, None),
        ({"retry-after-ms": "-1", "retry-after": LATER}, None, EPOCH),
        ({"retry-after-ms": "9" * 30}, 1e9, None),
        # dates, in the three forms of RFC 9110
        ({"retry-after": LATER}, None, EPOCH),
        ({"retry-after": "Wednesday, 21-Oct-26 07:29:30 GMT"}, None, EPOCH),
        ({"retry-after": "Wed Oct 21 07:29:30 2026"}, None, EPOCH),
        ({"retry-after": LATER, "date": SENT}, 90.0, None),
        ({"retry-after": SENT, "date": LATER}, 0.0, None),
        ({"retry-after": LATER, "date": "yesterday"}, None, EPOCH),
        ({"retry-after": "Wed, 21 Oct 2026 09:29:30 +0200"}, None, EPOCH),
        # nothing that says anything
        ({"retry-after": ""}, None, None),
        ({"retry-after": "soon"}, None, None),
        ({"retry-after": "-5"}, None, None),
        ({"retry-after": "nan"}, None, None),
        ({"retry-after": "inf"}, None, None),
        ({"retry-after": "-inf"}, None, None),
        ({"retry-after": "7 seconds"}, None, None),
        ({"retry-after": "Wed, 99 Oct 2026 07:28:00 GMT"}, None, None),
    ],
)
def test_what_the_provider_asks_to_wait(
    headers: dict[str, str], after: float | None, until: float | None
) -> None:
    assert retry_after(Headers(headers.items())) == (after, until)
    got = WIRE.fault(429, Headers(headers.items()), b"{}")
    assert (got.after, got.until) == (after, until)


def test_a_date_without_a_zone_is_in_gmt_wherever_we_are(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        with monkeypatch.context() as there:
            there.setenv("TZ", "America/New_York")
            time.tzset()
            assert retry_after({"retry-after": "Wed Oct 21 07:29:30 2026"}) == (None, EPOCH)
    finally:
        time.tzset()


@LAW
@given(st.text(max_size=30) | st.floats().map(str) | st.integers().map(str))
def test_any_retry_after_is_a_wait_or_nothing(value: str) -> None:
    headers = {"retry-after": value, "retry-after-ms": value, "date": value}
    after, until = retry_after(headers)
    assert after is None or 0.0 <= after <= 1e9
    assert until is None or after is None


@LAW
@given(st.integers(0, 4 * 10**9), st.integers(0, 10**6))
def test_a_date_measured_by_the_replys_own_clock_is_a_wait(sent: int, wait: int) -> None:
    headers = {
        "retry-after": formatdate(sent + wait, usegmt=True),
        "date": formatdate(sent, usegmt=True),
    }
    assert retry_after(headers) == (float(wait), None)


# Wordings. Each is documented by its provider or quoted from it in a public report.


@pytest.mark.parametrize(
    ("status", "error"),
    [
        # OpenAI: error codes guide; also Groq, which answers with the same code.
        (400, {"code": "context_length_exceeded", "type": "invalid_request_error",
               "message": "This model's maximum context length is 8192 tokens. However, your "
               "messages resulted in 9000 tokens. Please reduce the length of the messages."}),
        (400, {"code": "context_length_exceeded", "message": "Please reduce the length of the "
               "messages or completion.", "param": "messages"}),
        # vLLM, old and new
        (400, {"type": "BadRequestError", "code": 400, "message": "This model's maximum context "
               "length is 4096 tokens. However, you requested 5000 tokens (4000 in the messages, "
               "1000 in the completion)."}),
        (400, {"type": "BadRequestError", "message": "The decoder prompt (length 140000) is longer "
               "than the maximum model length of 131072. Make sure that `max_model_len` is no "
               "smaller than the number of text tokens."}),
        # llama.cpp server
        (400, {"code": 400, "type": "exceed_context_size_error", "n_ctx": 8192,
               "message": "request (9412 tokens) exceeds the available context size (8192 tokens), "
               "try increasing it"}),
        # OpenRouter, its own and one it passes on
        (400, {"code": 400, "message": "This endpoint's maximum context length is 32768 tokens. "
               "However, you requested about 40000 tokens (40000 of text input)."}),
        (400, {"code": 400, "message": "Provider returned error", "metadata": {
            "provider_name": "DeepInfra", "raw": "The prompt is too long: 70000"}}),
        # SGLang, TGI, Mistral, xAI, Anthropic, Gemini
        (400, {"message": "The input (5000 tokens) is longer than the model's context length."}),
        (422, {"message": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= "
               "4096. Given: 5000 `inputs` tokens and 20 `max_new_tokens`"}),
        (400, {"message": "Prompt contains 40000 tokens and 0 draft tokens, too large for model "
               "with 32768 maximum context length", "code": "3051"}),
        (400, {"message": "This model's maximum prompt length is 131072 but the request contains "
               "140000 tokens."}),
        (400, {"message": "prompt is too long: 210000 tokens > 200000 maximum"}),
        (400, {"message": "The input token count (1200000) exceeds the maximum number of tokens "
               "allowed (1048576).", "status": "INVALID_ARGUMENT"}),
        (413, {"message": "too many tokens"}),
    ],
)  # fmt: skip
def test_a_question_too_long_for_the_model(status: int, error: dict[str, Any]) -> None:
    got = fault(status, {"error": error})
    assert type(got) is ContextLengthError
    assert (got.retry, got.reroute) == (False, "larger")


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens is too large: 100000. This model supports at most 16384 completion tokens.",
        "max_tokens: 9000 > 8192, which is the maximum allowed number of output tokens",
        "maximum output tokens is 8192",
        "Invalid 'messages[0].content': empty string",
        "Unsupported value: 'temperature' does not support 0.2 with this model.",
    ],
)
def test_a_cap_on_the_output_is_no_matter_of_context(message: str) -> None:
    assert type(fault(400, {"error": {"message": message}})) is BadRequestError


@pytest.mark.parametrize(
    ("status", "error"),
    [
        # Azure OpenAI: content filtering, error of a filtered prompt
        (400, {"message": "The response was filtered due to the prompt triggering Azure OpenAI's "
               "content management policy. Please modify your prompt and retry.", "type": None,
               "param": "prompt", "code": "content_filter", "status": 400, "innererror": {
                   "code": "ResponsibleAIPolicyViolation", "content_filter_result": {
                       "violence": {"filtered": True, "severity": "high"}}}}),
        # OpenAI
        (400, {"message": "Your request was rejected as a result of our safety system.",
               "code": "content_policy_violation", "type": "invalid_request_error"}),
        (400, {"message": "Invalid prompt: your prompt was flagged as potentially violating our "
               "usage policy. Please try again with a different prompt",
               "type": "invalid_request_error", "code": "invalid_prompt"}),
        # OpenRouter: moderation errors
        (403, {"code": 403, "message": "gpt-4o requires moderation. Your input was flagged for "
               "harassment.", "metadata": {"reasons": ["harassment"], "flagged_input": "..."}}),
        # DeepSeek
        (400, {"message": "Content Exists Risk", "type": "invalid_request_error",
               "code": "invalid_request_error"}),
    ],
)  # fmt: skip
def test_a_question_that_a_filter_refused(status: int, error: dict[str, Any]) -> None:
    got = fault(status, {"error": error})
    assert type(got) is ContentFilterError
    assert (got.retry, got.reroute) == (False, "none")


@pytest.mark.parametrize(
    ("status", "error", "made"),
    [
        # OpenAI: no credit, or a request over a minute's allowance; neither is cured by waiting
        (429, {"message": "You exceeded your current quota, please check your plan and billing "
               "details.", "type": "insufficient_quota", "code": "insufficient_quota"},
         QuotaExceededError),
        (429, {"message": "Request too large for gpt-4o in organization org-x on tokens per min "
               "(TPM): Limit 30000, Requested 342389.", "type": "tokens",
               "code": "rate_limit_exceeded"}, QuotaExceededError),
        # Groq says the same with 413
        (413, {"message": "Request too large for model `llama-3.1-8b-instant` in organization "
               "`org_x` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested "
               "12328, please reduce your message size and try again.", "type": "tokens",
               "code": "rate_limit_exceeded"}, QuotaExceededError),
        (402, {"message": "Insufficient Balance", "type": "unknown_error"}, QuotaExceededError),
        (429, {"message": "Rate limit reached for model `x` on tokens per minute (TPM): Limit "
               "6000, Used 5034, Requested 1443. Please try again in 4.77s.", "type": "tokens",
               "code": "rate_limit_exceeded"}, RateLimitError),
        # Google's and xAI's keys
        (400, {"code": 400, "message": "API key not valid. Please pass a valid API key.",
               "status": "INVALID_ARGUMENT"}, AuthenticationError),
        (400, "Incorrect API key provided: xa***st", AuthenticationError),
    ],
)  # fmt: skip
def test_limits_and_keys_by_their_wording(status: int, error: Any, made: type[Fault]) -> None:
    got = fault(status, {"error": error})
    assert type(got) is made
    assert got.reroute == "any"
    assert got.retry is (made is RateLimitError)


# Bodies


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        (PLAIN, "it failed", None),
        ({"error": {"message": "m", "code": 1302, "param": "p"}}, "m", "1302"),
        ({"error": "model 'x' not found"}, "model 'x' not found", None),
        ({"code": "bad", "error": "told at the top"}, "told at the top", "bad"),
        ({"object": "error", "message": "no envelope", "code": 40303}, "no envelope", "40303"),
        ({"message": "only a message"}, "only a message", None),
        ({"error": None, "message": "beside a null"}, "beside a null", None),
        ({"detail": "Not Found"}, "Not Found", None),
        ({"detail": [{"loc": ["body"], "msg": "m"}]}, '[{"loc":["body"],"msg":"m"}]', None),
        ([{"error": {"code": 400, "message": "in an array", "status": "X"}}], "in an array", "400"),
        ({"error": {"message": "Provider returned error", "metadata": {"raw": "overheated"}}},
         "Provider returned error: overheated", None),
        (b"", "the error has no body", None),
        (b"{}", "the provider's error body says: {}", None),
        (b"[]", "the provider's error body says: []", None),
        (b"null", "the provider's error body says: null", None),
        (b'"text"', 'the provider\'s error body says: "text"', None),
        (b"[1, 2]", "the provider's error body says: [1, 2]", None),
        (b"<html>\n  <h1>502 Bad\tGateway</h1>\r\n</html>",
         "the provider's error body says: <html> <h1>502 Bad Gateway</h1> </html>", None),
        (b"\xff\xfe", "the provider's error body says: \ufffd\ufffd", None),
        (b'{"error": {"message": "cut o', 'the provider\'s error body says: {"error": {"message": '
         '"cut o', None),
    ],
)  # fmt: skip
def test_bodies_of_every_shape_have_a_message(body: Any, message: str, code: str | None) -> None:
    got = fault(500, body)
    assert (got.message, got.code) == (message, code)
    assert type(got) is ProviderError


def test_what_is_kept_of_a_body_is_bounded() -> None:
    got = fault(500, {"error": {"message": "x" * 100_000}})
    assert (len(got.message), len(got.body)) == (1000, 2000)
    assert len(fault(500, b"y" * 100_000).message) < 400


def test_a_fault_knows_the_providers_id_of_the_request() -> None:
    assert fault(500, PLAIN, x_request_id="req_1", request_id="req_2").request_id == "req_1"
    assert fault(500, PLAIN, request_id="req_2").request_id == "req_2"
    got = fault(500, PLAIN, X_Other="v")
    assert got.headers["x-other"] == "v"


_words = st.sampled_from(("error", "message", "detail", "code", "type", "status", "param", "raw",
                          "metadata"))  # fmt: skip
_shapes = st.recursive(
    json_values,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_words, inner, max_size=4),
    max_leaves=8,
)


@LAW
@given(
    st.integers(100, 999),
    _shapes.map(msgspec.json.encode) | st.binary(max_size=20),
    st.dictionaries(
        st.sampled_from(("retry-after", "retry-after-ms", "date", "x-should-retry", "location")),
        st.text(max_size=10),
    ),
)
def test_any_error_is_a_fault(status: int, body: bytes, headers: dict[str, str]) -> None:
    got = WIRE.fault(status, headers, body)
    assert isinstance(got, Fault)
    assert isinstance(got.message, str)
    assert got.status == status
    told, told_headers, told_body = FACE.complain(got)
    assert told >= 400
    assert told_headers["x-should-retry"] == "false"
    assert msgspec.json.decode(told_body)["error"]["message"] == str(got)


def test_a_code_without_end_is_no_code() -> None:
    body = b'{"error":{"message":"m","code":' + b"4" * 5000 + b"}}"
    assert isinstance(fault(500, body), ProviderError)
    with pytest.raises((ValueError, Fault)):
        WIRE.reader().feed(body)


# In band, where an error has no status


@pytest.mark.parametrize(
    ("error", "made"),
    [
        ({"code": 502, "message": "m"}, ProviderError),
        ({"code": 503, "message": "m"}, OverloadedError),
        ({"code": "429", "message": "m"}, RateLimitError),
        ({"code": "rate_limit_exceeded", "message": "m"}, RateLimitError),
        ({"code": "insufficient_quota", "message": "m"}, QuotaExceededError),
        ({"type": "overloaded_error", "message": "m"}, OverloadedError),
        ({"type": "invalid_request_error", "message": "m"}, BadRequestError),
        ({"type": "BadRequestError", "message": "m", "code": None}, BadRequestError),
        ({"code": "context_length_exceeded", "message": "m"}, ContextLengthError),
        ({"code": "content_filter", "message": "m"}, ContentFilterError),
        ({"type": "authentication_error", "message": "m"}, AuthenticationError),
        ({"type": "permission_error", "message": "m"}, PermissionDeniedError),
        ({"type": "not_found_error", "message": "m"}, NotFoundError),
        ({"type": "server_error", "message": "m", "code": None}, ProviderError),
        ({"code": 7, "message": "m"}, ProviderError),
        ("a bare string", ProviderError),
    ],
)
def test_an_error_in_band_is_known_by_its_own_words(error: Any, made: type[Fault]) -> None:
    body = msgspec.json.encode({"error": error})
    for attempt in (WIRE.reader().feed, WIRE.decode):
        with pytest.raises(Fault) as caught:
            attempt(body)
        assert type(caught.value) is made
        assert caught.value.body == body


# What a caller is told


@pytest.mark.parametrize(
    ("told", "status", "kind", "code"),
    [
        (BadRequestError("m"), 400, "invalid_request_error", "bad_request"),
        (ContextLengthError("m"), 400, "invalid_request_error", "context_length"),
        (ContentFilterError("m"), 400, "invalid_request_error", "content_filter"),
        (AuthenticationError("m"), 401, "authentication_error", "authentication"),
        (PermissionDeniedError("m"), 403, "permission_error", "permission_denied"),
        (NotFoundError("m"), 404, "invalid_request_error", "not_found"),
        (ConflictError("m"), 409, "conflict_error", "conflict"),
        (RateLimitError("m"), 429, "rate_limit_error", "rate_limit"),
        (QuotaExceededError("m"), 429, "insufficient_quota", "quota_exceeded"),
        (ProviderError("m"), 502, "server_error", "provider_error"),
        (ProviderError("m", status=500, code="x"), 500, "server_error", "x"),
        (ProviderError("m", status=302), 502, "server_error", "provider_error"),
        (OverloadedError("m"), 503, "server_error", "overloaded"),
        (OverloadedError("m", status=529), 529, "server_error", "overloaded"),
        (CircuitOpenError("m"), 503, "server_error", "circuit_open"),
        (ConnectionFault("m"), 502, "connection_error", "connection"),
        (TimeoutFault("idle", 3.0), 504, "timeout_error", "timeout"),
        (MalformedReplyError("m"), 502, "server_error", "malformed_reply"),
        (StreamCutError("m"), 502, "server_error", "stream_cut"),
        (QueueFullError("m"), 503, "server_error", "queue_full"),
        (OutputError("m", raw="x"), 502, "server_error", "output"),
    ],
)
def test_each_fault_has_its_status_for_callers(
    told: Fault, status: int, kind: str, code: str
) -> None:
    got, headers, body = FACE.complain(told)
    assert (got, headers["x-should-retry"]) == (status, "false")
    error = msgspec.json.decode(body)["error"]
    assert (error["message"], error["type"], error["code"]) == (str(told), kind, code)


@pytest.mark.parametrize(
    ("after", "seconds", "milliseconds"),
    [(7.0, "7", "7000"), (0.25, "1", "250"), (1e9, "1000000000", "1000000000000"), (0.0, "0", "0")],
)
def test_how_long_to_wait_is_passed_on(after: float, seconds: str, milliseconds: str) -> None:
    _, headers, _ = FACE.complain(RateLimitError("m", after=after))
    assert headers["retry-after"] == seconds
    assert headers["retry-after-ms"] == milliseconds
    assert retry_after(headers) == (after, None)


def test_a_date_to_wait_for_is_passed_on() -> None:
    _, headers, _ = FACE.complain(fault(429, PLAIN, retry_after=LATER))
    assert headers["retry-after"] == LATER
    assert "retry-after" not in FACE.complain(RateLimitError("m"))[1]
