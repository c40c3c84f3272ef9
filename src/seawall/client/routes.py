"""From a model's name and the settings to the routes a call may take."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from ..config import Unset
from ..core import Route
from ..dialects.hosted import Hosted
from ..errors import ConfigError
from ..plugins import load
from ..ports import Secret, Transport, Wire
from ..transports.given import as_transport
from ..types import Price
from ..vendors import Model, Vendor, built_in, names
from .aliases import Aliases
from .places import Missing, Places
from .settings import ModelSettings, Settings, VendorSettings

__all__ = ["Missing", "Router", "url_problem"]


#: Kept for reuse. Names may come from callers, in any number.
_MOST_ROUTES = 2000


class Router:
    """Resolves names to routes and keeps what it has resolved.

    ``variables`` hold the vendors' own key and URL variables. ``transports`` replace those
    that would be loaded, by name. ``origin`` names the source of a setting.
    """

    def __init__(
        self,
        settings: Settings,
        variables: Mapping[str, str],
        transports: Mapping[str, Transport] | None = None,
        origin: Callable[[Sequence[str]], str] = lambda path: "",
    ) -> None:
        self._settings = settings
        self._origin = origin
        self._variables = variables
        self._places = Places(settings, variables)
        self._aliases = Aliases(settings, origin)
        self._given = {name: as_transport(given) for name, given in (transports or {}).items()}
        self._loaded: dict[str, Transport] = {}
        self._routes: dict[str, Route] = {}
        self._addresses: Mapping[str, str] | None = None

    @property
    def transports(self) -> Sequence[Transport]:
        """Every transport loaded so far, for closing: users of others before the used."""
        return tuple(reversed(self._loaded.values()))

    @property
    def vendors(self) -> Sequence[str]:
        """The vendors there are: built in, and of the settings."""
        return sorted({*names(), *self._settings.vendors})

    def names(self, model: str) -> tuple[str, ...]:
        """The ``vendor/model`` names behind an alias, in order; a plain name is its own."""
        return self._aliases.names(model)

    def policies(self, model: str) -> ModelSettings:
        """What the settings say about the alias or model, with the route of a built-in alias."""
        return self._aliases.entry(model) or ModelSettings()

    def routes(self, models: Sequence[str]) -> tuple[list[Route], list[tuple[str, str]]]:
        """The routes for ``models`` in order, and the names left out for want of a key, with
        the reason. Raises ``ConfigError`` when a name leads nowhere or no route is left."""
        found, missing = self._among(models, None)
        if not found:
            raise _nothing(models, tuple(missing.values()))
        return found, [(name, str(lack)) for name, lack in missing.items()]

    def among(
        self, models: Sequence[str], theirs: Route | None = None
    ) -> tuple[list[Route], list[tuple[str, str]]]:
        """``routes``, of which there may be none. One at the address of ``theirs`` whose key is
        not set is taken with the key that came from there."""
        found, missing = self._among(models, theirs)
        return found, [(name, str(lack)) for name, lack in missing.items()]

    def _among(
        self, models: Sequence[str], theirs: Route | None
    ) -> tuple[list[Route], dict[str, Missing]]:
        found: list[Route] = []
        missing: dict[str, Missing] = {}
        for name in dict.fromkeys(name for model in models for name in self.names(model)):
            try:
                found.append(self.route(name))
            except Missing as lack:
                route = None if theirs is None else self._lent(name, theirs)
                if route is not None:
                    found.append(route)
                else:
                    missing[name] = lack
        return found, missing

    def _lent(self, name: str, theirs: Route) -> Route | None:
        vendor, _, model = name.partition("/")
        row = self.vendor(vendor).of(model)
        if self._http_url(vendor) != theirs.base_url:
            return None
        wire, transport = self._wire(vendor, model, row), self.transport(row.transport)
        route = self._route(vendor, model, row, wire=wire, transport=transport)
        return replace(route, base_url=theirs.base_url, headers=theirs.headers)

    def route(self, name: str) -> Route:
        """The route called ``vendor/model``. Raises ``Missing`` when its key is not set."""
        route = self._routes.get(name)
        if route is None:
            if len(self._routes) >= _MOST_ROUTES:
                self._routes.clear()
            route = self._routes[name] = self._gone(name) or self._make(name)
        return route

    def _gone(self, name: str) -> Route | None:
        """The route of a retired model. It is not asked, so it needs no key."""
        vendor, _, model = name.partition("/")
        row = self.vendor(vendor).of(model)
        wire, transport = load("dialect", row.dialect), self.transport("http")
        route = self._route(vendor, model, row, wire=wire, transport=transport)
        return route if route.retired else None

    def vendor(self, name: str) -> Vendor:
        """A vendor's row with the settings' changes. Raises ``ConfigError`` if unknown."""
        row = self._row(name)
        if row is None:
            known = self.vendors
            near = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise ConfigError(
                f"there is no vendor {name!r}",
                remedy=f"{hint}Known: {', '.join(known)}. Others go under [vendors.{name}].",
            )
        return row

    def _row(self, name: str) -> Vendor | None:
        own = self._settings.vendors.get(name)
        like = name if own is None or own.like is None else own.like
        row = built_in(like)
        if row is None and like != name:
            raise self._wrong(
                f"there is no built-in vendor {like!r}",
                *("vendors", name, "like"),
                remedy=f"Known: {', '.join(names())}.",
            )
        if row is None and own is None:
            return None
        return _changed(row or Vendor(), own or VendorSettings())

    def key(self, name: str) -> Secret | None:
        """The vendor's key. Raises ``Missing`` when one is needed and not set."""
        own = self._settings.vendors.get(name)
        if own is not None and own.key is not None:
            if isinstance(own.key, Unset):
                raise Missing(name, own.key.variable, own.key.source)
            return own.key
        variable = self.vendor(name).key_env
        if variable is None:
            return None
        value = self._variables.get(variable, "").strip()
        if not value:
            row = self.vendor(name)
            signs_in = row.transport == "sdk" or hasattr(self._given.get(row.transport), "base_url")
            if row.key_optional or signs_in:
                return None
            raise Missing(name, variable)
        return Secret(value, variable)

    def base_url(self, name: str) -> str:
        """Where the vendor is reached. Raises ``ConfigError`` for what is no HTTP URL."""
        row = self.vendor(name)
        own = self._settings.vendors.get(name)
        url = row.base_url
        if row.base_url_env is not None and (own is None or own.base_url is None):
            url = self._variables.get(row.base_url_env) or url
        url = self._places.fill(name, row, url)
        problem = "" if row.transport == "local" else url_problem(url)
        if problem:
            raise self._wrong(
                problem,
                *("vendors", name, "base_url"),
                remedy="Give an address such as http://127.0.0.1:8401/v1.",
            )
        return url.rstrip("/")

    def theirs(self, base_url: str, model: str, dialect: str = "openai_chat") -> Route:
        """The place a caller's request was written for: its own address, where it goes with its
        own key. The vendor is the one known to be there, else it is called by its host."""
        vendor = self._vendors_at().get(base_url) or urlsplit(base_url).netloc
        row = self._row(vendor) or Vendor()
        transport = self.transport("http")
        wire = load("dialect", dialect)
        return replace(
            self._route(vendor, model, row, wire=wire, transport=transport),
            base_url=base_url,
            verbatim=True,
        )

    def base_of(self, url: str) -> str:
        """The address of the known vendor that ``url`` leads to, else its origin."""
        known = [base for base in self._vendors_at() if url.startswith(f"{base}/")]
        parts = urlsplit(url)
        return max(known, key=len, default=f"{parts.scheme}://{parts.netloc}")

    def _vendors_at(self) -> Mapping[str, str]:
        if self._addresses is None:
            known = [*self._settings.vendors, *names()]
            self._addresses = {
                url: name for name in reversed(known) if (url := self._http_url(name))
            }
        return self._addresses

    def _http_url(self, name: str) -> str:
        """Where the vendor is reached by HTTP; empty if it is not, or nobody said where."""
        row = self.vendor(name)
        if row.transport != "http" or not row.base_url:
            return ""
        try:
            return self.base_url(name)
        except Missing:
            return ""

    def _make(self, name: str) -> Route:
        vendor, _, model = name.partition("/")
        row = self.vendor(vendor).of(model)
        transport = self._carrier(vendor, model, row)
        # An SDK's client that was given knows its own address, and perhaps its account.
        at = getattr(transport, "base_url", None) or self.base_url(vendor)
        wire = self._wire(vendor, model, row, getattr(transport, "variables", {}))
        return replace(
            self._route(vendor, model, row, wire=wire, transport=transport),
            base_url=at,
            headers=self._headers(vendor, row),
        )

    def _carrier(self, vendor: str, model: str, row: Vendor) -> Transport:
        if row.transport != "sdk" or "sdk" in self._given:
            return self.transport(row.transport, model)
        client = row.sdk.client if row.sdk is not None else row.dialect
        kept = f"sdk:{vendor}:{client}"
        if kept not in self._loaded:
            at, key = self.base_url(vendor), self.key(vendor)
            self._loaded[kept] = self._places.sdk(vendor, row, at, key)
        return self._loaded[kept]

    def _wire(
        self, vendor: str, model: str, row: Vendor, told: Mapping[str, str] = MappingProxyType({})
    ) -> Wire:
        own = self._settings.models.get(f"{vendor}/{model}") or ModelSettings()
        known = row.models.get(model, Model())
        wire = load("dialect", own.dialect or known.dialect or row.dialect)
        hosting = self._places.hosting(vendor, row, told)
        return wire if hosting is None else Hosted(wire, hosting)

    def _route(
        self, vendor: str, model: str, row: Vendor, *, wire: Wire, transport: Transport
    ) -> Route:
        name = f"{vendor}/{model}"
        known = row.models.get(model, Model())
        own = self._settings.models.get(name) or ModelSettings()
        prices = own.price or known.price
        return Route(
            name=name,
            model=model,
            wire=wire,
            transport=transport,
            quirks=row.quirks_of(model),
            price=self._price(prices.price, name) if prices is not None else None,
            window=own.window or self._window(vendor, known) or known.window,
            retired="" if own.retired is False else _retired(row, vendor, model),
        )

    def _window(self, vendor: str, known: Model) -> int | None:
        """An embedded language model's context is what its process is started with."""
        ours = vendor == "local" and known.dimensions is None
        return self._settings.local.context if ours else None

    def _headers(self, name: str, row: Vendor) -> tuple[tuple[str, str | Secret], ...]:
        own = self._settings.vendors.get(name) or VendorSettings()
        headers: dict[str, str | Secret] = {**row.headers, **(own.headers or {})}
        for value in headers.values():
            if isinstance(value, Unset):
                raise Missing(name, value.variable, value.source)
        key = self.key(name)
        if key is None or key == Secret(""):  # a server that asks for none
            return tuple(headers.items())
        secret = Secret(row.auth_scheme + key.reveal(), key.source)
        return (*headers.items(), (row.auth_header, secret))

    def _wrong(self, problem: str, *path: str, remedy: str = "") -> ConfigError:
        return ConfigError(problem, source=self._origin(path), key=".".join(path), remedy=remedy)

    def _price(self, price: Callable[[], Price], name: str) -> Price:
        try:
            return price()
        except ValueError as error:
            raise self._wrong(str(error), "models", name, "price") from None

    def transport(self, name: str, model: str = "") -> Transport:
        """One HTTP transport for all vendors, one child process for each embedded model."""
        if name in self._given:
            return self._given[name]
        kept = f"{name}:{model}" if name == "local" else name
        found = self._loaded.get(kept)
        if found is None:
            found = self._loaded[kept] = self._local(model) if name == "local" else self._new(name)
        return found

    def _local(self, model: str) -> Transport:
        own = msgspec.structs.asdict(self._settings.local)
        queue = own.pop("queue")
        engine = load("engine", "local")(**own)
        # Prompts and the child's key must not pass a proxy, so the environment's are not seen.
        inner = self._loaded.setdefault("loopback", load("transport", "http")(environ={}))
        return load("transport", "local")(model, inner, engine=engine, queue=queue)

    def _new(self, name: str) -> Transport:
        return load("transport", name)()


def _nothing(models: Sequence[str], missing: Sequence[Missing]) -> ConfigError:
    """No route can be taken: what to set, of which one is enough."""
    if len(missing) == 1:
        return missing[0]
    names = list(dict.fromkeys(lack.variable for lack in missing))
    return ConfigError(
        f"no route of {', '.join(models)} can be taken, as no key is set",
        key="model",
        remedy=f"Set one of {', '.join(names)} in the environment or in .env.",
    )


def url_problem(url: str) -> str:
    """What is wrong with a base URL; empty if nothing is. What may be a key is not shown."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "base_url is no address: its host or port is invalid"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "base_url holds a user name, a query or a fragment, which belong into headers"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return f"base_url is {url!r}"
    return ""


def _changed(row: Vendor, own: VendorSettings) -> Vendor:
    changes: dict[str, Any] = {
        field: value
        for field in own.__struct_fields__
        if field not in ("like", "key", "headers", "variables")
        and (value := getattr(own, field)) is not None
    }
    if own.base_url is not None or own.key is not None:
        changes["key_env"] = None if own.base_url is not None and own.key is None else row.key_env
    return replace(row, **changes)


def _retired(row: Vendor, vendor: str, model: str) -> str:
    gone = row.retired.get(model)
    if gone is None:
        return ""
    return (
        f"{model} was retired on {gone.since}; ask for {vendor}/{gone.successor}. If it is still "
        f'served to you, write retired = false under [models."{vendor}/{model}"]'
    )
