"""What a value does wrong by a JSON Schema, in the words of ``problems``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, cast

from .problems import described, listed, located, where
from .schema import Checker

__all__ = ["violations"]

_MAX_READ = 200  # errors looked at: a long array may have one for each item


def violations(checker: Checker, value: Any, base: Sequence[str | int] = ()) -> tuple[str, ...]:
    """Every error of ``value``, none if it is valid. ``base``: where the value itself stands."""
    found: list[str] = []
    for error in checker.iter_errors(value):
        found.extend(_lines(error, base))
        if len(found) >= _MAX_READ:
            break
    return listed(found)


def _lines(error: Any, base: Sequence[str | int]) -> Iterable[str]:
    path = [*base, *error.instance_path]
    kind, detail = error.kind.name, error.kind.value
    if kind == "required":
        yield located(where([*path, detail]), "missing, but required")
    elif kind in ("additionalProperties", "unevaluatedProperties"):
        for name in _each(detail):
            yield located(where([*path, str(name)]), "no such field; leave it out")
    elif kind in ("anyOf", "oneOf") and _branches(error):
        yield from _union(error, base)
    else:
        yield located(where(path), _expected(kind, detail, error))


def _expected(kind: str, detail: Any, error: Any) -> str:
    got = described(error.instance)
    if kind == "type":
        return f"expected {' or '.join(_each(detail))}, got {got}"
    if kind == "enum":
        return f"expected one of {json.dumps(detail, ensure_ascii=False)}, got {got}"
    if kind == "const":
        return f"expected {json.dumps(detail, ensure_ascii=False)}, got {got}"
    return str(error.message)


def _each(detail: Any) -> list[str]:
    return [str(one) for one in cast("list[Any]", detail)] if isinstance(detail, list) else [detail]


def _branches(error: Any) -> list[list[Any]]:
    context = getattr(error.kind, "context", None)
    return [branch for branch in context or () if branch]


def _union(error: Any, base: Sequence[str | int]) -> Iterable[str]:
    """The errors of the branch that was meant: the one that went wrong deepest inside. If each
    went wrong at once, what each of them wants."""
    branches = _branches(error)
    depth = len(error.instance_path)
    inside = [branch for branch in branches if not any(_at(one, depth) for one in branch)]
    if inside:
        for one in min(inside, key=len):
            yield from _lines(one, base)
        return
    wanted = dict.fromkeys(_want(one) for branch in branches for one in branch if _at(one, depth))
    path = where([*base, *error.instance_path])
    yield located(path, f"expected {' or '.join(wanted)}, got {described(error.instance)}")


def _at(error: Any, depth: int) -> bool:
    """Whether ``error`` says that the value itself is of a wrong kind."""
    return len(error.instance_path) == depth and error.kind.name in ("type", "enum", "const")


def _want(error: Any) -> str:
    detail = error.kind.value
    if error.kind.name == "type":
        return " or ".join(_each(detail))
    if error.kind.name == "enum":
        return f"one of {json.dumps(detail, ensure_ascii=False)}"
    return json.dumps(detail, ensure_ascii=False)
