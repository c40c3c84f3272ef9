"""Which HTTP library an installed SDK rides on."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires
from types import ModuleType

from ...errors import ConfigError
from ...plugins import optional

__all__ = ["library"]

#: Newest first: an SDK that names both prefers it.
_LIBRARIES = ("httpx2", "httpx")


def library(sdk: str) -> ModuleType:
    """The module ``httpx2`` or ``httpx``, whichever ``sdk`` (a distribution's name) requires.

    Raises ``ConfigError`` if the SDK is not installed, or requires neither.
    """
    try:
        needs = requires(sdk) or []
    except PackageNotFoundError:
        raise ConfigError(
            f"the SDK {sdk!r} is not installed",
            remedy=f"pip install {sdk}, or name another: http_client(sdk=...).",
        ) from None
    names = {re.split(r"[^A-Za-z0-9_.-]", need, maxsplit=1)[0].lower() for need in needs}
    for name in _LIBRARIES:
        if name in names and (module := optional(name)) is not None:
            return module
    raise ConfigError(
        f"the SDK {sdk!r} is built on neither httpx nor httpx2",
        remedy="The door fits SDKs that take an http_client of one of these.",
    )
