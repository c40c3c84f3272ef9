"""What an SDK asks through the door, sorted: plain values, of no HTTP library."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from ...errors import ConfigError
from ...ports import Headers, Secret
from .places import KEY, Place, place, without_key
from .sdks import Sdk, speaking

__all__ = ["Asked", "asked", "returned", "said_tags"]

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

Fate = Literal["plain", "agent", "secret", "ours", "dropped"]


class Asked(Struct, frozen=True, kw_only=True):
    """One request of an SDK. ``headers`` go upstream, ``credentials`` only to its own place;
    ``ours`` (``x-seawall-*``) stay here. ``timeout``: the SDK's ``connect`` and ``read``,
    seconds or ``None``; a mapping without them if it said nothing. ``sdk``: which it is, if that
    is known."""

    method: str
    place: Place
    sdk: Sdk | None
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
    package: str | None = None,
) -> Asked:
    """Sort a request of an SDK, of ``package`` unless it says that it is another."""
    agent, plain, secret, ours = _sort(headers)
    url, key = without_key(url)
    if key is not None:
        secret.append((KEY, key))
    where = place(method, url)
    sdk = speaking(agent, package, "" if where.face is None else where.face.name)
    if sdk is not None and where.path in sdk.faces:
        where = replace(where, face=sdk.faces[where.path])
    if sdk is not None and sdk.silent:
        timeout = {name: value for name, value in timeout.items() if value is not None}
    return Asked(
        method=method,
        place=where,
        sdk=sdk,
        headers=tuple(plain),
        credentials=tuple(secret),
        ours=ours,
        body=body,
        timeout=timeout,
    )


_Sorted = tuple[str, list[tuple[str, str]], list[tuple[str, Secret]], dict[str, str]]


def _sort(headers: Sequence[tuple[bytes, bytes]]) -> _Sorted:
    """The user agent, and the headers by their fate. A dozen are looked at for each call, so what
    becomes of a name is looked up once."""
    plain: list[tuple[str, str]] = []
    secret: list[tuple[str, Secret]] = []
    ours: dict[str, str] = {}
    agent = ""
    for raw, value in headers:
        fate, name = _fates.get(raw) or _learn(raw)
        if fate == "dropped":
            continue
        text = value.decode("latin-1")
        if fate == "secret":
            secret.append((name, Secret(text, f"the SDK's {name} header")))
        elif fate == "ours":
            ours[name.lower()] = text
        else:
            plain.append((name, text))
            agent = text if fate == "agent" else agent
    return agent, plain, secret, ours


_fates: dict[bytes, tuple[Fate, str]] = {}


def _learn(raw: bytes) -> tuple[Fate, str]:
    name = raw.decode("latin-1")
    lower = name.lower()
    fate: Fate = "plain"
    if lower in _CREDENTIALS:
        fate = "secret"
    elif lower == "user-agent":
        fate = "agent"
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
