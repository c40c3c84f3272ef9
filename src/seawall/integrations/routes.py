"""What another library wants to know of a model before it asks."""

from __future__ import annotations

from ..client.aio import AsyncSeawall
from ..client.assemble import models_of
from ..core import Route
from ..errors import SeawallError

__all__ = ["first_route"]


def first_route(client: AsyncSeawall, model: object) -> Route | None:
    """The route that is asked first, ``None`` if there is none: the call says what is wrong."""
    try:
        routes, _ = client.assembly.router.routes(models_of(model, ""))
    except SeawallError:
        return None
    return routes[0] if routes else None
