"""From the names callers use to ``vendor/model`` names."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from ..errors import ConfigError
from ..vendors.aliases import aliases
from .settings import ModelSettings, Settings

__all__ = ["Aliases"]


class Aliases:
    """The aliases of the settings, and the built-in ones that they do not replace. ``origin``
    names the source of a setting."""

    def __init__(self, settings: Settings, origin: Callable[[Sequence[str]], str]) -> None:
        self._settings = settings
        self._origin = origin

    def names(self, model: str) -> tuple[str, ...]:
        """The ``vendor/model`` names behind an alias, in order; a plain name is its own. Raises
        ``ConfigError`` for a name that leads nowhere."""
        return tuple(dict.fromkeys(self._expand(model, ())))

    def entry(self, model: str) -> ModelSettings | None:
        """What the settings say about it, with the route of a built-in alias."""
        own, alias = self._settings.models.get(model), aliases().get(model)
        if alias is None or (own is not None and own.route):
            return own
        return replace(own or ModelSettings(), route=alias.route)

    def _expand(self, model: str, above: tuple[str, ...]) -> list[str]:
        entry = self.entry(model)
        if entry is not None and entry.route:
            if model not in above:
                inner = (*above, model)
                return [name for step in entry.route for name in self._expand(step, inner)]
            if "/" not in model.strip("/"):
                circle = " -> ".join((*above, model))
                raise self._wrong(f"the alias refers to itself: {circle}", model)
            # In the route of its own name a model is itself.
        if "/" in model.strip("/"):
            return [model]
        if entry is None:
            raise self._unknown(model)
        remedy = 'Name the models it asks, in order: route = ["vendor/model"].'
        raise self._wrong("the alias has no route", model, remedy)

    def _wrong(self, problem: str, model: str, remedy: str = "") -> ConfigError:
        path = ("models", model, "route")
        return ConfigError(problem, source=self._origin(path), key=".".join(path), remedy=remedy)

    def _unknown(self, model: str) -> ConfigError:
        own = (name for name, entry in self._settings.models.items() if entry.route)
        known = sorted({*own, *aliases()})
        near = difflib.get_close_matches(model, known, 1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        return ConfigError(
            f"{model!r} is neither an alias nor vendor/model",
            key="model",
            remedy=f"{hint}Aliases: {', '.join(known)}. "
            f"Write for example 'openai/{model.strip('/') or 'gpt-4o-mini'}'.",
        )
