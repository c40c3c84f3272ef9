"""Where a request goes: its URL taken apart once and kept as the first lines of the request."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from ...errors import ConfigError

__all__ = ["DEFAULTS", "Origin", "Target", "Targets", "lines"]

#: Headers sent unless the caller gives others of the same name.
DEFAULTS = {"accept-encoding": "gzip", "user-agent": "seawall"}

#: Reserved and unreserved characters of RFC 3986, and the percent sign of escapes made before.
_SAFE = "%/?:@!$&'()*+,;=-._~[]"
_BODILESS = {"GET", "HEAD", "DELETE", "OPTIONS"}
_PORTS = {"http": 80, "https": 443}
_KEPT = 512


def lines(headers: Mapping[str, str]) -> str:
    """Headers as they are sent."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


class Origin:
    """Scheme, host and port. One object an origin, so that it is compared by identity."""

    __slots__ = ("host", "port", "scheme")

    def __init__(self, scheme: str, host: str, port: int) -> None:
        self.scheme, self.host, self.port = scheme, host, port

    @property
    def authority(self) -> str:
        """``host`` or ``host:port``, as the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


class Target:
    """``prefix``: request line and Host header, ready to be sent; ``opening``: with the default
    headers too. ``url``: without fragment."""

    __slots__ = ("bodiless", "method", "opening", "origin", "prefix", "url")

    def __init__(self, method: str, origin: Origin, path: str) -> None:
        self.method = method
        self.origin = origin
        self.url = f"{origin}{path}"
        self.prefix = f"{method} {path} HTTP/1.1\r\nhost: {origin.authority}\r\n"
        self.opening = self.prefix + lines(DEFAULTS)
        self.bodiless = method in _BODILESS


class Targets(dict[tuple[str, str], Target]):
    """Targets by method and URL, made when first asked for. Raises ``ConfigError`` for a URL that
    cannot or must not be sent. Bounded: URLs are few, but a caller may prove that wrong."""

    def __init__(self) -> None:
        self._origins: dict[tuple[str, str, int], Origin] = {}

    def __missing__(self, key: tuple[str, str]) -> Target:
        method, url = key
        if not (method.isascii() and method.isalpha()):
            raise ConfigError(f"{method!r} is no HTTP method")
        scheme, host, port, path = _split(url)
        origin = self._origins.get((scheme, host, port))
        if origin is None:
            origin = self._origins[scheme, host, port] = Origin(scheme, host, port)
        if len(self) >= _KEPT:
            self.clear()
        target = self[key] = Target(method.upper(), origin, path)
        return target


def _split(url: str) -> tuple[str, str, int, str]:
    # Checked first: urlsplit drops line breaks silently. The URL is shown only where it cannot
    # hold a key.
    if not url.isprintable():
        raise ConfigError("the URL holds a control character", remedy="Check base_url.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host = host.encode("idna").decode()
    except ValueError:
        raise ConfigError("the URL's host or port is invalid", remedy="Check base_url.") from None
    if "@" in parts.netloc:
        raise ConfigError(
            "the URL holds a user name or a key",
            remedy="Put the key in a variable and name that; URLs end up in logs.",
        )
    if parts.scheme not in _PORTS or not host or quote(host, safe=_SAFE) != host:
        raise ConfigError(
            f"{parts.scheme}://{host} is no http or https address",
            remedy="A base_url looks like https://api.example.com/v1.",
        )
    path = quote(parts.path or "/", safe=_SAFE)
    query = f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
    return parts.scheme, host, _PORTS[parts.scheme] if port is None else port, path + query
