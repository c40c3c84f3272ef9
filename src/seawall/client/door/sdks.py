"""Errors that an SDK makes itself, of a connection that failed: it has no status for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import ConnectionFault, Fault, TimeoutFault
from ...plugins import optional

__all__ = ["connection_errors"]


def connection_errors(sdk: str) -> Callable[[Fault, Any], Exception | None]:
    """What makes the error that ``sdk`` (a distribution's name) raises for a fault and a request
    of its HTTP library: a timeout, a connection that failed. ``None`` for any other fault, which
    is told as a status, and where the SDK has no such errors."""
    module = optional(sdk) if sdk in _MAKERS else None
    if module is None:
        return lambda fault, request: None

    def make(fault: Fault, request: Any) -> Exception | None:
        error = _MAKERS[sdk](module, fault, request)
        if error is not None:
            error.add_note(str(fault))
            error.__cause__ = fault
        return error

    return make


def _openai(module: Any, fault: Fault, request: Any) -> Exception | None:
    if isinstance(fault, TimeoutFault) and fault.phase != "pool":
        return module.APITimeoutError(request=request)
    if isinstance(fault, ConnectionFault):
        return module.APIConnectionError(message=str(fault), request=request)
    return None


_MAKERS: dict[str, Callable[[Any, Fault, Any], Exception | None]] = {"openai": _openai}
