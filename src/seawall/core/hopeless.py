"""Questions that are not worth sending: to a model that is gone, or longer than its context."""

from __future__ import annotations

from ..errors import ContextLengthError, NotFoundError
from ..folding import estimate_tokens
from ..ports import Draft
from ..types import Request
from .call import Route

__all__ = ["check_window", "gone"]

#: More characters than a token of any text people write has: what does not fit at this rate is
#: refused unsent. Whatever might fit is the provider's to count.
_CHARACTERS = 16
#: Of those, as many as the estimate takes for one token.
_ESTIMATED = 4


def gone(route: Route) -> NotFoundError:
    """That the model was retired, and what to ask instead."""
    fault = NotFoundError(route.retired, code="model_retired")
    fault.blames = "nobody"
    return fault


def check_window(request: Request, route: Route, draft: Draft) -> None:
    """Raises ``ContextLengthError`` for a prompt that cannot fit the model's context."""
    window = route.window
    if window is None or len(draft.body) <= _CHARACTERS * window:
        return
    tokens = estimate_tokens(request)
    if tokens * _ESTIMATED <= _CHARACTERS * window:
        return
    fault = ContextLengthError(
        f"the prompt of about {tokens} tokens cannot fit the context of {window}; shorten it or "
        "choose a model with a larger one"
    )
    fault.blames = "nobody"
    raise fault
