"""A request's bytes. The only place of this transport where a secret is revealed."""

from __future__ import annotations

import re
from asyncio import WriteTransport
from collections.abc import Sequence

from ...errors import ConfigError
from ...ports import Outbound, Secret, reveal
from .target import DEFAULTS, Target, lines

__all__ = ["JOINED", "Defaults", "check", "write"]

Headers = Sequence[tuple[str, str | Secret]]
#: The default headers of one request; ``None``: all that there are.
Defaults = dict[str, str] | None

#: A body up to this size is copied behind its head, so that both leave in one write.
JOINED = 16 * 1024

#: These frame the request; a second opinion about them is request smuggling.
_OWN = {"connection", "content-length", "expect", "host", "te", "transfer-encoding", "upgrade"}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

#: Header names found valid, and whether each replaces a default. Names are few; bounded anyway.
_known: dict[str, bool] = {}


def check(headers: Headers) -> Defaults:
    """Which defaults go with ``headers``.

    Raises ``ConfigError`` naming a header that must not be sent: an invalid name, a control
    character (line breaks inject headers), or one the transport writes itself. Values are
    looked at and never kept or shown.
    """
    replaced = False
    for name, value in headers:
        replaces = _known.get(name)
        if replaces is None:
            replaces = _learn(name)
        if replaces:
            replaced = True
        if not (value if type(value) is str else reveal(value)).isprintable():
            raise ConfigError(
                "the value holds a line break or another control character",
                source=value.source if isinstance(value, Secret) else "",
                key=f"header {name}",
                remedy="Remove it; a key read from a file often ends in a line break.",
            )
    if not replaced:
        return None
    given = {name.lower() for name, _ in headers}
    return {name: value for name, value in DEFAULTS.items() if name not in given}


def _learn(name: str) -> bool:
    if not _TOKEN.fullmatch(name):
        raise ConfigError(f"{name!r} is no valid header name")
    if name.lower() in _OWN:
        raise ConfigError(f"the header {name} is written by the transport", remedy="Remove it.")
    if len(_known) >= 1024:
        _known.clear()
    replaces = _known[name] = name.lower() in DEFAULTS
    return replaces


def write(
    transport: WriteTransport, target: Target, outbound: Outbound, defaults: Defaults
) -> None:
    """Write the head of a request, and its body when that is small.

    Nothing in here raises, so that no traceback holds a frame with a revealed secret.
    """
    body = outbound.body
    head = target.opening if defaults is None else target.prefix + lines(defaults)
    for name, value in outbound.headers:
        head += f"{name}: {value if type(value) is str else reveal(value)}\r\n"
    end = f"content-length: {len(body)}\r\n\r\n" if body or not target.bodiless else "\r\n"
    sent = (head + end).encode()
    transport.write(sent + body if len(body) <= JOINED else sent)
