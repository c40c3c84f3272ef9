"""The one client behind an integration, whatever it was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..client.aio import AsyncSeawall
from ..client.closing import close_at_exit
from ..client.sync import Seawall
from ..errors import ConfigError

__all__ = ["asynchronous", "usual_model"]


def asynchronous(
    client: AsyncSeawall | Seawall | None, settings: Mapping[str, Any] | None = None
) -> AsyncSeawall:
    """``client`` itself, the one inside a synchronous one, or a new one with ``settings``, which
    is closed when the interpreter ends. Raises ``ConfigError``."""
    if isinstance(client, AsyncSeawall):
        return client
    if isinstance(client, Seawall):
        return client._inner  # pyright: ignore[reportPrivateUsage] - both ask through the same one
    if client is not None:
        raise ConfigError(f"client is {client!r}; give a Seawall or an AsyncSeawall")
    made = AsyncSeawall(**(settings or {}))
    close_at_exit(made.assembly)
    return made


def usual_model(client: AsyncSeawall) -> str:
    """What ``client`` asks when a call names no model."""
    return client.assembly.settings.model
