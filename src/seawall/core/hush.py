"""Providers repeat keys in their error messages; faults end up in logs and must not."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Fault
from ..ports import Headers, Secret

__all__ = ["hush"]

#: Shorter ones are no keys of a provider, and would blot out words.
_SHORTEST = 8


def hush(fault: Fault, secrets: Sequence[Secret]) -> None:
    """Put ``***`` wherever ``fault`` repeats one of ``secrets``, with its scheme or without."""
    for secret in secrets:
        key = secret.reveal().rpartition(" ")[2]
        if len(key) >= _SHORTEST:
            _mask(fault, key)


def _mask(fault: Fault, key: str) -> None:
    fault.message = _masked(fault.message, key)
    fault.args = (fault.message,)
    body = fault.body.decode(errors="surrogateescape")
    fault.body = _masked(body, key).encode(errors="surrogateescape")
    for name in ("code", "param", "request_id"):
        said = getattr(fault, name)
        if said is not None:
            setattr(fault, name, _masked(said, key))
    if any(key in value for value in fault.headers.values()):
        pairs = [(name, _masked(value, key)) for name, value in fault.headers.items()]
        fault.headers = Headers(pairs)


def _masked(text: str, key: str) -> str:
    text = text.replace(key, "***")
    # Messages and bodies are kept up to a length: what was cut may end inside the key.
    for length in range(len(key) - 1, _SHORTEST - 1, -1):
        if text.endswith(key[:length]):
            return f"{text[:-length]}***"
    return text
