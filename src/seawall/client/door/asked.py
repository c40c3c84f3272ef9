"""What an SDK asks through the door, sorted: plain values, of no HTTP library."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from ...dialects.openai_chat import FACE as CHAT
from ...dialects.openai_responses import FACE as RESPONSES
from ...errors import ConfigError
from ...ports import Face, Headers, Secret

__all__ = ["Asked", "Place", "asked", "place", "returned", "said_tags"]

#: The faces by the end of a request's path.
_FACES: Mapping[str, Face] = {"/chat/completions": CHAT, "/responses": RESPONSES}

#: Headers that hold a credential, whichever SDK wrote them.
_CREDENTIALS = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key"})

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
_NOT_RETURNED = _HOP | {"content-encoding"}
_PREFIX = "x-seawall-"
_NAMED = {
    "x-seawall-feature": "feature",
    "x-seawall-prompt": "prompt",
    "x-seawall-prompt-version": "prompt_version",
}
_OTHERS = "x-seawall-tags"

Fate = Literal["plain", "secret", "ours", "dropped"]


class Place(Struct, frozen=True, kw_only=True):
    """Where a request goes: to ``url``, which is ``base``, ``path`` and ``query``. ``face``
    understands it; ``None`` if nobody here does."""

    url: str
    base: str
    path: str
    query: tuple[tuple[str, str], ...]
    face: Face | None


@lru_cache(maxsize=512)
def place(method: str, url: str) -> Place:
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    for path, face in _FACES.items():
        if method == "POST" and parts.path.endswith(path):
            base = origin + parts.path.removesuffix(path)
            return Place(url=url, base=base, path=path, query=query, face=face)
    return Place(url=url, base=origin, path=parts.path, query=query, face=None)


class Asked(Struct, frozen=True, kw_only=True):
    """One request of an SDK. ``headers`` go upstream, ``credentials`` only to its own place;
    ``ours`` (``x-seawall-*``) stay here. ``timeout``: the SDK's ``connect`` and ``read``,
    seconds or ``None``; a mapping without them if it said nothing."""

    method: str
    place: Place
    headers: tuple[tuple[str, str], ...]
    credentials: tuple[tuple[str, Secret], ...]
    ours: Mapping[str, str]
    body: bytes
    timeout: Mapping[str, float | None]


def asked(
    method: str,
    url: str,
    headers: Sequence[tuple[bytes, bytes]],
    body: bytes,
    timeout: Mapping[str, float | None],
) -> Asked:
    """Sort a request. A dozen headers are looked at for each call, so what becomes of a name
    is looked up once."""
    plain: list[tuple[str, str]] = []
    secret: list[tuple[str, Secret]] = []
    ours: dict[str, str] = {}
    for raw, value in headers:
        fate, name = _fates.get(raw) or _learn(raw)
        if fate == "plain":
            plain.append((name, value.decode("latin-1")))
        elif fate == "secret":
            secret.append((name, Secret(value.decode("latin-1"), f"the SDK's {name} header")))
        elif fate == "ours":
            ours[name.lower()] = value.decode("latin-1")
    return Asked(
        method=method,
        place=place(method, url),
        headers=tuple(plain),
        credentials=tuple(secret),
        ours=ours,
        body=body,
        timeout=timeout,
    )


_fates: dict[bytes, tuple[Fate, str]] = {}


def _learn(raw: bytes) -> tuple[Fate, str]:
    name = raw.decode("latin-1")
    lower = name.lower()
    fate: Fate = "plain"
    if lower in _CREDENTIALS:
        fate = "secret"
    elif lower in _HOP:
        fate = "dropped"
    elif lower.startswith(_PREFIX):
        fate = "ours"
    if len(_fates) >= 1024:  # names are few; a caller may prove that wrong
        _fates.clear()
    _fates[raw] = fate, name
    return fate, name


def returned(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """The provider's headers as the SDK gets them: of a body that is decoded already."""
    pairs = headers.pairs if isinstance(headers, Headers) else tuple(headers.items())
    return [pair for pair in pairs if pair[0].lower() not in _NOT_RETURNED]


def said_tags(ours: Mapping[str, str]) -> dict[str, Any]:
    """The tags an SDK's extra headers name. Raises ``ConfigError``."""
    if not ours:
        return {}
    found: dict[str, Any] = {option: ours[name] for name, option in _NAMED.items() if name in ours}
    text = ours.get(_OTHERS)
    if text:
        try:
            others = json.loads(text)
        except ValueError:
            others = None
        if not isinstance(others, dict):
            raise ConfigError(f"the header {_OTHERS} is {text!r}", remedy="Write a JSON object.")
        found["tags"] = others
    return found
