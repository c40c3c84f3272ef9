"""An answer's type: what to ask the vendor for, and the check of what came."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec

from ...errors import ExtractError, OutputError
from ..decode import encode
from ..extract import extract_json
from ..nulls import without_nulls
from ..schema import rooted
from .loader import Invalid, Loader

__all__ = ["Target"]

_WRAPPER = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NO_NULLS = "optional fields given as null left out"


class Target:
    """A ``Validator`` round a loader.

    ``schema`` has an object at its root: any other type is asked for as ``{"value": ...}``, and
    an answer may come so or bare. An optional field may come as ``null``, as strict schemas make
    it, and counts as left out.
    """

    def __init__(self, name: str, loader: Loader) -> None:
        self.name = name
        self._loader = loader
        self.schema: Mapping[str, Any]
        self.schema, self._wrapped = rooted(loader.schema)

    def check(self, text: str, /) -> tuple[Any, tuple[str, ...]]:
        try:
            found = extract_json(text, schema=self._fits, prefer="only", allow_truncated=False)
        except ExtractError as error:
            raise OutputError(str(error), raw=text, errors=(error.problem,)) from error
        try:
            value, notes = self._load(found.value, found.json)
        except Invalid as error:
            message = f"the answer is not what was asked for: {error}"
            raise OutputError(message, raw=text, errors=error.errors) from error
        return value, (*found.repairs, *notes)

    def _fits(self, value: Any) -> bool:
        try:
            self._load(value, encode(value))
        except Invalid:
            return False
        return True

    def _load(self, value: Any, text: str) -> tuple[Any, tuple[str, ...]]:
        """Load the first form of the answer that is valid; else tell the errors of the first."""
        first: Invalid | None = None
        for spelled, base, notes in self._forms(value, text):
            try:
                return self._loader.load(spelled, base), notes
            except Invalid as error:
                first = first or error
        assert first is not None
        raise first

    def _forms(
        self, value: Any, text: str
    ) -> Iterator[tuple[str, Sequence[str | int], tuple[str, ...]]]:
        schema = self._loader.schema
        if self._wrapped and isinstance(value, dict):
            inner = cast("dict[str, Any]", value)
            if set(inner) == {"value"}:
                yield _raw_value(text), ("value",), ()
                bare = without_nulls(inner["value"], schema, schema)
                if bare != inner["value"]:
                    yield encode(bare), ("value",), (_NO_NULLS,)
        yield text, (), ()
        bare = without_nulls(value, schema, schema)
        if bare != value:
            yield encode(bare), (), (_NO_NULLS,)


def _raw_value(text: str) -> str:
    """The text under ``value``, as it stands."""
    try:
        return bytes(_WRAPPER.decode(text)["value"]).decode()
    except msgspec.DecodeError:  # NaN, which is Python's JSON and not msgspec's
        return encode(json.loads(text)["value"])
