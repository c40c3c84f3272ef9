"""Where settings come from, and how they become one tree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..errors import ConfigError
from ..ports import Secret
from ..secret_patterns import redact

__all__ = ["SECRET_FIELD", "Source", "Sources", "Tree", "Unset", "Variables"]

Tree = dict[str, Any]

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
#: The names of settings whose values are secrets.
SECRET_FIELD = re.compile(
    r"((^|[-_]|api|access)key|token|secret|password|passwd|authorization|(^|[-_])auth"
    r"|credentials?|cookie)$",
    re.IGNORECASE,
)


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


class Source:
    """Where a part of the tree came from. ``trusted``: literal secrets may stand in it.
    ``folded``: its names have neither case nor hyphens, and find those of other sources."""

    __slots__ = ("folded", "name", "tree", "trusted")

    def __init__(
        self, name: str, tree: Mapping[str, Any], *, trusted: bool = False, folded: bool = False
    ) -> None:
        self.name = name
        self.tree = tree
        self.trusted = trusted
        self.folded = folded


class Variables(dict[str, str]):
    """The environment. It holds keys, so that it does not show what it holds."""

    def __repr__(self) -> str:
        return f"<{len(self)} variables>"


class Sources:
    """All sources, weakest first, and the variables that ``${NAME}`` may refer to. ``known``:
    tables of names that are there without any."""

    __slots__ = ("_known", "layers", "variables")

    def __init__(
        self,
        layers: tuple[Source, ...],
        variables: Mapping[str, str],
        known: Mapping[str, Any] | None = None,
    ) -> None:
        self._known = known or {}
        self.layers = layers
        self.variables = variables

    def tree(self) -> Tree:
        """The sources merged: tables are merged, everything else is replaced."""
        named: Tree = {}
        _merge(named, self._known)
        for source in self.layers:
            if not source.folded:
                _merge(named, source.tree)
        merged: Tree = {}
        for source in self.layers:
            resolved = self._resolve(source, source.tree, "")
            _merge(merged, resolved, named if source.folded else None)
        return merged

    def origin(self, path: Sequence[str]) -> str:
        """The strongest source that sets what stands at ``path``, or a part of it."""
        for end in range(len(path), -1, -1):
            for source in reversed(self.layers):
                if _stands(source.tree, path[:end]):
                    return source.name
        return "settings"

    def _resolve(self, source: Source, value: Any, key: str) -> Any:
        if isinstance(value, Mapping):
            table = cast("Mapping[str, Any]", value)
            return {
                name: self._resolve(source, inner, f"{key}.{name}" if key else name)
                for name, inner in table.items()
            }
        if isinstance(value, (list, tuple)):
            return [self._resolve(source, inner, key) for inner in cast("list[Any]", value)]
        if not isinstance(value, str):
            return value
        if SECRET_FIELD.search(key.rpartition(".")[2]):
            return self._secret(value, source, key)
        if not source.trusted and redact(value) != value:
            raise _literal(source, key)
        return self._substitute(value, source, key)

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
            found = self.variables.get(named[1], "").strip()
            where = f"{source.name}: {key}"
            if not found:
                return Unset(named[1], where)
            return Secret(value.replace(named[0], found), where)
        if source.trusted or not value:
            return Secret(value.strip(), source.name)
        raise _literal(source, key)


def _literal(source: Source, key: str) -> ConfigError:
    return ConfigError(
        "a literal secret stands in the file",
        source=source.name,
        key=key,
        remedy="Put it into an environment variable and write ${ITS_NAME} here.",
    )


def _merge(into: Tree, tree: Mapping[str, Any], like: Any = None) -> None:
    """``like``: tables whose names those of ``tree`` stand for, when they cannot carry "-" or
    case as variables cannot: "wall_two" for "wall-two"."""
    names = cast("Tree", like) if isinstance(like, dict) else {}
    for name, value in tree.items():
        match = next((known for known in names if _fold(known) == _fold(name)), name)
        if isinstance(value, Mapping):
            old = into.get(match)
            inner: Tree = cast("Tree", old) if isinstance(old, dict) else {}
            into[match] = inner
            _merge(inner, cast("Tree", value), names.get(match))
        else:
            into[match] = value


def _fold(name: str) -> str:
    return name.lower().replace("-", "_")


def _stands(tree: Any, path: Sequence[str]) -> bool:
    """Whether ``tree`` sets what stands at ``path``, whatever the spelling."""
    if not path:
        return True
    if not isinstance(tree, Mapping):
        return False
    table = cast("Mapping[str, Any]", tree)
    return any(
        _fold(name) == _fold(path[0]) and _stands(inner, path[1:]) for name, inner in table.items()
    )
