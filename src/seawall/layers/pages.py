"""Lists that come in pages, asked for one after the other until there is no next one."""

from __future__ import annotations

from msgspec.structs import replace

from ..core import Call, Handler, Reply
from ..errors import MalformedReplyError
from ..operations import ModelInfo, ModelsPage, ModelsRequest

__all__ = ["pages"]

#: No provider has so many models; a list that goes on goes round in a circle.
_MOST = 100


def pages(inner: Handler) -> Handler:
    """Outside the fallback: each page is asked for with every policy."""

    async def handler(call: Call) -> Reply:
        request = call.question
        assert isinstance(request, ModelsRequest)
        models: list[ModelInfo] = []
        granted = call.attempts_left
        for _ in range(_MOST):
            asked = call.fork(request=request)
            if granted is not None:
                asked.attempts_left = granted + len(call.decision.attempts)
            reply = await inner(asked)
            call.route = asked.route
            page = reply.answer
            assert isinstance(page, ModelsPage)
            models += page.models
            if page.next is None:
                return Reply(call, answer=ModelsPage(models=tuple(models), usage=page.usage))
            if page.next == request.page:
                break
            request = replace(request, page=page.next)
        raise MalformedReplyError(
            f"the list of models has no end: {len(models)} so far, and it leads on to "
            f"{request.page!r}",
            retry=False,
        )

    return handler
