"""What LangChain wants to know of a model beforehand, from the vendor's row."""

from __future__ import annotations

from langchain_core.language_models import ModelProfile

from ...client.aio import AsyncSeawall
from ...client.assemble import models_of
from ...errors import SeawallError
from ...vendors.capabilities import capabilities

__all__ = ["profile_of"]


def profile_of(client: AsyncSeawall, model: object) -> ModelProfile | None:
    """The profile of the first route, ``None`` if there is none to be asked."""
    try:
        routes, _ = client.assembly.router.routes(models_of(model, ""))
    except SeawallError:
        return None  # the call itself says what is wrong
    if not routes:
        return None
    can = capabilities(routes[0].quirks)
    profile = ModelProfile(
        tool_calling=can.tools != "no",
        structured_output=can.schema != "no",
        image_inputs=can.images != "no",
        image_url_inputs=can.images == "yes",
    )
    if routes[0].window is not None:
        profile["max_input_tokens"] = routes[0].window
    return profile
