"""The clients of the openai and anthropic packages, which are made by the same generator."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from ...errors import ConfigError
from .tap import tapped

__all__ = ["Stainless"]


class Stainless:
    """Asks with ``client``, an ``AsyncOpenAI``, an ``AsyncAnthropic`` or one of a cloud's.

    ``http`` is the ``httpx`` client it sends with, ``base_url`` the address it is set to,
    ``variables`` what it knows of the account.
    """

    def __init__(self, client: Any) -> None:
        http = getattr(client, "_client", None)
        if http is None or not hasattr(client, "post"):
            raise ConfigError(
                f"the {type(client).__name__} given as a transport cannot be asked",
                remedy="Seawall knows the clients of openai 3 and anthropic 2.",
            )
        self.http = http
        self.base_url = str(client.base_url).rstrip("/")
        self.variables = {
            name: value
            for name, field in (("project", "project_id"), ("location", "region"))
            if isinstance(value := getattr(client, field, None), str)
        }
        self._client = client
        self._tap = client.copy(http_client=tapped(http), max_retries=0)
        self._spelling = {name.lower(): name for name in self._tap.default_headers}

    async def ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        """Have the SDK send; ``Taken`` is raised when it has. ``path`` comes after ``base_url``."""
        path, _, query = path.partition("?")
        options: dict[str, Any] = {
            # Names are one header only in one spelling there.
            "headers": {self._spelling.get(name.lower(), name): headers[name] for name in headers},
            "max_retries": 0,
        }
        if query:
            options["params"] = dict(parse_qsl(query, keep_blank_values=True))
        verb = getattr(self._tap, method.lower())
        if body:
            await verb(path, cast_to=object, content=body, options=options)
        else:
            await verb(path, cast_to=object, options=options)

    async def aclose(self) -> None:
        await self._client.close()
