"""``http_client``: an official SDK's HTTP client with Seawall inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ...ports import Clock
from ..assemble import Assembly
from ..closing import close_at_exit
from ..sources import load_sources
from .adapters import transports as adapters
from .door import OPTIONS, Door
from .libraries import library as library_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .door import DoorOptions

__all__ = ["http_client"]

#: What openai and anthropic set themselves. An SDK that leaves it to the client (cohere) would
#: get the 5 seconds of the library, too few for a model.
_SECONDS, _CONNECT = 600.0, 5.0


def http_client(
    config: str | Path | None = None,
    *,
    sync: bool = False,
    fallback: str | Sequence[str] = (),
    sdk: str | None = None,
    library: ModuleType | None = None,
    env_file: str | Path | None = None,
    vendors: Mapping[str, Any] | None = None,
    models: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
    ledger: Mapping[str, Any] | bool | None = None,
    transports: Mapping[str, Any] | None = None,
    transport: Any = None,
    clock: Clock | None = None,
    **options: Unpack[DoorOptions],
) -> Any:
    """A genuine client of the HTTP library that official SDKs ride on, for their
    ``http_client=``: an ``AsyncClient``, or with ``sync=True`` a ``Client``.

    ``sdk``: the distribution's name (``openai``, ``anthropic``, ``google-genai``, ``mistralai``,
    ``cohere``), needed where several are installed that ride on different libraries;
    ``library``: that library's module itself.

    What the SDK asks goes to its own ``base_url`` with its own key, as it wrote it, under every
    policy of the settings; ``fallback`` names the routes to be asked after that. A model that is
    an alias of the settings goes where the alias says. ``options`` hold for every call
    (``retry``, ``breaker``, ``deadline``, ``fallback_reply``, ``feature``, ``tags``, ...); the
    rest is as for ``AsyncSeawall``. ``transport``: what carries the bytes instead of Seawall's own
    client, such as an ``AsyncClient`` of yours. Raises ``ConfigError``.
    """
    unknown = sorted(set(options) - OPTIONS)
    if unknown:
        raise TypeError(f"there is no option {unknown[0]!r} (known: {', '.join(sorted(OPTIONS))})")
    given: dict[str, Any] = {
        "vendors": vendors,
        "models": models,
        "defaults": defaults,
        "ledger": {"enabled": ledger} if isinstance(ledger, bool) else ledger,
    }
    code = {name: value for name, value in given.items() if value is not None}
    carriers = dict(transports or {})
    if transport is not None:
        carriers["http"] = transport
    assembly = Assembly(load_sources(config, env_file, code), transports=carriers, clock=clock)
    names = (fallback,) if isinstance(fallback, str) else tuple(fallback)
    door = Door(assembly, dict(options), names, package=sdk)
    door.check()
    lib: Any = library or library_of(sdk)
    close_at_exit(assembly)
    asynchronous, synchronous = adapters(lib)
    usual: dict[str, Any] = {
        "timeout": lib.Timeout(_SECONDS, connect=_CONNECT),
        # Proxies of the environment are the transport's business: its own would go round it.
        "trust_env": False,
        "follow_redirects": True,
    }
    if sync:
        return lib.Client(transport=synchronous(door), **usual)
    return lib.AsyncClient(transport=asynchronous(door), **usual)
