"""Vectors as providers write them: lists of numbers, or base64 of 32-bit floats."""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode

from ..operations import Vector

__all__ = ["read_vector"]


def read_vector(raw: str | list[float]) -> Vector[float]:
    """Base64 holds little-endian 32-bit floats, as OpenAI's ``encoding_format`` means it. Numbers
    keep the 64 bits JSON gave them. Raises ``ValueError`` for text that is no such base64."""
    if isinstance(raw, list):
        return array("d", raw)
    vector = array("f", b64decode(raw, validate=True))
    if sys.byteorder == "big":
        vector.byteswap()
    return vector
