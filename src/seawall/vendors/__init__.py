"""Vendors are data: one TOML file each, read once, on first use."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ..dialects.hosted import Hosting
from ..ports import Quirks
from ..types import Price
from .batching import Batching
from .places import Family, SdkClient, Variable

__all__ = ["Model", "Prices", "Retired", "Vendor", "built_in", "names"]


class Prices(Struct, frozen=True, forbid_unknown_fields=True):
    """USD a million tokens, as decimal text, so that no float ever touches money. ``long``: what
    a call with a prompt of more than ``above`` tokens is charged by. ``search``: USD a thousand
    search units, for what is billed by these. ``until``: the last day (``2026-12-31``, in UTC) of
    this price, and ``then`` the next."""

    input: str
    output: str
    cached: str | None = None
    cache_write: str | None = None
    cache_write_1h: str | None = None
    search: str = "0"
    above: int | None = None
    long: Prices | None = None
    until: str | None = None
    then: Prices | None = None

    def price(self) -> Price:
        """Raises ``ValueError`` for text that is no amount."""
        if (self.above is None) != (self.long is None):
            raise ValueError("a price has both above and long, or neither")
        if (self.until is None) != (self.then is None):
            raise ValueError("a price has both until and then, or neither")
        return Price(
            input=_pico(self.input),
            output=_pico(self.output),
            cached=None if self.cached is None else _pico(self.cached),
            cache_write=None if self.cache_write is None else _pico(self.cache_write),
            cache_write_1h=None if self.cache_write_1h is None else _pico(self.cache_write_1h),
            search=_pico(self.search) * 1000,
            above=self.above,
            long=None if self.long is None else self.long.price(),
            until=None if self.until is None else _end_of(self.until),
            then=None if self.then is None else self.then.price(),
        )


def _end_of(day: str) -> float:
    """The first second after ``day``. Raises ``ValueError`` for what is none."""
    return (datetime.combine(date.fromisoformat(day), time(), UTC) + timedelta(days=1)).timestamp()


def _pico(amount: str) -> int:
    """USD a million tokens is micro-USD a token: a million pico-USD each."""
    whole, _, fraction = amount.partition(".")
    if not (whole + fraction).isdigit() or len(fraction) > 6 or len(whole) > 9:
        raise ValueError(f"{amount!r} is no price: write USD a million tokens, such as '0.15'")
    return int(whole or "0") * 1_000_000 + int((fraction + "000000")[:6])


class Model(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """What is known of one model. ``dialect``: the one it is asked in, if not its vendor's.
    ``window``: context in tokens; ``dimensions``: of its vectors, unless it is asked for fewer.
    ``quirks``: where it differs from its vendor's. ``source``: who says so."""

    dialect: str | None = None
    window: int | None = None
    dimensions: int | None = None
    price: Prices | None = None
    quirks: dict[str, Any] = {}
    source: str = ""


class Retired(Struct, frozen=True, forbid_unknown_fields=True):
    """A model that is gone ``since`` a day (``2026-05-15``), and the one to ask instead."""

    successor: str
    since: str


class Vendor(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """One vendor's row. ``source`` says where its facts come from, ``sources`` where each does:
    by the name of a field or of a quirk, and ``tools``, ``parallel_tools``, ``retired``.
    ``key_optional``: without a key it is asked without one. ``operations``: what it serves beside
    chat, if that is less than its dialect can say.

    ``hosting``: what a cloud changes of the dialect's requests. ``variables``: the parts of its
    address that depend on an account. ``sdk``: the official client that can carry the bytes.
    ``families``: models, by a pattern of their names, that are asked in another way. ``batch``:
    its batch API."""

    dialect: str = "openai_chat"
    transport: str = "http"
    base_url: str = ""
    base_url_env: str | None = None
    key_env: str | None = None
    key_optional: bool = False
    auth_header: str = "authorization"
    auth_scheme: str = "Bearer "
    headers: dict[str, str] = {}
    quirks: Quirks = Quirks()
    operations: tuple[str, ...] | None = None
    hosting: Hosting | None = None
    variables: dict[str, Variable] = {}
    sdk: SdkClient | None = None
    families: dict[str, Family] = {}
    batch: Batching | None = None
    models: dict[str, Model] = {}
    retired: dict[str, Retired] = {}
    source: str = ""
    sources: dict[str, str] = {}

    def of(self, model: str) -> Vendor:
        """The row as it is for ``model``: with what the first family that it belongs to says."""
        for pattern, family in self.families.items():
            if fnmatchcase(model, pattern):
                told = {name: getattr(family, name) for name in family.__struct_fields__}
                known = {name: value for name, value in told.items() if value is not None}
                return replace(self, families={}, **known)
        return self

    def quirks_of(self, model: str) -> Quirks:
        """How the vendor departs from its dialect when it is asked for ``model``. Raises
        ``msgspec.ValidationError`` for a quirk there is not."""
        known = self.models.get(model)
        usual = self.of(model).quirks
        if known is None or not known.quirks:
            return usual
        told = msgspec.convert(known.quirks, Quirks)
        return replace(usual, **{name: getattr(told, name) for name in known.quirks})


@cache
def names() -> tuple[str, ...]:
    """The built-in vendors."""
    found = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name[:-5] for name in found if name.endswith(".toml")))


@cache
def built_in(name: str) -> Vendor | None:
    """A built-in vendor's row, or ``None``."""
    if name not in names():
        return None
    return msgspec.toml.decode(files(__name__).joinpath(f"{name}.toml").read_bytes(), type=Vendor)
