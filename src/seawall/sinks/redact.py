"""Keys of providers are masked before anything is written down; ``secret_patterns`` knows them."""

from __future__ import annotations

import re

from ..secret_patterns import EXPRESSIONS

__all__ = ["redact", "redact_json"]

_MASK = "***"
_IN_TEXT = [(re.compile(key).sub, prefix + _MASK) for prefix, key in EXPRESSIONS.items()]
_IN_JSON = [
    (re.compile(key.encode()).sub, (prefix + _MASK).encode()) for prefix, key in EXPRESSIONS.items()
]


def redact(text: str) -> str:
    """``text`` with every key replaced by its prefix and ``***``. Masking twice changes nothing."""
    for sub, mask in _IN_TEXT:
        text = sub(mask, text)
    return text


def redact_json(text: bytes) -> bytes:
    """The same for encoded JSON, which stays valid: no key holds a quote or a backslash."""
    for sub, mask in _IN_JSON:
        text = sub(mask, text)
    return text
