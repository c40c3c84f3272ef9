"""Who is asked for real, with whose key, and at what cost: nobody, unless it is asked for.

``SEAWALL_LIVE=1`` is the switch; a key that is set is no wish. With it every vendor whose key is
set is asked, by the cheapest of its models whose price is known or else by its first, and the
cheap before the dear. ``SEAWALL_LIVE_MODELS`` names others, parted by commas
(``openrouter/vendor/model,azure/my-deployment``). ``SEAWALL_LIVE_CAP`` is what a run may cost at
most, in USD.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest
from msgspec import Struct

from seawall.vendors import Vendor, built_in, names

#: As it was when the tests were collected; none of them sees the keys unless it is live.
ENVIRON: Mapping[str, str] = dict(os.environ)
LIVE = ENVIRON.get("SEAWALL_LIVE") == "1"
CAP = 0.25
#: More than any question here takes, and what an answer may take, thoughts included.
PROMPT, ANSWER = 400, 256
#: USD a million tokens, of a model whose price is not known.
DEAR = (15.0, 75.0)


class Asked(Struct, frozen=True):
    """A model and the most that one call of it can cost, in USD."""

    vendor: str
    model: str
    most: float

    def __str__(self) -> str:
        return f"{self.vendor}/{self.model}"


def asked(environ: Mapping[str, str]) -> list[Asked]:
    """Everybody who is asked in this environment."""
    if environ.get("SEAWALL_LIVE") != "1":
        return []
    named = [name.strip() for name in environ.get("SEAWALL_LIVE_MODELS", "").split(",")]
    found = [_named(name) for name in named if name]
    for name in names():
        row = _row(name)
        if row.key_env is not None and environ.get(row.key_env):
            found += _cheapest(name, row) or _first(name, row)
    return sorted(found, key=lambda one: one.most)


def _named(name: str) -> Asked:
    vendor, _, model = name.partition("/")
    return Asked(vendor, model, most(_row(vendor), model))


def _row(name: str) -> Vendor:
    row = built_in(name)
    assert row is not None, f"there is no vendor {name!r}"
    return row


def _cheapest(name: str, row: Vendor) -> list[Asked]:
    """One a dialect that the vendor's models are asked in."""
    found: dict[str, Asked] = {}
    for model, known in row.models.items():
        if known.price is None or not float(known.price.output):
            continue  # what writes no answer, and what it costs nobody knows
        one = Asked(name, model, most(row, model))
        dialect = known.dialect or row.of(model).dialect
        if dialect not in found or one.most < found[dialect].most:
            found[dialect] = one
    return list(found.values())


def _first(name: str, row: Vendor) -> list[Asked]:
    """The first that writes in the vendor's own dialect, whatever it costs."""
    writing = (
        model
        for model, known in row.models.items()
        if known.price is None and known.dimensions is None and known.dialect is None
    )
    return [Asked(name, model, most(row, model)) for model in list(writing)[:1]]


def most(row: Vendor, model: str) -> float:
    """What one call can cost, in USD."""
    known = row.models.get(model)
    price = None if known is None else known.price
    a_token = DEAR if price is None else (float(price.input), float(price.output))
    return (PROMPT * a_token[0] + ANSWER * a_token[1]) / 1_000_000


class Purse:
    """What a run may still cost. Every call takes the most that it can cost beforehand."""

    def __init__(self, cap: float) -> None:
        self.left = cap

    def take(self, amount: float) -> None:
        """Skips the test that can no longer be paid for."""
        if amount > self.left:
            pytest.skip(f"it may cost {amount:.4f} USD, and {self.left:.4f} are left of the cap")
        self.left -= amount


PURSE = Purse(float(ENVIRON.get("SEAWALL_LIVE_CAP", CAP)))
