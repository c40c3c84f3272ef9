"""Google's Gemini API: the model stands in the path, waits stand in the error's body, a stream
without ``alt=sse`` is a JSON array, and a prompt that is not safe gets no error but no answer.

Source: the Gemini API reference and its pages "Troubleshooting" and "Rate limits",
google/rpc/error_details.proto, and reports of what 429 bodies hold.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, quote, unquote

from ...dialects.gemini import FACE
from ...framing.sse import write_sse
from ...server import Request
from .api import Level, Over, Places, Refusal, RetryAfter, Trouble, encode

__all__ = ["API"]

#: A model may have a slash in its name, escaped or not. On Google Cloud it stands below a project.
_ASKED = re.compile(
    r"/v1(?:alpha|beta\d?)?(?:/projects/[^/]+/locations/[^/]+)?(?:/publishers/[^/]+)?"
    r"(?:/models)?/(?P<model>[^:]+):(?P<method>generateContent|streamGenerateContent)"
)
_LISTED = re.compile(r"/v1(?:alpha|beta\d?)?/models(?:/(?P<name>[^:]+))?")
_OWN = re.compile(r"/v1(?:alpha|beta\d?)/|.*:\w*[gG]enerateContent$")
_RPC = "type.googleapis.com/google.rpc."
_EXCEEDED = "You exceeded your current quota, please check your plan and billing details."
#: What is refused with these codes is refused for a quota of this id.
_QUOTAS = {
    "requests": "GenerateRequestsPerMinutePerProjectPerModel",
    "tokens": "GenerateContentInputTokensPerModelPerMinute",
    "day": "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
}
_INVALID, _BUSY = "INVALID_ARGUMENT", "UNAVAILABLE"


class Gemini:
    name = FACE.name
    face = FACE
    ids = ("sim-", "call_")
    places = Places(
        text=re.compile(rb'"text":"(?=[^"])'),
        said=re.compile(rb'"text":"(?=[^"])|"args":\{"'),
        finish=re.compile(rb'"finishReason":"|"usageMetadata":'),
        mark=None,
        call_id=b'"id":',
        broken=write_sse(b'{"candidates":[{"content":{"par'),
    )
    refusals: Mapping[Trouble, Refusal] = {
        "limit": Refusal(429, _EXCEEDED, "RESOURCE_EXHAUSTED", "requests"),
        "credit": Refusal(429, _EXCEEDED, "RESOURCE_EXHAUSTED", "day"),
        "failed": Refusal(
            500, "An internal error has occurred. Please retry or report.", "INTERNAL"
        ),
        "unavailable": Refusal(
            503, "The model is overloaded. Please try again later.", _BUSY
        ),
        "overloaded": Refusal(
            503, "The model is overloaded. Please try again later.", _BUSY
        ),
        "late": Refusal(
            504, "Deadline expired before operation could complete.", "DEADLINE_EXCEEDED"
        ),
        "locked": Refusal(409, "The operation was aborted.", "ABORTED"),
        "invalid": Refusal(
            400, "Unable to submit request because temperature is out of range.", _INVALID
        ),
        "key": Refusal(
            400, "API key not valid. Please pass a valid API key.", _INVALID, "API_KEY_INVALID"
        ),
        "forbidden": Refusal(
            403, "The caller does not have permission", "PERMISSION_DENIED"
        ),
        "model": Refusal(
            404, "The model is not found for API version v1beta.", "NOT_FOUND"
        ),
        "unprocessable": Refusal(
            400, "Request contains an argument that cannot be processed.", _INVALID
        ),
        "too_long": Refusal(
            400,
            "The input token count (1048577) exceeds the maximum number of tokens allowed "
            "(1048576).",
            _INVALID,
        ),
        "unsafe": Refusal(200, "", "PROHIBITED_CONTENT"),
    }  # fmt: skip

    def mine(self, request: Request, /) -> bool:
        return "x-goog-api-key" in request.headers or _OWN.match(request.path) is not None

    def asked(self, path: str, /) -> str | None:
        found = _ASKED.fullmatch(path)
        if found is None:
            return None
        name = quote(unquote(found["model"]), safe="")
        return f"/v1beta/models/{name}:{found['method']}"

    def listed(self, path: str, /) -> str | None:
        found = _LISTED.fullmatch(path)
        return None if found is None else unquote(found["name"] or "")

    def array(self, request: Request, /) -> bool:
        return parse_qs(request.target.partition("?")[2]).get("alt") != ["sse"]

    def headers(self, number: int, levels: Sequence[Level], wall: float, /) -> Mapping[str, str]:
        """This API tells no limits before they are met."""
        return {}

    def waiting(self, form: RetryAfter, seconds: float, wall: float, /) -> Mapping[str, str]:
        """It stands in the body."""
        return {}

    def body(self, refusal: Refusal, wait: float | None, number: int, /) -> bytes:
        if refusal.status == 200:
            feedback = {"promptFeedback": {"blockReason": refusal.kind}}
            return encode(feedback | {"responseId": f"sim-{number}", "modelVersion": ""})
        name = refusal.kind or (_INVALID if refusal.status < 500 else "INTERNAL")
        error = {"code": refusal.status, "message": refusal.message, "status": name}
        details = [*_details(refusal), *_retry(wait)]
        return encode({"error": error | ({"details": details} if details else {})})

    def broken_off(self, refusal: Refusal, number: int, /) -> Sequence[bytes]:
        return (write_sse(self.body(refusal, None, number)),)

    def given_up(self, refusal: Refusal, number: int, /) -> bytes:
        return self.body(refusal, None, number)

    def over(self, over: Over, /) -> Refusal:
        """``param`` is the limit, which stands in the violation."""
        return Refusal(429, _EXCEEDED, "RESOURCE_EXHAUSTED", over.name, str(over.limit))

    def unknown_path(self, method: str, path: str, /) -> Refusal:
        return Refusal(404, f"{method} {path} was not found.", "NOT_FOUND")

    def unknown_model(self, name: str, /) -> Refusal:
        said = f"models/{name} is not found for API version v1beta, or is not supported for it."
        return Refusal(404, said, "NOT_FOUND")

    def models(self, names: Sequence[str], created: int, /) -> bytes:
        return encode({"models": [_model(name) for name in names]})

    def model(self, name: str, created: int, /) -> bytes:
        return encode(_model(name))


def _details(refusal: Refusal) -> Sequence[Mapping[str, object]]:
    code = refusal.code
    if code is None:
        return ()
    if code not in _QUOTAS:
        told = {"@type": f"{_RPC}ErrorInfo", "reason": code, "domain": "googleapis.com"}
        return (told,)
    violation = {
        "quotaMetric": f"generativelanguage.googleapis.com/generate_content_{code}",
        "quotaId": _QUOTAS[code],
        "quotaValue": refusal.param or "10",
    }
    return ({"@type": f"{_RPC}QuotaFailure", "violations": [violation]},)


def _retry(wait: float | None) -> Sequence[Mapping[str, object]]:
    if wait is None:
        return ()
    delay = f"{math.ceil(wait * 1000) / 1000:g}s"
    return ({"@type": f"{_RPC}RetryInfo", "retryDelay": delay},)


def _model(name: str) -> Mapping[str, object]:
    return {
        "name": f"models/{quote(name)}",
        "displayName": name,
        "version": "001",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent"],
    }


API = Gemini()
