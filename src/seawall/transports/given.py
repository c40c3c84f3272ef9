"""What a caller may give as a transport: one of ours, one of his own, or his HTTP client."""

from __future__ import annotations

from typing import Any, cast

from ..errors import ConfigError
from ..plugins import load
from ..ports import Transport

__all__ = ["as_transport"]

_LIBRARIES = ("httpx", "httpx2")
#: What the asynchronous clients of the SDKs descend from, and those that block.
_SDKS = ("google.genai.client:Client", "openai:AsyncAPIClient", "anthropic:AsyncAPIClient")
_BLOCKING = ("openai:SyncAPIClient", "anthropic:SyncAPIClient")


def as_transport(given: Any) -> Transport:
    """``given`` as a ``Transport``: as it is, or an ``httpx`` or ``httpx2`` ``AsyncClient``, or the
    client of an official SDK, in an adapter. Raises ``ConfigError`` for anything else, a client
    that blocks among it.

    Clients are known by the class they descend from, so that neither library is imported here.
    """
    kinds = {
        (kind.__name__, kind.__module__.partition(".")[0])
        for kind in type(given).__mro__
        if kind.__module__.partition(".")[0] in _LIBRARIES
    }
    for name, library in kinds:
        if name == "AsyncClient":
            return load("transport", "seawall.transports.httpx_client:HttpxClient")(given, library)
        if name == "Client":
            raise ConfigError(
                f"the {library}.Client given as a transport would hold up every other call",
                remedy=f"Give a {library}.AsyncClient; the synchronous Seawall takes it too.",
            )
    names = {
        name
        for kind in type(given).__mro__
        for name in (
            f"{kind.__module__}:{kind.__name__}",
            f"{kind.__module__.partition('.')[0]}:{kind.__name__}",
        )
    }
    if names.intersection(_SDKS):
        return load("transport", "seawall.transports.sdk:given")(given)
    if names.intersection(_BLOCKING):
        raise ConfigError(
            f"the {type(given).__name__} given as a transport would hold up every other call",
            remedy=f"Give an Async{type(given).__name__}; the synchronous Seawall takes it too.",
        )
    if isinstance(given, type) or not callable(given) or not hasattr(given, "aclose"):
        raise ConfigError(
            f"a {type(given).__name__} was given as a transport and is none",
            remedy="Give an httpx.AsyncClient, an httpx2.AsyncClient or a seawall.ports.Transport.",
        )
    return cast("Transport", given)
