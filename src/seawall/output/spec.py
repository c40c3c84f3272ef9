"""From what a caller asks for to what checks the answer."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, cast, get_args, get_type_hints, is_typeddict

import msgspec

from ..errors import ConfigError
from ..ports import Validator
from . import targets
from .targets.loader import Loader

__all__ = ["target"]

_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")


def target(spec: Any) -> Validator:
    """The validator for ``spec``: a pydantic model, dataclass or ``TypeAdapter``, a dataclass,
    TypedDict, msgspec Struct, a builtin type such as ``list[int]``, a JSON Schema, or a
    validator of the caller's own.

    Raises ``ConfigError``.
    """
    if not isinstance(spec, type) and isinstance(spec, Validator):
        return spec
    if isinstance(spec, Mapping):
        return _schema_target(cast("Mapping[str, Any]", spec))
    try:
        return _type_target(spec)
    except TypeError as error:
        raise ConfigError(f"{spec!r} cannot be the type of an answer", key="output") from error


def _schema_target(schema: Mapping[str, Any]) -> Validator:
    try:
        key = msgspec.json.encode(schema)
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise ConfigError(f"the JSON Schema is not JSON: {error}", key="output") from error
    return _compiled(key)


@lru_cache(maxsize=256)
def _compiled(key: bytes) -> Validator:
    schema = msgspec.json.decode(key)
    return targets.Target(_name(schema.get("title")), targets.SchemaLoader(schema))


@lru_cache(maxsize=256)
def _type_target(spec: Any) -> Validator:
    loader: Loader = (
        targets.PydanticLoader(spec)
        if "pydantic" in sys.modules and any(map(_is_pydantic, _parts(spec, set())))
        else targets.TypedLoader(spec)
    )
    return targets.Target(
        _name(getattr(spec, "__name__", None) or loader.schema.get("title")), loader
    )


def _name(title: Any) -> str:
    """A name vendors accept: letters, digits, ``_`` and ``-``, at most 64."""
    return (
        _UNFIT.sub("_", title)[:64].strip("_") or "output" if isinstance(title, str) else "output"
    )


def _is_pydantic(part: Any) -> bool:
    # What a TypeAdapter or a Field is made of has pydantic's own type.
    if hasattr(part, "__pydantic_validator__") or hasattr(part, "__get_pydantic_core_schema__"):
        return True
    return type(part).__module__.partition(".")[0] == "pydantic"


def _parts(spec: Any, seen: set[int]) -> Iterator[Any]:
    """``spec`` and every type it is built of."""
    if id(spec) in seen:
        return
    seen.add(id(spec))
    yield spec
    inner: Iterable[Any] = get_args(spec)
    if is_typeddict(spec) or dataclasses.is_dataclass(spec):
        try:
            inner = get_type_hints(spec, include_extras=True).values()
        except Exception:  # the loader says what is wrong with an annotation
            inner = ()
    for part in inner:
        yield from _parts(part, seen)
