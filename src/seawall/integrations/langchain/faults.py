"""Seawall's faults, which LangChain's own handlers know too."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)

from ...errors import (
    AuthenticationError,
    BadRequestError,
    ConnectionFault,
    ContextLengthError,
    Fault,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    RateLimitError,
    StreamCutError,
    TimeoutFault,
)
from ..mixing import mixed

__all__ = ["in_both_words"]

#: The first that fits counts. langchain_core.exceptions says which is for what.
_KINDS: tuple[tuple[type[Fault], type[ModelError]], ...] = (
    (ContextLengthError, ContextOverflowError),
    (BadRequestError, ModelInvalidRequestError),
    (AuthenticationError, ModelAuthenticationError),
    (PermissionDeniedError, ModelPermissionDeniedError),
    (NotFoundError, ModelNotFoundError),
    (RateLimitError, ModelRateLimitError),
    (ProviderError, ModelAPIError),
    (ConnectionFault, ModelConnectionError),
    (StreamCutError, ModelConnectionError),
    (TimeoutFault, ModelTimeoutError),
    (Fault, ModelError),
)


@contextmanager
def in_both_words() -> Generator[None]:
    """A fault raised inside leaves as one that is LangChain's error of the same meaning, too."""
    try:
        yield
    except Fault as fault:
        known = next(theirs for ours, theirs in _KINDS if isinstance(fault, ours))
        raise mixed(fault, (known,), {"is_retryable": fault.retry}) from fault
