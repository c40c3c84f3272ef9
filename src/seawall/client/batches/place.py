"""Where a batch is run: a route whose vendor has a batch API, and the codec of that."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from msgspec import Struct

from ...core import Route
from ...errors import ConfigError, UnsupportedError
from ...plugins import load
from ...ports import Batches
from ...types import Price
from ...vendors.batching import Batching
from ..assemble import Assembly
from ..routes import Router

__all__ = ["Place", "place_of"]


class Place(Struct, frozen=True):
    route: Route
    codec: Batches
    offer: Batching

    def price(self, at: float) -> Price | None:
        """That of a batch submitted at ``at``, in epoch seconds."""
        price = self.route.price
        return None if price is None else self.offer.price(price.at(at))


def place_of(assembly: Assembly, models: Sequence[str]) -> Place:
    """The first of ``models`` whose vendor has a batch API. Raises ``UnsupportedError`` where none
    has, ``ConfigError`` for a name that leads nowhere."""
    router = assembly.router
    routes, _ = router.routes(models)
    for route in routes:
        offer = _offer(router, route.name.partition("/")[0])
        if offer is not None:
            return Place(route, load("batches", offer.api), offer)
    able = ", ".join(_offering(router))
    names = ", ".join(route.name for route in routes)
    raise UnsupportedError(f"{names} cannot be asked in a batch; these vendors can: {able}")


def _offer(router: Router, vendor: str) -> Batching | None:
    return router.vendor(vendor).batch


def _offering(router: Router) -> list[str]:
    able: list[str] = []
    for vendor in router.vendors:
        with contextlib.suppress(ConfigError):  # of a vendor nobody asked for
            if _offer(router, vendor) is not None:
                able.append(vendor)
    return able
