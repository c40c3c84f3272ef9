"""What the demo asks about, and what goes wrong meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .upstream import Mishap

__all__ = ["PRODUCTS", "SYSTEM", "Product", "Scene"]

SYSTEM = (
    "You are a JSON-only API of a shop. Answer with one JSON object with exactly the fields "
    "name, category and price_range, and nothing else. price_range is 'budget' for a price "
    "below 50 dollars, 'mid' from 50 to 500 dollars, and 'premium' above 500 dollars."
)


@dataclass
class Product:
    """The object the model must answer with."""

    name: str
    category: str
    price_range: Literal["budget", "mid", "premium"]


@dataclass(frozen=True)
class Scene:
    """One product, and the mishaps of the provider while it is asked about."""

    title: str
    text: str
    mishaps: tuple[Mishap, ...]


PRODUCTS = (
    Scene(
        "a rate limit",
        "The Aurelia One is a hand-wound watch in rose gold with a sapphire glass, made in a "
        "series of 200. Price: 4900 dollars.",
        ("429",),
    ),
    Scene(
        "a cut stream",
        "The Pocket Brew is a folding coffee dripper of silicone for camping, 90 grams light. "
        "Price: 12 dollars.",
        ("cut early", "cut"),
    ),
    Scene(
        "an outage",
        "The Nordwand 45 is a trekking backpack with a ventilated back and a rain cover. "
        "Price: 180 dollars.",
        ("503",) * 20,
    ),
)
