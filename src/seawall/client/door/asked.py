"""What an SDK asks through the door and what it is told: plain values, of no HTTP library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qsl

from msgspec import Struct

from ...errors import ConfigError
from ...ports import Headers, Secret

__all__ = ["CREDENTIALS", "Asked", "forwarded", "returned", "said_tags"]

#: Headers that hold a credential, whichever SDK wrote them.
CREDENTIALS = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key"})

#: Headers of one connection (RFC 9110, section 7.6.1), and those the transport writes itself.
_HOP = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_PREFIX = "x-seawall-"
_NAMED = {
    "x-seawall-feature": "feature",
    "x-seawall-prompt": "prompt",
    "x-seawall-prompt-version": "prompt_version",
}
_OTHERS = "x-seawall-tags"


class Asked(Struct, frozen=True, kw_only=True):
    """One request of an SDK. ``timeout``: its ``connect`` and ``read``, seconds or ``None``; a
    mapping without them if the SDK said nothing."""

    method: str
    url: SplitResult
    headers: Headers
    body: bytes
    timeout: Mapping[str, float | None] = {}

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        return tuple(parse_qsl(self.url.query, keep_blank_values=True))


def forwarded(headers: Headers) -> tuple[list[tuple[str, str]], list[tuple[str, str | Secret]]]:
    """The headers that go upstream: the plain ones, and the credentials."""
    plain: list[tuple[str, str]] = []
    secret: list[tuple[str, str | Secret]] = []
    for name, value in headers.pairs:
        lower = name.lower()
        if lower in CREDENTIALS:
            secret.append((name, Secret(value, f"the SDK's {lower} header")))
        elif lower not in _HOP and not lower.startswith(_PREFIX):
            plain.append((name, value))
    return plain, secret


def returned(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """The provider's headers as the SDK gets them: of a body that is decoded already."""
    pairs = headers.pairs if isinstance(headers, Headers) else tuple(headers.items())
    gone = _HOP | {"content-encoding"}
    return [(name, value) for name, value in pairs if name.lower() not in gone]


def said_tags(headers: Headers) -> dict[str, Any]:
    """The tags an SDK's extra headers name. Raises ``ConfigError``."""
    found: dict[str, Any] = {
        option: headers[name] for name, option in _NAMED.items() if headers.get(name)
    }
    text = headers.get(_OTHERS)
    if text:
        try:
            others = json.loads(text)
        except ValueError:
            others = None
        if not isinstance(others, dict):
            raise ConfigError(f"the header {_OTHERS} is {text!r}", remedy="Write a JSON object.")
        found["tags"] = others
    return found
