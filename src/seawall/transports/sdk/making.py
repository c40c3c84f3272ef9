"""An SDK's client, made as a vendor's row says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ...errors import ConfigError
from ...plugins import optional
from ...ports import Secret
from .genai import Genai, arguments_of
from .stainless import Stainless

__all__ = ["Asker", "asker", "made"]

Asker = Stainless | Genai


def made(
    client: str,
    arguments: Mapping[str, Any],
    *,
    extra: str,
    key: Secret | None,
    key_as: str,
    token_as: str,
    scope: str,
) -> Asker:
    """The client ``module:name``, made with ``arguments``. The ``key`` becomes ``key_as``;
    without one, and with a ``scope``, tokens of Azure's come through ``token_as``; else the
    SDK looks for credentials itself. Raises ``ConfigError`` when the SDK is missing or refuses."""
    module, _, name = client.partition(":")
    kind = getattr(_needed(module, extra), name, None)
    if kind is None:
        raise ConfigError(f"the package {module} has no {name}", remedy="Install a newer one.")
    given = {
        name: value.reveal() if isinstance(value, Secret) else value
        for name, value in arguments.items()
    }
    if key is not None:
        given[key_as] = key.reveal()
    elif scope:
        given[token_as] = _azure_token(scope, extra)
    try:
        return asker(kind(**(arguments_of(given) if module == "google.genai" else given)))
    except ConfigError:
        raise
    except Exception as error:
        message = f"the client {client} cannot be made: {error}"
        for secret in (key, *arguments.values()):
            if isinstance(secret, Secret):
                message = message.replace(secret.reveal(), "***")
        raise ConfigError(message, remedy="Set what it asks for, or a key.") from None


def asker(client: Any) -> Asker:
    """What asks with an SDK's client."""
    google = any(kind.__module__.startswith("google.genai") for kind in type(client).__mro__)
    return Genai(client) if google else Stainless(client)


def _needed(module: str, extra: str) -> Any:
    found = optional(module)
    if found is None:
        raise ConfigError(
            f"the transport sdk needs the package {module.partition('.')[0]}, which is missing",
            remedy=f'Install it: pip install "seawall[{extra}]".',
        )
    return found


def _azure_token(scope: str, extra: str) -> Callable[[], Awaitable[str]]:
    """Whatever Azure identity there is: managed, of a workload, of the command line. The blocking
    kind, on a thread, since the other needs an HTTP client that nothing else here does."""
    identity = _needed("azure.identity", extra)
    provider = identity.get_bearer_token_provider(identity.DefaultAzureCredential(), scope)

    async def token() -> str:
        return await asyncio.to_thread(provider)

    return token
