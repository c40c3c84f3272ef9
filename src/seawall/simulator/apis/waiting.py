"""Headers that ask a client to wait (RFC 9110, 10.2.3: whole seconds, or a date; providers also
send fractions, and milliseconds in a header of their own)."""

from __future__ import annotations

import math
from email.utils import formatdate

from .api import RetryAfter

__all__ = ["retry_after"]


def retry_after(form: RetryAfter, seconds: float, wall: float) -> dict[str, str]:
    """``seconds``, rounded up to what the form can say. ``wall``: epoch seconds."""
    whole, millis = math.ceil(seconds), math.ceil(seconds * 1000)
    if form == "date":
        return {"retry-after": formatdate(math.ceil(wall + seconds), usegmt=True)}
    if form == "float":
        return {"retry-after": f"{millis / 1000}"}
    if form == "ms":
        return {"retry-after-ms": str(millis)}
    if form == "both":
        return {"retry-after": str(whole), "retry-after-ms": str(millis)}
    return {"retry-after": str(whole)}
