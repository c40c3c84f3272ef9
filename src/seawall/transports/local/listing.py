"""Which embedded models are here, as a provider would list them."""

from __future__ import annotations

from ...ports import Inbound, Outbound
from .cache import installed
from .catalog import MODELS
from .told import told

__all__ = ["Listing"]


class Listing:
    """``Transport`` to the list of the pinned models whose weights are cached."""

    async def __call__(self, outbound: Outbound, /) -> Inbound:
        here = [
            {"id": name, "object": "model", "owned_by": "local", "name": MODELS[name].title}
            for name in installed()
        ]
        return told(200, {"object": "list", "data": here})

    async def aclose(self) -> None: ...
