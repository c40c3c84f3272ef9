"""pydantic models, dataclasses and type adapters. pydantic is not imported here: who gives such
a type has imported it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from ...errors import ConfigError
from ..decode import decode, encode
from ..problems import described, listed, located, where
from .loader import Invalid

__all__ = ["PydanticLoader"]

_LONG = re.compile(r"[0-9][0-9.]{15}")  # shorter numbers survive a float


class PydanticLoader:
    """pydantic's strict JSON mode: a string is no number, but dates, enums, UUIDs and the like
    are read from strings and a ``Decimal`` or ``float`` from any number. A field that says
    ``Field(strict=False)`` is read as it says. The model's own validators run."""

    def __init__(self, spec: Any) -> None:
        pydantic = sys.modules["pydantic"]
        self._error: Any = pydantic.ValidationError
        try:
            self._adapter: Any = (
                spec if isinstance(spec, pydantic.TypeAdapter) else pydantic.TypeAdapter(spec)
            )
            self.schema: Mapping[str, Any] = self._adapter.json_schema()
        except Exception as error:  # a model's own hooks raise what they like
            told = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ConfigError(
                f"pydantic has no JSON Schema for {spec!r}: {told}", key="output"
            ) from error

    def load(self, text: str, base: Sequence[str | int] = (), /) -> Any:
        try:
            value = self._adapter.validate_json(text, strict=True)
            return self._exact(value, text) if _LONG.search(text) else value
        except self._error as error:
            told: list[Mapping[str, Any]] = error.errors(include_url=False)
            raise Invalid(listed([_line(one, base) for one in told])) from error

    def _exact(self, value: Any, text: str) -> Any:
        """``value`` with every digit of its decimals: pydantic reads a JSON number by way of a
        float, and a string exactly, so those numbers that became decimals are given as strings."""
        source, _ = decode(text)
        dumped = self._adapter.dump_python(value, by_alias=True, warnings=False)
        quoted = _quoted(source, dumped)
        return self._adapter.validate_json(encode(quoted), strict=True)


def _quoted(source: Any, dumped: Any) -> Any:
    if isinstance(source, Decimal):
        return str(source) if isinstance(dumped, Decimal) else source
    if isinstance(source, dict):
        loaded = cast("dict[str, Any]", dumped if isinstance(dumped, dict) else {})
        members = cast("dict[str, Any]", source).items()
        return {name: _quoted(item, loaded.get(name)) for name, item in members}
    if isinstance(source, list) and isinstance(dumped, (list, tuple)):
        items = zip(cast("list[Any]", source), cast("Sequence[Any]", dumped), strict=False)
        return [_quoted(item, loaded) for item, loaded in items]
    return cast("Any", source)


def _line(error: Mapping[str, Any], base: Sequence[str | int]) -> str:
    path = where([*base, *error["loc"]])
    if error["type"] == "missing":
        return located(path, "missing, but required")
    if error["type"] == "extra_forbidden":
        return located(path, "no such field; leave it out")
    return located(path, f"{error['msg']}, got {described(error['input'])}")
