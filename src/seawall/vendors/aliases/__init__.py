"""Aliases that come built in, from data: ``volume`` and ``frontier``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import msgspec
from msgspec import Struct

__all__ = ["Alias", "aliases"]


class Alias(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``route``: one ``vendor/model`` a vendor, asked in this order. ``about``: which kind of
    model, ``order``: by what they are ordered, ``chosen``: the day on which that was so."""

    route: tuple[str, ...]
    about: str
    order: str
    chosen: str


@cache
def aliases() -> Mapping[str, Alias]:
    """The built-in aliases by name. The settings' own of the same name go before them."""
    data = files(__name__).joinpath("built_in.toml").read_bytes()
    return MappingProxyType(msgspec.toml.decode(data, type=dict[str, Alias]))
