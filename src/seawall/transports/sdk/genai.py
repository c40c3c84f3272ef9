"""The client of the google-genai package, for Google AI Studio and Vertex AI."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import msgspec

from ...errors import ConfigError
from ...plugins import optional
from .tap import tapped, without_end

__all__ = ["Genai", "arguments_of"]


class Genai:
    """Asks with ``client``, a ``google.genai.Client``.

    It has no public way to send a request of one's own, so this uses the one that its modules
    share. ``http`` is the ``httpx`` client it sends with, also where aiohttp is installed;
    ``base_url`` the address it is set to, version included, ``variables`` what it knows of the
    account.
    """

    def __init__(self, client: Any) -> None:
        api: Any = getattr(client, "_api_client", None)
        http: Any = getattr(api, "_async_httpx_client", None)
        if http is None or not hasattr(api, "async_request"):
            raise ConfigError(
                f"the {type(client).__name__} given as a transport cannot be asked",
                remedy="Seawall knows google.genai.Client of google-genai 3, without mutual TLS.",
            )
        self.http = http
        options: Any = api._http_options
        version = f"/{options.api_version}" if options.api_version else ""
        self.base_url = str(options.base_url).rstrip("/") + version
        self.variables = {
            name: value
            for name in ("project", "location")
            if isinstance(value := getattr(api, name, None), str)
        }
        self._client = client
        self._tap: Any = copy.copy(api)
        self._tap.__class__ = without_end(api.__class__)
        self._tap._async_httpx_client = tapped(http)
        self._tap._use_aiohttp = lambda: False

    async def ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        """Have the SDK send; ``Taken`` is raised when it has. ``path`` comes after ``base_url``."""
        fields: dict[str, Any] = msgspec.json.decode(body) if body else {}
        options = {"headers": headers}
        await self._tap.async_request(method.lower(), path.lstrip("/"), fields, options)

    async def aclose(self) -> None:
        await self._client.aio.aclose()
        self._client.close()


def arguments_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What ``google.genai.Client`` is made with: an address and a token it takes in forms of its
    own."""
    made = dict(arguments)
    base, _, version = str(made.pop("base_url")).rpartition("/")
    made["http_options"] = {"base_url": base, "api_version": version}
    token = made.pop("access_token", None)
    if token is not None:
        made["credentials"] = optional("google.oauth2.credentials").Credentials(token)
    return made
