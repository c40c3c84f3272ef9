"""Which HTTP library the installed SDKs ride on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, requires
from types import ModuleType

from ...errors import ConfigError
from ...plugins import optional
from .sdks import SDKS

__all__ = ["library"]

#: Newest first: an SDK that names both prefers it.
_LIBRARIES = ("httpx2", "httpx")


def library(sdk: str | None = None) -> ModuleType:
    """The module ``httpx2`` or ``httpx``, whichever ``sdk`` (a distribution's name) requires; that
    of every official SDK that is installed, unless one is named.

    Raises ``ConfigError`` if the SDK is not installed or requires neither, and if none is named
    while several are installed that do not ride on the same.
    """
    if sdk is not None:
        return _library(sdk)
    found = _installed()
    modules = list(dict.fromkeys(found.values()))
    if len(modules) == 1:
        return modules[0]
    if not modules:
        raise ConfigError(
            "no official SDK is installed",
            remedy="pip install openai, say, or give the module: http_client(library=httpx2).",
        )
    rides = ", ".join(f"{name} on {module.__name__}" for name, module in found.items())
    raise ConfigError(
        f"the SDKs installed ride on different HTTP libraries: {rides}",
        remedy=f"Say whose client it will be: http_client(sdk={next(iter(found))!r}).",
    )


def _installed() -> Mapping[str, ModuleType]:
    found: dict[str, ModuleType] = {}
    for sdk in SDKS:
        try:
            requires(sdk.package)
        except PackageNotFoundError:
            continue
        found[sdk.package] = _library(sdk.package)
    return found


def _library(sdk: str) -> ModuleType:
    try:
        needs = requires(sdk) or []
    except PackageNotFoundError:
        known = ", ".join(known.package for known in SDKS)
        raise ConfigError(
            f"the SDK {sdk!r} is not installed",
            remedy=f"pip install {sdk}, or name another: http_client(sdk=...) knows {known}.",
        ) from None
    # What belongs to an extra is not what the SDK rides on.
    names = {
        re.split(r"[^A-Za-z0-9_.-]", need, maxsplit=1)[0].lower()
        for need in needs
        if "extra ==" not in need
    }
    for name in _LIBRARIES:
        if name in names and (module := optional(name)) is not None:
            return module
    raise ConfigError(
        f"the SDK {sdk!r} is built on neither httpx nor httpx2",
        remedy="The door fits SDKs that take an http_client of one of these.",
    )
