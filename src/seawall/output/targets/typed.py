"""Dataclasses, TypedDicts, msgspec Structs and builtin types, read by msgspec."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from ...errors import ConfigError
from ..decode import decode
from ..problems import located, where
from ..schema import Checker, checker
from ..violations import violations
from .loader import Invalid

__all__ = ["TypedLoader"]

_TOLD = re.compile(r"(?P<what>.*?)(?: - at `(?P<at>key in )?\$?(?P<path>[^`]*)`)?\Z", re.DOTALL)


class TypedLoader:
    """Strict: a string is no number and ``1.0`` no integer. ``Decimal`` fields keep every digit,
    and what JSON has no type for (dates, UUIDs, bytes, enums) is read from strings."""

    def __init__(self, spec: Any) -> None:
        try:
            self.schema: Mapping[str, Any] = msgspec.json.schema(spec)
            self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(spec)
        except Exception as error:  # a broken annotation raises what it likes
            told = str(error).splitlines()[-1] if str(error) else type(error).__name__
            raise ConfigError(
                f"{spec!r} cannot be the type of an answer: {told}",
                key="output",
                remedy="Give a dataclass, TypedDict, msgspec Struct, pydantic model, a builtin "
                "type such as list[int], or a JSON Schema.",
            ) from error

    def load(self, text: str, base: Sequence[str | int] = (), /) -> Any:
        try:
            return self._decoder.decode(text)
        except msgspec.ValidationError as error:
            # msgspec tells the first error only; the schema tells them all.
            raise Invalid(
                violations(self._checker, decode(text)[0], base) or (_told(error, base),)
            ) from error
        except msgspec.DecodeError as error:
            told = "NaN and Infinity are not JSON; use a number or null"
            raise Invalid((located(where(base), told),)) from error

    @cached_property
    def _checker(self) -> Checker:
        return checker(self.schema)


def _told(error: msgspec.ValidationError, base: Sequence[str | int]) -> str:
    found = _TOLD.match(str(error))
    assert found is not None
    at = f"{where(base)}{found['path'] or ''}".removeprefix(".")
    return located(at, found["what"].replace("`", ""))
