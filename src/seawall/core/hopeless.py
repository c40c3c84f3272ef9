"""Questions that are not worth sending: to a model that is gone, or longer than its context."""

from __future__ import annotations

from ..errors import ContextLengthError, NotFoundError
from ..folding import estimate_tokens
from ..operations import OperationRequest
from ..ports import Draft
from ..types import Request
from .call import Route

__all__ = ["check_texts", "check_window", "gone"]

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
    if tokens * _ESTIMATED > _CHARACTERS * window:
        raise _unfit("prompt", tokens, window)


def check_texts(request: OperationRequest, route: Route) -> str:
    """A remark on a text that may be too long: some providers cut it without a word. Raises
    ``ContextLengthError`` for one that cannot fit what the model reads at once."""
    window, longest = route.window, request.longest()
    if window is None or longest <= _ESTIMATED * window:
        return ""
    tokens = longest // _ESTIMATED
    if longest > _CHARACTERS * window:
        raise _unfit("longest text", tokens, window)
    return f"the longest text has about {tokens} tokens; {route.name} reads {window}"


def _unfit(what: str, tokens: int, window: int) -> ContextLengthError:
    fault = ContextLengthError(
        f"the {what} of about {tokens} tokens cannot fit the context of {window}; shorten it or "
        "choose a model with a larger one"
    )
    fault.blames = "nobody"
    return fault
