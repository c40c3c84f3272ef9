"""What is installed: Python, Seawall, what it needs, and what it can use."""

from __future__ import annotations

import platform
import re
import sqlite3
import ssl
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from ... import __version__
from .findings import Finding

__all__ = ["check"]

_SDKS = ("openai", "anthropic", "mistralai", "cohere", "google-genai")
_REQUIREMENT = re.compile(r"([\w.-]+)(?:.*extra *== *['\"]([\w-]+)['\"])?")


def check() -> list[Finding]:
    needs = _needs()
    found = [_python(), _seawall(needs.pop("", []))]
    found += [_extra(name, packages) for name, packages in sorted(needs.items())]
    sdks = _listed(name for name in _SDKS if _installed(name))
    return [*found, Finding("info", "provider SDKs", sdks or "none installed; none is needed")]


def _python() -> Finding:
    system = f"{platform.system()} {platform.machine()}"
    tls = " ".join(ssl.OPENSSL_VERSION.split()[:2])
    detail = f"{platform.python_version()}, {system}, {tls}, SQLite {sqlite3.sqlite_version}"
    return Finding("ok", "Python", detail)


def _seawall(core: list[str]) -> Finding:
    missing = [name for name in core if _installed(name) is None]
    if missing:
        detail = f"{__version__}, but it needs {', '.join(missing)}"
        return Finding("fail", "Seawall", detail, f"pip install {' '.join(missing)}")
    listed = f"with {_listed(core)}" if core else "from a source tree that was never installed"
    return Finding("ok", "Seawall", f"{__version__} {listed}")


def _extra(name: str, packages: list[str]) -> Finding:
    if all(map(_installed, packages)):
        return Finding("ok", f"extra {name}", _listed(packages))
    return Finding("info", f"extra {name}", f'not installed: pip install "seawall[{name}]"')


def _needs() -> dict[str, list[str]]:
    """The packages of the core (``""``) and of each extra, as the metadata has them. Empty for
    a source tree that was never installed."""
    needs: dict[str, list[str]] = {}
    for package, extra in _requirements():
        if package != "seawall" and extra != "all":
            needs.setdefault(extra, []).append(package)
    return needs


def _requirements() -> Iterator[tuple[str, str]]:
    try:
        lines = requires("seawall") or []
    except PackageNotFoundError:
        return
    for line in lines:
        if found := _REQUIREMENT.match(line):
            yield found[1], found[2] or ""


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _listed(packages: Iterable[str]) -> str:
    return ", ".join(f"{name} {_installed(name)}" for name in packages)
