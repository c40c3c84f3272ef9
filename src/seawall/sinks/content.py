"""How much of what was said is kept: all of it, its fingerprints, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, cast

from msgspec.json import Encoder

from ..records import Content

__all__ = ["conceal"]

_canonical = Encoder(order="deterministic", enc_hook=repr)


def conceal(said: Any, content: Content) -> Any:
    """``said`` (a list of messages, or a response) as the setting ``content`` lets it be kept.

    ``full`` keeps it, ``none`` gives ``None``. ``hashed`` puts in the place of each message, or
    of the response, ``{"role", "sha256", "bytes"}``: the SHA-256 in hex and the length of its
    JSON with sorted keys, so that equal content is recognised; ``role`` only where it had one.
    """
    if content == "full" or said is None:
        return said
    if content == "none":
        return None
    if isinstance(said, (list, tuple)):
        return [_fingerprint(message) for message in cast("list[Any]", said)]
    return _fingerprint(said)


def _fingerprint(value: Any) -> dict[str, Any]:
    text = _canonical.encode(value)
    print_ = {"sha256": sha256(text).hexdigest(), "bytes": len(text)}
    role: Any = getattr(value, "role", None)
    if isinstance(value, Mapping):
        role = cast("Mapping[str, Any]", value).get("role")
    return print_ if role is None else {"role": role, **print_}
