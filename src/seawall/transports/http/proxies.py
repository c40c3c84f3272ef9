"""Which proxy the environment sets for an origin. The conventions are curl's.

``HTTP_PROXY`` is for http origins, ``HTTPS_PROXY`` for https ones, ``ALL_PROXY`` for both; the
lower-case name wins. ``NO_PROXY`` lists what goes direct, separated by commas or blanks: ``*``,
hosts (their subdomains too, with or without a leading dot), addresses and networks
(``10.0.0.0/8``), each with an optional ``:port``. Nothing is exempt unless it is listed, loopback
neither: where a proxy is set, an address that must not pass through it is named in ``NO_PROXY``.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from msgspec import Struct

from ...errors import ConfigError
from ...ports import Secret
from .target import Origin

__all__ = ["Proxy", "find_proxy"]


class Proxy(Struct, frozen=True):
    """``variable`` set it. ``url`` is a secret, as it may hold a password."""

    variable: str
    url: Secret


def find_proxy(origin: Origin, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy for ``origin``, or ``None``. Raises ``ConfigError`` for one of an unknown kind."""
    for variable in (f"{origin.scheme}_proxy", "all_proxy"):
        for name in (variable, variable.upper()):
            url = environ.get(name)
            # A web server hands a visitor's "Proxy:" header to CGI programs as HTTP_PROXY.
            if not url or (name == "HTTP_PROXY" and "REQUEST_METHOD" in environ):
                continue
            exempt = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
            return None if _exempt(origin, exempt) else Proxy(name, _checked(name, url))
    return None


def _checked(variable: str, url: str) -> Secret:
    url = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ConfigError(
            "the proxy is no http or https address",
            source=variable,
            remedy="Write http://host:port, or name the API's host in NO_PROXY.",
        )
    return Secret(url, variable)


def _exempt(origin: Origin, listed: str) -> bool:
    return any(_matches(origin, entry) for entry in listed.replace(",", " ").lower().split())


def _matches(origin: Origin, entry: str) -> bool:
    if entry == "*":
        return True
    host, _, port = entry.rpartition(":")
    if port.isdigit() and (":" not in host or host.endswith("]")):
        if int(port) != origin.port:
            return False
        entry = host
    entry = entry.strip("[]")
    try:
        address = ip_address(origin.host)
    except ValueError:
        entry = entry.removeprefix("*").lstrip(".")
        return bool(entry) and f".{origin.host}".endswith(f".{entry}")
    try:
        return address in ip_network(entry, strict=False)
    except ValueError:
        return False
