"""Reading and writing JSON whose shape nobody vouches for, for every dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec

from ..errors import BadRequestError, UnsupportedError

__all__ = [
    "as_list",
    "as_object",
    "as_text",
    "decode",
    "decode_error",
    "encode",
    "encode_body",
    "peeked",
]

Peek = TypeVar("Peek")

encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def encode_body(said: Any) -> bytes:
    """A request's body. Raises ``UnsupportedError`` for what JSON cannot hold."""
    try:
        return encode(said)
    except UnicodeEncodeError as error:
        raise UnsupportedError(f"the request holds a text that is no Unicode: {error}") from None
    except (TypeError, RecursionError) as error:
        raise UnsupportedError(f"the request holds what JSON cannot: {error}") from None


def decode(data: bytes) -> Any:
    """Raises ``ValueError`` for bytes that are no JSON, no UTF-8, or nested beyond reason."""
    try:
        return _decode(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def decode_error(body: bytes) -> Any:
    """The body of an error reply; ``None`` if it is no JSON: a proxy's page, or half of it."""
    try:
        return decode(body)
    except ValueError:
        return None


def peeked(decode: Callable[[bytes], Peek], body: bytes) -> Peek:
    """What ``decode`` reads of a caller's request. Raises ``BadRequestError``."""
    try:
        return decode(body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"the request is not valid: {error}", status=400) from None


def as_object(value: Any, where: str) -> dict[str, Any]:
    """``value`` if it is a JSON object; ``ValueError`` naming ``where`` if not."""
    if not isinstance(value, dict):
        raise ValueError(f"{where} is no JSON object")
    return cast("dict[str, Any]", value)


def as_list(value: Any, where: str) -> list[Any]:
    """``value`` if it is an array, an empty one for null; else ``ValueError``."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{where} is no array")
    return cast("list[Any]", value)


def as_text(value: Any, where: str) -> str | None:
    """``value`` if it is a string or null; else ``ValueError``."""
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{where} is no string")
    return value
