"""pydantic models, dataclasses and type adapters. pydantic is not imported here: who gives such
a type has imported it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import ConfigError
from ..problems import described, listed, located, where
from .loader import Invalid

__all__ = ["PydanticLoader"]


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
            return self._adapter.validate_json(text, strict=True)
        except self._error as error:
            told: list[Mapping[str, Any]] = error.errors(include_url=False)
            raise Invalid(listed([_line(one, base) for one in told])) from error


def _line(error: Mapping[str, Any], base: Sequence[str | int]) -> str:
    path = where([*base, *error["loc"]])
    if error["type"] == "missing":
        return located(path, "missing, but required")
    if error["type"] == "extra_forbidden":
        return located(path, "no such field; leave it out")
    return located(path, f"{error['msg']}, got {described(error['input'])}")
