"""A JSON Schema as the type of an answer; the value is plain JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..decode import decode
from ..schema import checker
from ..violations import violations
from .loader import Invalid

__all__ = ["SchemaLoader"]


class SchemaLoader:
    """Every constraint of the schema is checked, formats included. A number that a float would
    round comes as a ``Decimal``."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        self._checker = checker(schema)

    def load(self, text: str, base: Sequence[str | int] = (), /) -> Any:
        value, _ = decode(text)
        errors = violations(self._checker, value, base)
        if errors:
            raise Invalid(errors)
        return value
