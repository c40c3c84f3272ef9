"""Keys: which variable holds each vendor's, and what is wrong with it. None is ever shown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from ...client.routes import Missing
from ...config import Unset
from ...errors import ConfigError
from . import git
from .detect import placeholder
from .findings import Finding, Level, refused
from .setup import Setup

__all__ = ["check"]

_NAMED = re.compile(r"\$\{(\w+)\}")


def check(setup: Setup, env_file: Path) -> list[Finding]:
    """One finding a vendor, then the default model and ``.env``."""
    found = [_vendor(name, setup) for name in setup.vendors]
    return [*found, _default_model(setup), *_env_file(env_file)]


def _vendor(name: str, setup: Setup) -> Finding:
    variable = _variable(name, setup)
    try:
        key = setup.router.key(name)
    except Missing as lack:
        if name in setup.settings.vendors:
            return Finding("warn", name, f"{variable or 'its key'} is not set", lack.remedy)
        return Finding("info", name, f"{variable} is not set")
    except ConfigError as error:
        return refused(name, error)
    if key is None:
        return Finding("ok", name, "needs no key")
    if variable is None:
        return Finding("ok", name, f"key from {key.source}")
    where = "the environment" if variable in os.environ else ".env"
    level, flaw = _flaw(setup.sources.variables.get(variable, ""))
    if not flaw:
        return Finding("ok", name, f"{variable} from {where}")
    remedy = f"Write {variable} anew in {where}: the bare key and nothing else."
    return Finding(level, name, f"{variable} from {where} {flaw}", remedy)


def _variable(name: str, setup: Setup) -> str | None:
    """The variable that holds a vendor's key; ``None`` if the key came from elsewhere."""
    own = setup.settings.vendors.get(name)
    if own is None or own.key is None:
        return setup.router.vendor(name).key_env
    if isinstance(own.key, Unset):
        return own.key.variable
    for source in reversed(setup.sources.layers):
        written = _at(source.tree, ("vendors", name, "key"))
        if isinstance(written, str):
            named = _NAMED.search(written)
            return named[1] if named is not None else None
    return None


def _at(tree: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = tree
    for step in path:
        value = cast("Mapping[str, Any]", value).get(step) if isinstance(value, Mapping) else None
    return value


def _flaw(key: str) -> tuple[Level, str]:
    bare = key.strip()
    if bare[:1] in ("'", '"') or bare[-1:] in ("'", '"'):
        return "fail", "has quotes in it, which would be sent as part of the key"
    if not bare.isascii() or not bare.isprintable() or " " in bare:
        return "fail", "holds a blank or a character that no key has"
    if placeholder(bare):
        return "warn", "looks like a placeholder"
    return ("warn", "has blanks or a line break around it") if bare != key else ("ok", "")


def _default_model(setup: Setup) -> Finding:
    """Whether a call that names no model has a route."""
    model = setup.settings.model
    try:
        routes = setup.router.names(model)
        lacking = {name: lack for name in routes if (lack := _lack(name, setup)) is not None}
    except ConfigError as error:
        return refused("default model", error)
    if len(lacking) == len(routes):
        remedy = next(iter(lacking.values())).remedy
        return Finding("fail", "default model", f"{model} cannot be asked: no key", remedy)
    without = f", without {', '.join(lacking)} for want of a key" if lacking else ""
    return Finding("ok", "default model", f"{model}{without}")


def _lack(route: str, setup: Setup) -> Missing | None:
    try:
        setup.router.key(route.partition("/")[0])
    except Missing as lack:
        return lack
    return None


def _env_file(path: Path) -> list[Finding]:
    if not path.is_file():
        return []
    try:
        if git.top(path.parent) is None:
            return [Finding("ok", ".env", "is read; no git repository could take it along")]
        if git.tracks(path):
            remedy = "`git rm --cached .env`, add it to .gitignore, and rotate every key in it."
            return [Finding("fail", ".env", "is tracked by git, with all that is in it", remedy)]
        if git.ignores(path):
            return [Finding("ok", ".env", "is read, and ignored by git")]
    except git.GitError as error:
        return [Finding("info", ".env", f"is read; whether git ignores it is unknown: {error}")]
    remedy = "Add a line `.env` to .gitignore before `git add` publishes it."
    return [Finding("warn", ".env", "is not ignored by git", remedy)]
