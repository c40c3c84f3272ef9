"""The provider's errors in openai_responses: of a response that failed, and in a stream."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seawall.dialects.openai_responses import FACE, WIRE
from seawall.errors import (
    BadRequestError,
    ContentFilterError,
    ContextLengthError,
    Fault,
    OverloadedError,
    ProviderError,
    RateLimitError,
)

CASES: list[tuple[dict[str, Any], type[Fault]]] = [
    ({"code": "server_error", "message": "The server had an error"}, ProviderError),
    ({"code": "rate_limit_exceeded", "message": "Slow down"}, RateLimitError),
    ({"code": "invalid_prompt", "message": "The prompt is not valid"}, BadRequestError),
    ({"code": "invalid_image_url", "message": "No such image"}, BadRequestError),
    ({"code": "failed_to_download_image", "message": "No such image"}, BadRequestError),
    ({"code": "bio_policy", "message": "Not this"}, ContentFilterError),
    ({"code": "image_content_policy_violation", "message": "Not this"}, ContentFilterError),
    ({"code": "vector_store_timeout", "message": "Too slow"}, ProviderError),
    ({"code": "context_length_exceeded", "message": "Too long"}, ContextLengthError),
    ({"code": "overloaded", "message": "Busy"}, OverloadedError),
]


def shapes(error: dict[str, Any]) -> list[dict[str, Any]]:
    failed = {"id": "r", "status": "failed", "error": error, "output": []}
    return [
        {"type": "error", "sequence_number": 1, "param": None} | error,
        {"type": "error", "sequence_number": 1, "error": error},
        {"type": "response.failed", "sequence_number": 1, "response": failed},
    ]


@pytest.mark.parametrize(("error", "kind"), CASES, ids=[case[0]["code"] for case in CASES])
def test_every_shape_of_an_error_is_the_same_fault(
    error: dict[str, Any], kind: type[Fault]
) -> None:
    for event in shapes(error):
        with pytest.raises(kind) as caught:
            WIRE.reader().feed(msgspec.json.encode(event))
        assert type(caught.value) is kind
        assert (caught.value.code, caught.value.message) == (error["code"], error["message"])
    with pytest.raises(kind):
        WIRE.decode(msgspec.json.encode(shapes(error)[2]["response"]))


def test_a_response_that_failed_without_a_word_is_a_fault_too() -> None:
    with pytest.raises(ProviderError, match="failed"):
        WIRE.decode(b'{"status":"failed","output":[]}')
    with pytest.raises(ProviderError, match="failed"):
        WIRE.reader().feed(b'{"type":"response.failed","response":{"error":null}}')


def test_a_refusal_by_status_is_the_fault_its_status_says() -> None:
    body = b'{"error":{"message":"m","type":"invalid_request_error","param":"input","code":null}}'
    fault = WIRE.fault(429, {"retry-after": "3"}, body)
    assert isinstance(fault, RateLimitError)
    assert (fault.after, fault.param, fault.message) == (3.0, "input", "m")


def test_a_fault_is_told_with_its_wait() -> None:
    status, headers, body = FACE.complain(RateLimitError("slow down", after=2.5))
    assert (status, headers["retry-after"], headers["retry-after-ms"]) == (429, "3", "2500")
    assert msgspec.json.decode(body)["error"]["type"] == "rate_limit_error"
