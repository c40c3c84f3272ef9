"""The machine: its clock, whom it trusts, its proxies and limits, and the weights on it."""

from __future__ import annotations

import os
import resource
import ssl
import statistics
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from urllib.parse import urlsplit

from ...transports.local.cache import installed
from .findings import Finding
from .setup import Setup

__all__ = ["check", "clock", "open_files", "proxies", "trust", "weights"]

#: Seconds. AWS refuses requests signed with a clock that is off by more than five minutes.
_SKEW_NOTED, _SKEW_REFUSED = 30.0, 300.0
#: A clock before the release of what it runs is wrong; so is one that left the century.
_RELEASED, _CENTURY = datetime(2026, 11, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
#: Every call under way holds a connection.
_FEW_FILES = 1024


def check(setup: Setup, skews: Sequence[float]) -> list[Finding]:
    """``skews``: by how many seconds each server's clock was ahead of ours."""
    return [
        clock(time.time(), skews),
        trust(os.environ),
        *proxies(os.environ),
        open_files(),
        weights(setup.settings.model),
    ]


def clock(now: float, skews: Sequence[float]) -> Finding:
    """``now``: seconds since the epoch."""
    shown = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC"
    remedy = "Set the clock: switch on NTP (`timedatectl set-ntp true` on Linux)."
    if not _RELEASED.timestamp() <= now < _CENTURY.timestamp():
        return Finding("fail", "clock", f"{shown} cannot be", remedy)
    if not skews:
        return Finding("ok", "clock", f"{shown}, compared with no server")
    off = statistics.median(skews)
    servers = f"the servers' ({len(skews)} asked)"
    if abs(off) < _SKEW_NOTED:
        return Finding("ok", "clock", f"{shown}, as {servers}")
    level = "warn" if abs(off) < _SKEW_REFUSED else "fail"
    which = "behind" if off > 0 else "ahead of"
    return Finding(level, "clock", f"{shown}, {abs(off):.0f} s {which} {servers}", remedy)


def trust(environ: Mapping[str, str]) -> Finding:
    """Which certificate authorities TLS has to go by."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if (path := environ.get(name)) and not os.path.exists(path):
            return Finding("fail", "CA store", f"{name}: {path} does not exist", f"Unset {name}.")
    loaded = ssl.create_default_context().cert_store_stats()["x509_ca"]
    paths = ssl.get_default_verify_paths()
    if loaded:
        return Finding("ok", "CA store", f"{loaded} authorities in {paths.cafile or paths.capath}")
    if paths.capath and any(os.scandir(paths.capath)):
        return Finding("ok", "CA store", f"{paths.capath}")
    remedy = "Install ca-certificates, or name a file of authorities in SSL_CERT_FILE."
    return Finding("fail", "CA store", "no certificate authority is known", remedy)


def proxies(environ: Mapping[str, str]) -> list[Finding]:
    names = [
        name
        for kind in ("http_proxy", "https_proxy", "all_proxy")
        for name in (kind, kind.upper())
        if environ.get(name)
    ]
    if not names:
        return []
    shown = ", ".join(f"{name} ({_host(environ[name])})" for name in names)
    exempt = environ.get("no_proxy") or environ.get("NO_PROXY")
    detail = shown + (f", but not for {exempt}" if exempt else "")
    if find_spec("aiohttp") is not None:
        return [Finding("ok", "proxy", detail)]
    remedy = 'pip install "seawall[proxy]"'
    return [Finding("warn", "proxy", f"{detail}; the extra that it needs is missing", remedy)]


def _host(url: str) -> str:
    """Of a proxy's address, which may hold a password."""
    try:
        return urlsplit(url if "://" in url else f"//{url}").hostname or "no address"
    except ValueError:
        return "no address"


def open_files() -> Finding:
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return Finding("ok", "open files", "no limit")
    detail = f"at most {allowed} at once"
    if allowed >= _FEW_FILES:
        return Finding("ok", "open files", detail)
    remedy = f"ulimit -n {_FEW_FILES} (each call under way holds a connection)"
    return Finding("warn", "open files", detail, remedy)


def weights(model: str) -> Finding:
    """The embedded models whose weights are in the cache."""
    cached = installed()
    if cached:
        return Finding("ok", "embedded models", f"{', '.join(cached)} on this machine")
    wanted = model.removeprefix("local/")
    return Finding(
        "info",
        "embedded models",
        "none here; the first call fetches one",
        f"seawall local pull {wanted}" if wanted != model else "",
    )
