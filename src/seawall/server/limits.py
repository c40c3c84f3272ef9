"""What one server accepts and holds open."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["Limits"]


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds of a server. A connection beyond ``connections`` is told 503 and closed.

    ``header_bytes`` and ``headers`` bound a request's head (431), ``body_bytes`` its body
    (413), ``request_seconds`` the time from its first byte to its last (408). Between requests
    a connection is kept ``idle_seconds``.
    """

    connections: int = 1000
    header_bytes: int = 64 * 1024
    headers: int = 200
    body_bytes: int = 64 * 1024 * 1024
    request_seconds: float = 60.0
    idle_seconds: float = 75.0
