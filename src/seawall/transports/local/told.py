"""Answers that no server gave: whole ones, errors in OpenAI's shape, and what weights lack."""

from __future__ import annotations

from typing import Any

from msgspec.json import encode

from ...errors import ConnectionFault, Fault, NotFoundError, ProviderError
from ...ports import Headers
from .cache import WeightsError

__all__ = ["Told", "as_fault", "refused", "told"]


class Told:
    """An ``Inbound`` whose body is all there."""

    headers = Headers([("content-type", "application/json")])

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self._body = body
        self._aborted: Fault | None = None

    async def read(self) -> bytes:
        if self._aborted is not None:
            raise self._aborted
        body, self._body = self._body, b""
        return body

    def release(self) -> None:
        self._body = b""

    def abort(self, fault: Fault | None = None, /) -> None:
        self._aborted = fault or ConnectionFault("the answer was given up")


def told(status: int, answer: Any) -> Told:
    return Told(status, encode(answer))


def refused(message: str, param: str, code: str = "invalid_request") -> Told:
    """A request that cannot be answered, in OpenAI's words."""
    kind = "invalid_request_error"
    return told(400, {"error": {"message": message, "type": kind, "param": param, "code": code}})


def as_fault(error: Exception) -> Fault:
    """What callers are told of a model that does not start. It is not cured by asking again;
    another route may help."""
    if isinstance(error, WeightsError):
        return NotFoundError(str(error))
    return ProviderError(str(error), retry=False)
