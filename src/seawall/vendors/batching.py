"""A vendor's batch API: which it is, what it takes, and what it costs."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from ..types import Price

__all__ = ["Batching"]


class Batching(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """``[batch]`` of a vendor's row. ``api``: whose batch API it speaks. ``requests``, ``bytes``:
    how many it takes in one batch, and of what size. ``discount``: percent off the price of a call.
    ``source``: who says so."""

    api: str
    requests: int | None = None
    bytes: int | None = None
    discount: int = 0
    source: str = ""

    def price(self, price: Price) -> Price:
        """What the tokens of a batch cost where those of a call cost ``price``; a fraction of a
        pico-USD is rounded up."""
        return replace(
            price,
            input=self._less(price.input),
            output=self._less(price.output),
            cached=self._less_of(price.cached),
            cache_write=self._less_of(price.cache_write),
            cache_write_1h=self._less_of(price.cache_write_1h),
            long=None if price.long is None else self.price(price.long),
            then=None if price.then is None else self.price(price.then),
        )

    def _less_of(self, pico: int | None) -> int | None:
        return None if pico is None else self._less(pico)

    def _less(self, pico: int) -> int:
        return -(-pico * (100 - self.discount) // 100)
