"""Filling in the parts of a vendor's address that depend on an account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from msgspec.structs import replace

from ..dialects.hosted import Hosting
from ..errors import ConfigError
from ..plugins import load
from ..ports import Secret, Transport
from ..vendors import Vendor
from ..vendors.places import USUAL_SDKS
from .settings import Settings

__all__ = ["Missing", "Places"]

_NAME = re.compile(r"\{(\w+)\}")
#: What may become part of a host or a path; an endpoint is an address of its own.
_PART = re.compile(r"[\w.:~-]+|https?://\S+")


class Missing(ConfigError):
    """A route that cannot be taken because ``what`` of its vendor is not set in ``variable``."""

    def __init__(
        self, vendor: str, variable: str, source: str = "", *, what: str = "key", other: str = ""
    ) -> None:
        self.variable = variable
        super().__init__(
            f"the {what} of {vendor} is not set",
            source=source,
            remedy=f"Set {variable} in the environment or in .env{other}.",
        )


class Places:
    """``variables`` are those of the environment, from which a row's own take their values."""

    def __init__(self, settings: Settings, variables: Mapping[str, str]) -> None:
        self._settings = settings
        self._variables = variables

    def fill(
        self, vendor: str, row: Vendor, template: str, known: Mapping[str, str] | None = None
    ) -> str:
        """``template`` with what is ``known`` and the row's variables; other names in braces stay.
        Raises ``Missing`` for a variable that is not set."""
        told = known or {}
        return _NAME.sub(
            lambda found: told.get(found[1]) or self._value(vendor, row, found[1]) or found[0],
            template,
        )

    def hosting(self, vendor: str, row: Vendor, known: Mapping[str, str]) -> Hosting | None:
        """The row's ``hosting`` with its variables."""
        if row.hosting is None:
            return None
        fill = partial(self.fill, vendor, row, known=known)
        return replace(
            row.hosting,
            path=fill(row.hosting.path),
            stream_path=fill(row.hosting.stream_path),
            query={name: fill(text) for name, text in row.hosting.query.items()},
        )

    def sdk(self, vendor: str, row: Vendor, base_url: str, key: Secret | None) -> Transport:
        """The transport whose client is made as the row says. Raises ``ConfigError`` for a row
        whose dialect no SDK is known to speak."""
        how = row.sdk or USUAL_SDKS.get(row.dialect)
        if how is None:
            raise ConfigError(
                f"no SDK is known for {vendor}",
                key=f"vendors.{vendor}.transport",
                remedy='Leave transport away, or write which: sdk = { client = "module:name" }.',
            )
        known = {"base_url": base_url}
        arguments = {
            name: self.fill(vendor, row, value, known) if isinstance(value, str) else value
            for name, value in how.arguments.items()
        }
        return load("transport", "sdk").of(
            how.client,
            arguments,
            base_url=base_url,
            key=key,
            extra=how.extra,
            key_as=how.key_as,
            token_as=how.token_as,
            scope=how.scope,
        )

    def _value(self, vendor: str, row: Vendor, name: str) -> str:
        variable = row.variables.get(name)
        if variable is None:
            return ""
        own = self._settings.vendors.get(vendor)
        said = [((own and own.variables) or {}).get(name, "")]
        said += [self._variables.get(env, "") for env in variable.env]
        given = next((text.strip() for text in said if text.strip()), "")
        if given:
            return self._checked(vendor, name, given)
        if variable.of:
            case = variable.cases.get(self._value(vendor, row, variable.of))
            if case is not None:
                return case
        if variable.default is None:
            raise self._missing(vendor, name, variable.env)
        try:
            return self.fill(vendor, row, variable.default)
        except Missing as lack:
            raise self._missing(vendor, name, (*variable.env, lack.variable)) from None

    def _missing(self, vendor: str, name: str, names: tuple[str, ...]) -> Missing:
        other = f', or write {name} = "..." under [vendors.{vendor}.variables]'
        return Missing(vendor, " or ".join(names), what=name, other=other)

    def _checked(self, vendor: str, name: str, value: str) -> str:
        if not _PART.fullmatch(value):
            raise ConfigError(
                f"{name} is {value!r}, which cannot be part of an address",
                key=f"vendors.{vendor}.variables.{name}",
                remedy="Write it as the cloud's console shows it.",
            )
        return value.rstrip("/")
