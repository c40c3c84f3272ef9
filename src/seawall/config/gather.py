"""Reading the sources: code, environment, ``.env``, TOML."""

from __future__ import annotations

import io
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import dotenv
from dotenv.parser import parse_stream

from ..errors import ConfigError
from .sources import SECRET_FIELD, Source, Sources, Tree, Variables

__all__ = ["gather"]

_PREFIX = "SEAWALL_"
#: Short names of settings that are often set by environment.
_SHORT = {"SEAWALL_DIR": "ledger__dir", "SEAWALL_MODEL": "model"}
#: Tables within tables. Settings have five; what reads them recurses.
_MAX_DEPTH = 20
_NOT_SETTINGS = frozenset({"SEAWALL_CONFIG", "SEAWALL_CACHE"})


def gather(
    *,
    file: str | Path | None = None,
    code: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    env_file: str | Path | None = None,
    known: Mapping[str, Any] | None = None,
) -> Sources:
    """Read every source. ``file`` defaults to ``SEAWALL_CONFIG``, then ``seawall.toml`` in the
    working directory if there is one. ``known``: tables of names that variables may mean though
    no source has them. Raises ``ConfigError`` naming file and line."""
    own = Variables(os.environ if environ is None else environ)
    asked = Variables() if env_file is None else _read_env_file(Path(env_file).expanduser())
    variables = Variables(asked | own)
    layers: list[Source] = []
    path = _find(file, variables)
    if path is not None:
        layers.append(Source(str(path), _read_toml(path)))
    for name, values in ((str(env_file), asked), ("the environment", own)):
        layers.append(Source(name, _from_variables(values, name), trusted=True, folded=True))
    if code:
        layers.append(Source("code", code, trusted=True))
    return Sources(tuple(layers), variables, known or {})


def _find(file: str | Path | None, variables: Mapping[str, str]) -> Path | None:
    named = file if file is not None else variables.get("SEAWALL_CONFIG")
    if named:
        return Path(named).expanduser()
    path = Path("seawall.toml")
    return path if path.is_file() else None


def _read_toml(path: Path) -> Tree:
    try:
        tree = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", source=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"is not valid TOML: {error}", source=str(path)) from None
    except RecursionError:
        raise ConfigError("is nested too deeply", source=str(path)) from None
    level: list[Tree] = [tree]
    for _ in range(_MAX_DEPTH):
        inner = [value for table in level for value in table.values()]
        level = [cast("Tree", value) for value in inner if isinstance(value, dict)]
    if level:
        raise ConfigError("is nested too deeply", source=str(path))
    return tree


def _read_env_file(path: Path) -> Variables:
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", source=str(path)) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not UTF-8: {error.reason}", source=str(path)) from None
    for found in parse_stream(io.StringIO(text)):
        if found.error:  # what stands there is not shown: it may be a key
            raise ConfigError(
                f"line {found.original.line} is not NAME=value",
                source=str(path),
                remedy="A value with quotes or blanks in it stands between quotes.",
            )
    values = dotenv.dotenv_values(stream=io.StringIO(text), interpolate=False)
    return Variables({name: value for name, value in values.items() if value is not None})


def _from_variables(variables: Mapping[str, str], source: str) -> Tree:
    """``SEAWALL_MODELS__SMART__RETRY__ATTEMPTS=5`` sets ``models.smart.retry.attempts``."""
    tree: Tree = {}
    for name, value in variables.items():
        path = _SHORT.get(name)
        if path is None:
            if not name.startswith(_PREFIX) or "__" not in name or name in _NOT_SETTINGS:
                continue
            path = name.removeprefix(_PREFIX).lower()
        *tables, last = path.split("__")
        inner = tree
        for table in tables:
            found: Any = inner.setdefault(table, {})
            if not isinstance(found, dict):
                raise _contradiction(source, name)
            inner = cast("Tree", found)
        if isinstance(inner.get(last), dict):
            raise _contradiction(source, name)
        inner[last] = value if SECRET_FIELD.search(last) else _plain(value)
    return tree


def _contradiction(source: str, name: str) -> ConfigError:
    return ConfigError(
        "another variable sets this as a whole, or a part of it",
        source=source,
        key=name,
        remedy="Unset one of them.",
    )


def _plain(text: str) -> Any:
    """A variable's text as a TOML value where it is one (``5``, ``true``, ``"5"``, ``[...]``)."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
