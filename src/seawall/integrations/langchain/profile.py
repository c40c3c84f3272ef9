"""What LangChain wants to know of a model beforehand, from the vendor's row."""

from __future__ import annotations

from langchain_core.language_models import ModelProfile

from ...client.aio import AsyncSeawall
from ...vendors.capabilities import capabilities
from ..routes import first_route

__all__ = ["profile_of"]


def profile_of(client: AsyncSeawall, model: object) -> ModelProfile | None:
    """The profile of the first route, ``None`` if there is none to be asked."""
    route = first_route(client, model)
    if route is None:
        return None
    can = capabilities(route.quirks)
    profile = ModelProfile(
        tool_calling=can.tools != "no",
        structured_output=can.schema != "no",
        image_inputs=can.images != "no",
        image_url_inputs=can.images == "yes",
    )
    if route.window is not None:
        profile["max_input_tokens"] = route.window
    return profile
