"""The official SDKs: how each is known, and the errors it has to be given its own way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct

from ...errors import ConnectionFault, Fault, TimeoutFault
from ...plugins import optional
from ...ports import Face
from .mistral import FACE as MISTRAL

__all__ = ["SDKS", "Sdk", "named", "speaking"]


class Sdk(Struct, frozen=True, kw_only=True):
    """One official SDK.

    ``package`` is its distribution, ``agent`` stands in its user agent, ``dialect`` is what it
    speaks. ``error`` makes what it raises for a fault that was told as a response, where that
    cannot be left to it: a failed connection has no status, and an SDK that ``insists`` would ask
    again whatever the response says, unless its error ends the sending. ``silent``: its timeout is
    none until somebody sets one, so none says nothing. ``faces``: its own, by a path's end.
    """

    package: str
    agent: str
    dialect: str
    error: Callable[[Fault, Any], Exception | None]
    insists: bool = False
    silent: bool = False
    faces: Mapping[str, Face] = {}


def _of_connections(module: str) -> Callable[[Fault, Any], Exception | None]:
    """The errors of an SDK that has some for connections: openai's and anthropic's."""

    def make(fault: Fault, response: Any) -> Exception | None:
        sdk = optional(module)
        if sdk is None:
            return None
        if isinstance(fault, TimeoutFault) and fault.phase != "pool":
            return sdk.APITimeoutError(request=response.request)
        if isinstance(fault, ConnectionFault):
            return sdk.APIConnectionError(message=str(fault), request=response.request)
        return None

    return make


def _none(fault: Fault, response: Any) -> Exception | None:
    """Every fault is told as a status."""
    return None


def _mistral(fault: Fault, response: Any) -> Exception | None:
    """As its methods make them of a status (mistralai 3.7, client/chat.py). What did not
    validate has a class of its own, which they make."""
    errors = optional("mistralai.client.errors")
    if errors is None or response.status_code == 422:
        return None
    return errors.SDKError("API error occurred", response, response.text)


#: The classes of cohere's errors that have one (cohere 7.3, v2/raw_client.py).
_COHERE = {
    400: "BadRequestError",
    401: "UnauthorizedError",
    403: "ForbiddenError",
    404: "NotFoundError",
    422: "UnprocessableEntityError",
    429: "TooManyRequestsError",
    498: "InvalidTokenError",
    499: "ClientClosedRequestError",
    500: "InternalServerError",
    501: "NotImplementedError",
    503: "ServiceUnavailableError",
    504: "GatewayTimeoutError",
}


def _cohere(fault: Fault, response: Any) -> Exception | None:
    sdk = optional("cohere")
    if sdk is None:
        return None
    status, headers = response.status_code, dict(response.headers)
    try:
        body = json.loads(response.text)
    except ValueError:
        body = response.text
    if status in _COHERE:
        return getattr(sdk, _COHERE[status])(headers=headers, body=body)
    api_error = optional("cohere.core.api_error").ApiError
    return api_error(status_code=status, headers=headers, body=body)


SDKS = (
    Sdk(
        package="openai",
        agent="OpenAI/Python",
        dialect="openai_chat",
        error=_of_connections("openai"),
    ),
    Sdk(
        package="anthropic",
        agent="Anthropic/Python",
        dialect="anthropic",
        error=_of_connections("anthropic"),
    ),
    Sdk(
        package="google-genai",
        agent="google-genai-sdk/",
        dialect="gemini",
        error=_none,
        silent=True,
    ),
    Sdk(
        package="mistralai",
        agent="mistral-client-python/",
        dialect="mistral",
        error=_mistral,
        insists=True,
        faces={"/chat/completions": MISTRAL},
    ),
    Sdk(
        package="cohere",
        agent="cohere/",
        dialect="cohere",
        error=_cohere,
        insists=True,
    ),
)


def named(package: str | None) -> Sdk | None:
    return next((sdk for sdk in SDKS if sdk.package == package), None)


@lru_cache(maxsize=256)
def speaking(agent: str, package: str | None, dialect: str) -> Sdk | None:
    """The SDK whose request has the user agent ``agent``. One that was renamed is known by the
    ``package`` the door was made for, else by the ``dialect`` of what it asks."""
    for sdk in SDKS:
        if sdk.agent in agent:
            return sdk
    if package is not None or agent.startswith("python-httpx"):
        return named(package)
    return next((sdk for sdk in SDKS if sdk.dialect == dialect), None)
