"""Seawall's faults, which LangChain's own handlers know too."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import cast

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
        raise _both(fault) from fault


def _both(fault: Fault) -> Fault:
    kind = _class(type(fault))
    # Not made anew: what the call wrote into it is to be kept, and each fault is made otherwise.
    both = kind.__new__(kind)
    both.__dict__ |= fault.__dict__ | {"is_retryable": fault.retry}
    both.args = fault.args
    return both


@cache
def _class(kind: type[Fault]) -> type[Fault]:
    known = next(theirs for ours, theirs in _KINDS if issubclass(kind, ours))
    return cast("type[Fault]", type(kind.__name__, (kind, known), {"__module__": kind.__module__}))
