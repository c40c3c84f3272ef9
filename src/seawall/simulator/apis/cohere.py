"""Cohere's chat, version 2 of its API.

Source: its reference's pages "Errors" and "Chat", the API's OpenAPI description, and the types of
the cohere package.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from ...dialects.cohere import FACE
from ...framing.sse import write_sse
from ...server import Request
from .api import Level, Over, Places, Refusal, RetryAfter, Trouble, encode
from .waiting import retry_after

__all__ = ["API"]

_ASKED, _MODELS = "/v2/chat", "/v1/models"
#: How its own client names itself; it lists the models where OpenAI's does.
_CLIENT = "cohere/"


class Cohere:
    name = FACE.name
    face = FACE
    ids = ("sim-", "call_")
    places = Places(
        text=re.compile(rb'"text":"(?=[^"])'),
        said=re.compile(rb'"(?:text|arguments)":"(?=[^"])'),
        finish=re.compile(rb"^event: message-end\n"),
        mark=None,
        call_id=b'"id":',
        broken=b"event: content-delta\n" + write_sse(b'{"type":"content-delta","index":0,"del'),
    )
    refusals: Mapping[Trouble, Refusal] = {
        "limit": Refusal(
            429, "You are using a Trial key, which is limited to 20 API calls / minute."
        ),
        "credit": Refusal(
            402, "Please add or update your payment method to continue: billing limit reached."
        ),
        "failed": Refusal(500, "internal server error, please try again later"),
        "unavailable": Refusal(503, "service unavailable, please try again later"),
        "overloaded": Refusal(503, "service unavailable, please try again later"),
        "late": Refusal(504, "gateway timeout"),
        "locked": Refusal(409, "the resource is locked by another request"),
        "invalid": Refusal(
            400, "invalid request: temperature must be between 0 and 1.0 inclusive."
        ),
        "key": Refusal(401, "invalid api token"),
        "forbidden": Refusal(403, "your api token does not have access to this model"),
        "model": Refusal(404, "model not found, make sure the correct model ID was used"),
        "unprocessable": Refusal(422, "the request cannot be processed"),
        "too_long": Refusal(
            400,
            "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received "
            "4292. Try using a shorter prompt.",
        ),
        "unsafe": Refusal(498, "blocked input: please edit the prompt and try again"),
    }

    def mine(self, request: Request, /) -> bool:
        agent = request.headers.get("user-agent", "")
        return request.path.startswith("/v2/") or agent.startswith(_CLIENT)

    def asked(self, path: str, /) -> str | None:
        return _ASKED if path == _ASKED else None

    def listed(self, path: str, /) -> str | None:
        if not f"{path}/".startswith(f"{_MODELS}/"):
            return None
        return unquote(path.removeprefix(_MODELS).removeprefix("/"))

    def array(self, request: Request, /) -> bool:
        return False

    def headers(self, number: int, levels: Sequence[Level], wall: float, /) -> Mapping[str, str]:
        """This API tells no limits before they are met."""
        return {}

    def waiting(self, form: RetryAfter, seconds: float, wall: float, /) -> Mapping[str, str]:
        return retry_after("seconds" if form == "both" else form, seconds, wall)

    def body(self, refusal: Refusal, wait: float | None, number: int, /) -> bytes:
        return encode({"id": _id(number), "message": refusal.message})

    def broken_off(self, refusal: Refusal, number: int, /) -> Sequence[bytes]:
        delta = {"error": refusal.message, "finish_reason": "ERROR"}
        end = {"type": "message-end", "id": _id(number), "delta": delta}
        return (b"event: message-end\n" + write_sse(encode(end)),)

    def given_up(self, refusal: Refusal, number: int, /) -> bytes:
        message: dict[str, object] = {"role": "assistant", "content": ()}
        return encode({"id": _id(number), "finish_reason": "ERROR", "message": message})

    def over(self, over: Over, /) -> Refusal:
        what = "API calls" if over.name == "requests" else over.name
        said = f"You are using a Trial key, which is limited to {over.limit} {what} / minute."
        return Refusal(429, said)

    def unknown_path(self, method: str, path: str, /) -> Refusal:
        return Refusal(404, f"{method} {path}: not found")

    def unknown_model(self, name: str, /) -> Refusal:
        said = f"model '{name}' not found, make sure the correct model ID was used"
        return Refusal(404, said)

    def models(self, names: Sequence[str], created: int, /) -> bytes:
        return encode({"models": [_model(name) for name in names]})

    def model(self, name: str, created: int, /) -> bytes:
        return encode(_model(name))


def _id(number: int) -> str:
    return f"sim-{number}"


def _model(name: str) -> Mapping[str, object]:
    return {"name": name, "endpoints": ["chat"], "finetuned": False, "context_length": 128_000}


API = Cohere()
