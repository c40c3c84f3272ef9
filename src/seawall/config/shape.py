"""From the tree to the settings, and what to say of a tree that does not fit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast, get_args, get_origin

import msgspec

from ..errors import ConfigError
from ..ports import Secret
from .sources import Sources

__all__ = ["shape"]

T = TypeVar("T")


def shape(sources: Sources, wanted: type[T]) -> T:
    """The settings as ``wanted``, a tree of Structs. Raises ``ConfigError`` that names the
    source, the key and, for a misspelt one, what was probably meant."""
    tree = sources.tree()
    _check_names(sources, tree, wanted, ())
    try:
        return msgspec.convert(tree, wanted, dec_hook=_secret_hook)
    except msgspec.ValidationError as error:
        path, problem, kind = _locate(tree, wanted, (), str(error))
    source, remedy = sources.origin(path), _remedy(problem, kind)
    raise ConfigError(problem, source=source, key=".".join(path), remedy=remedy)


def _remedy(problem: str, kind: Any) -> str:
    if problem.startswith("Expected `object`"):
        known = ", ".join(_names(kind))
        return f"Write a table of {known}." if known else "Write a table."
    if re.match(r"Expected `str( \| null)?`, got `(int|float|bool)`", problem):
        return "Put it in quotes."
    return ""


def _secret_hook(wanted: type, value: Any) -> Any:
    if isinstance(value, wanted):
        return value
    if wanted is Secret and isinstance(value, str):
        return Secret(value)
    raise ValueError(f"expected {wanted.__name__}, got {type(value).__name__}")


def _check_names(sources: Sources, tree: Any, wanted: Any, path: tuple[str, ...]) -> None:
    for name, inner, kind in _members(tree, wanted):
        if kind is None:
            known = _names(wanted)
            near = difflib.get_close_matches(name, known, 1)
            raise ConfigError(
                f"there is no setting {name!r}",
                source=sources.origin((*path, name)),
                key=".".join(path),
                remedy=f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}.",
            )
        _check_names(sources, inner, kind, (*path, name))


def _locate(
    tree: Any, wanted: Any, path: tuple[str, ...], problem: str
) -> tuple[tuple[str, ...], str, Any]:
    """The deepest place that is wrong by itself, what is wrong there, and its type."""
    for name, inner, kind in _members(tree, wanted):
        try:
            msgspec.convert(inner, kind, dec_hook=_secret_hook)
        except msgspec.ValidationError as error:
            return _locate(inner, kind, (*path, name), str(error))
    return path, problem.partition(" - at `")[0], wanted


def _members(tree: Any, wanted: Any) -> Iterator[tuple[str, Any, Any]]:
    """The members of a table and the type of each, ``None`` for a name that is none."""
    if not isinstance(tree, Mapping):
        return
    table = cast("Mapping[str, Any]", tree)
    if get_origin(wanted) is dict:
        yield from ((name, inner, get_args(wanted)[1]) for name, inner in table.items())
        return
    struct = _struct(wanted)
    if struct is not None:
        types = {field.encode_name: field.type for field in msgspec.structs.fields(struct)}
        yield from ((name, inner, types.get(name)) for name, inner in table.items())


def _struct(wanted: Any) -> type[msgspec.Struct] | None:
    """The Struct that a type is, or allows beside others."""
    return next(
        (
            kind
            for kind in (wanted, *get_args(wanted))
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
        ),
        None,
    )


def _names(wanted: Any) -> list[str]:
    struct = _struct(wanted)
    return [] if struct is None else sorted(f.encode_name for f in msgspec.structs.fields(struct))
