"""Settings from code, environment, ``.env`` and a TOML file, in that precedence.

Sources become one tree of plain values, once, at the edge; the shape they must have is the
caller's to give. Nothing here writes ``os.environ``.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import dotenv
import msgspec

from .errors import ConfigError
from .ports import Secret

__all__ = ["Source", "Sources", "Unset", "gather", "shape"]

T = TypeVar("T")
Tree = dict[str, Any]

_PREFIX = "SEAWALL_"
#: Short names of settings that are often set by environment.
_SHORT = {"SEAWALL_DIR": "ledger__dir", "SEAWALL_MODEL": "model"}
_NOT_SETTINGS = frozenset({"SEAWALL_CONFIG", "SEAWALL_CACHE"})
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_FIELD = re.compile(r"(^|[-_])(key|token|secret|password|authorization)$", re.IGNORECASE)


class Unset(Secret):
    """A secret whose variable is not set. It is an error to use it, not to have it."""

    def __init__(self, variable: str, source: str) -> None:
        super().__init__("", source)
        self.variable = variable

    def reveal(self) -> str:
        raise ConfigError(
            f"{self.variable} is not set",
            source=self.source,
            remedy=f"Set {self.variable} in the environment or in .env.",
        )


class Source(msgspec.Struct, frozen=True):
    """Where a part of the tree came from. ``trusted``: literal secrets may stand in it."""

    name: str
    tree: Mapping[str, Any]
    trusted: bool = False


class Sources(msgspec.Struct, frozen=True):
    """All sources, weakest first, and the variables that ``${NAME}`` may refer to."""

    layers: tuple[Source, ...]
    variables: Mapping[str, str]

    def tree(self) -> Tree:
        """The sources merged: tables are merged, everything else is replaced."""
        merged: Tree = {}
        for source in self.layers:
            _merge(merged, self._resolve(source, source.tree, ""))
        return merged

    def origin(self, key: str, field: str = "") -> tuple[str, str]:
        """The strongest source that sets the dotted ``key`` with ``field`` in it, and the key it
        has there. ``*`` in a key stands for any name."""
        parts = [part for part in key.split(".") if part]
        for source in reversed(self.layers):
            for path, found in _matches(source.tree, parts):
                if not field or (isinstance(found, Mapping) and field in found):
                    return source.name, ".".join(path)
        return "settings", key

    def _resolve(self, source: Source, value: Any, key: str) -> Any:
        if isinstance(value, Mapping):
            table = cast("Mapping[str, Any]", value)
            return {
                name: self._resolve(source, inner, f"{key}.{name}" if key else name)
                for name, inner in table.items()
            }
        if not isinstance(value, str):
            return value
        secret = _SECRET_FIELD.search(key.rpartition(".")[2]) is not None
        if not secret:
            return self._substitute(value, source, key)
        return self._secret(value, source, key)

    def _substitute(self, value: str, source: Source, key: str) -> str:
        def replace(match: re.Match[str]) -> str:
            found = self.variables.get(match[1])
            if found is None:
                raise ConfigError(
                    f"{match[1]} is not set",
                    source=source.name,
                    key=key,
                    remedy=f"Set {match[1]} in the environment or in .env.",
                )
            return found

        return _VARIABLE.sub(replace, value)

    def _secret(self, value: str, source: Source, key: str) -> Secret:
        named = _VARIABLE.fullmatch(value.removeprefix("Bearer "))
        if named is not None:
            found = self.variables.get(named[1])
            where = f"{source.name}: {key}"
            if not found:
                return Unset(named[1], where)
            return Secret(value.replace(named[0], found.strip()), where)
        if source.trusted or not value:
            return Secret(value, source.name)
        raise ConfigError(
            "a literal secret stands in the file",
            source=source.name,
            key=key,
            remedy="Put it into an environment variable and write ${ITS_NAME} here.",
        )


def gather(
    *,
    file: str | Path | None = None,
    code: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    env_file: str | Path | None = None,
) -> Sources:
    """Read every source. ``file`` defaults to ``SEAWALL_CONFIG``, then ``seawall.toml`` in the
    working directory if there is one. Raises ``ConfigError`` naming file and line."""
    own = os.environ if environ is None else environ
    variables = _read_env_file(env_file) | dict(own)
    layers: list[Source] = []
    path = _find(file, variables)
    if path is not None:
        layers.append(Source(str(path), _read_toml(path)))
    if env_file is not None:
        layers.append(Source(str(env_file), _from_variables(_read_env_file(env_file))))
    layers.append(Source("the environment", _from_variables(own), trusted=True))
    if code:
        layers.append(Source("code", code, trusted=True))
    return Sources(tuple(layers), variables)


def shape(sources: Sources, wanted: type[T]) -> T:
    """The settings as ``wanted``, a tree of Structs. Raises ``ConfigError`` that names the
    source, the key and, for a misspelt one, what was probably meant."""
    tree = sources.tree()
    try:
        return msgspec.convert(tree, wanted, dec_hook=_secret_hook)
    except msgspec.ValidationError as error:
        raise _explain(str(error), sources, wanted) from None


def _secret_hook(wanted: type, value: Any) -> Any:
    if isinstance(value, wanted):
        return value
    if wanted is Secret and isinstance(value, str):
        return Secret(value)
    raise ValueError(f"expected {wanted.__name__}, got {type(value).__name__}")


def _explain(message: str, sources: Sources, wanted: type) -> ConfigError:
    problem, _, where = message.partition(" - at `")
    pattern = where.rstrip("`").replace("[...]", ".*").removeprefix("$").lstrip(".")
    pattern = pattern.partition("[")[0]
    unknown = re.search(r"unknown field `(.+?)`", problem)
    remedy = field = ""
    if unknown is not None:
        field = unknown[1]
        names = _field_names(wanted)
        near = difflib.get_close_matches(unknown[1], names, 1)
        remedy = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(names))}."
        problem = f"there is no setting {unknown[1]!r}"
    source, key = sources.origin(pattern, field)
    return ConfigError(problem, source=source, key=key, remedy=remedy)


def _field_names(wanted: Any, seen: frozenset[Any] = frozenset()) -> set[str]:
    """The names of all fields below ``wanted``, for a suggestion."""
    names: set[str] = set()
    for argument in getattr(wanted, "__args__", ()):
        names |= _field_names(argument, seen)
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct) and wanted not in seen:
        for field in msgspec.structs.fields(wanted):
            names.add(field.encode_name)
            names |= _field_names(field.type, seen | {wanted})
    return names


def _find(file: str | Path | None, variables: Mapping[str, str]) -> Path | None:
    named = file if file is not None else variables.get("SEAWALL_CONFIG")
    if named:
        return Path(named).expanduser()
    path = Path("seawall.toml")
    return path if path.is_file() else None


def _read_toml(path: Path) -> Tree:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", source=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"is not valid TOML: {error}", source=str(path)) from None


def _read_env_file(path: str | Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        values = dotenv.dotenv_values(path, interpolate=False, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", source=str(path)) from None
    return {name: value for name, value in values.items() if value is not None}


def _from_variables(variables: Mapping[str, str]) -> Tree:
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
            inner = inner.setdefault(table, {})
        inner[last] = _plain(value)
    return tree


def _plain(text: str) -> Any:
    """A variable's text as a TOML value where it is one (``5``, ``true``, ``[...]``)."""
    try:
        value: Any = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return text if isinstance(value, str) else value


def _merge(into: Tree, tree: Mapping[str, Any]) -> None:
    for name, value in tree.items():
        # Variables cannot carry "-" or case: "wall_two" finds the file's "wall-two".
        match = next((old for old in into if _fold(old) == _fold(name)), name)
        old = into.get(match)
        if isinstance(old, dict) and isinstance(value, dict):
            _merge(cast("Tree", old), cast("Tree", value))
        else:
            into[match] = value


def _fold(name: str) -> str:
    return name.lower().replace("-", "_")


def _matches(tree: Any, parts: list[str]) -> Iterator[tuple[list[str], Any]]:
    """What stands at the path, by the names that lead there."""
    if not parts:
        yield [], tree
    elif isinstance(tree, Mapping):
        table = cast("Mapping[str, Any]", tree)
        names = table if parts[0] == "*" else [parts[0]]
        for name in names:
            if name in table:
                for path, found in _matches(table[name], parts[1:]):
                    yield [name, *path], found
