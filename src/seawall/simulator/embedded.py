"""The embedded model behind the simulator: real answers, and faults on purpose."""

from __future__ import annotations

from msgspec.structs import replace

from ..client.aio import AsyncSeawall
from ..core import Call, send
from ..types import Request, Response
from .answers import Answer

__all__ = ["embedded"]


def embedded(client: AsyncSeawall, model: str) -> Answer:
    """Answers by ``local/MODEL``, whatever model a request names. A stream begins when the
    model has finished: it is then played with the script's faults and at its pace. Raises
    ``ConfigError`` without the extra ``local``."""
    route = client.assembly.router.route(f"local/{model}")

    async def say(request: Request) -> Response:
        asked = replace(request, model=model, stream=False)
        call = Call(asked, client.assembly.clock)
        call.route = route
        return (await send(call)).response

    return say
