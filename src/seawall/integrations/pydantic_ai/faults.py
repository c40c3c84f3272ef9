"""Seawall's faults, which pydantic-ai's own handlers and its FallbackModel know too."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelOverloadedError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelServerError,
    ModelTimeoutError,
)

from ...errors import (
    AuthenticationError,
    BadRequestError,
    ConnectionFault,
    ContextLengthError,
    Fault,
    NotFoundError,
    OverloadedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    StreamCutError,
    TimeoutFault,
)
from ..mixing import mixed

__all__ = ["in_both_words"]

#: The first that fits counts. pydantic_ai.exceptions says which is for what.
_KINDS: tuple[tuple[type[Fault], type[ModelAPIError]], ...] = (
    (ContextLengthError, ModelContextWindowExceededError),
    (BadRequestError, ModelRequestRejectedError),
    (AuthenticationError, ModelAuthenticationError),
    (NotFoundError, ModelNotFoundError),
    (QuotaExceededError, ModelQuotaExceededError),
    (RateLimitError, ModelRateLimitError),
    (OverloadedError, ModelOverloadedError),
    (ProviderError, ModelServerError),
    (ConnectionFault, ModelConnectionError),
    (StreamCutError, ModelConnectionError),
    (TimeoutFault, ModelTimeoutError),
    (Fault, ModelAPIError),
)


@contextmanager
def in_both_words(model: str, *, streaming: bool = False) -> Generator[None]:
    """A fault raised inside leaves as one that is pydantic-ai's error of the same meaning, too;
    a ``ModelHTTPError`` if the provider gave a status."""
    try:
        yield
    except Fault as fault:
        known = next(theirs for ours, theirs in _KINDS if isinstance(fault, ours))
        theirs = (known,) if known is not ModelAPIError else ()
        if fault.status is not None:
            theirs = (*theirs, ModelHTTPError)
        fields = {
            "model_name": fault.model or model,
            "status_code": fault.status,
            "provider_error_code": fault.code,
            "provider_error_type": None,
            "retry_after": fault.after,
            "in_stream": streaming,
            "suggested_model_id": None,
            "hint": None,
        }
        raise mixed(fault, theirs or (ModelAPIError,), fields) from fault
