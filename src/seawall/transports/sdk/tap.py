"""Where an SDK's request is asked and its reply is taken: at the HTTP client it sends with.

An SDK prepares a request (address, credentials, signature), sends it through its ``httpx`` client,
and then reads, parses, retries and raises. The first half is wanted and the second is not. So a
copy of its client sends as that does, by the same pool, and then leaves the SDK altogether.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any

__all__ = ["EXTENSIONS", "Taken", "tapped", "without_end"]

#: What goes with the next request of this task: its timeouts, and who is told of its steps
#: ("Request extensions" in the documentation of httpx).
EXTENSIONS: ContextVar[Mapping[str, Any]] = ContextVar("EXTENSIONS")


class Taken(BaseException):
    """The reply's head has come, or what came instead. No ``Exception``: SDKs handle those."""

    def __init__(self, response: Any, error: Exception | None = None) -> None:
        super().__init__("the reply was taken from the SDK")
        self.response = response
        self.error = error


def tapped(client: Any) -> Any:
    """A copy of an ``httpx`` or ``httpx2`` ``AsyncClient`` that shares its pool, hooks, proxies
    and cookies, and whose ``send`` raises ``Taken``, whatever the status."""
    tap = copy.copy(client)
    tap.__class__ = _tap(client.__class__)
    return tap


def without_end(kind: type) -> type:
    """``kind`` without a finalizer: that of a copy would close what it shares."""

    def nothing(self: Any) -> None: ...

    return type(kind.__name__, (kind,), {"__del__": nothing})


@cache
def _tap(kind: type) -> type:
    async def send(self: Any, request: Any, **options: Any) -> Any:
        request.extensions = {**request.extensions, **EXTENSIONS.get({})}
        options |= {"stream": True, "follow_redirects": False}
        try:
            response = await kind.send(self, request, **options)  # type: ignore[attr-defined]
        except Exception as error:
            raise Taken(None, error) from None
        raise Taken(response)

    return type(kind.__name__, (without_end(kind),), {"send": send})
