"""What one client may hold open, wait for and accept."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["Limits"]


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds of the ``http`` transport. Connections are counted per origin and event loop.

    ``connections``: open at once; a call beyond them waits, first come first served, at most
    ``pool_timeout`` seconds (``None``: for ever). ``idle``: kept open between calls, each for
    ``idle_seconds`` at most and for less where the server's ``Keep-Alive`` says so.

    ``header_bytes`` and ``headers`` bound the head of a reply, ``body_bytes`` the decoded body
    of one that is not a stream. ``framing_bytes`` is what chunk extensions and trailers may
    add to a chunked body beyond eight bytes for each byte of content.
    """

    connections: int = 100
    idle: int = 100
    idle_seconds: float = 30.0
    pool_timeout: float | None = 30.0
    header_bytes: int = 64 * 1024
    headers: int = 500
    body_bytes: int = 64 * 1024 * 1024
    framing_bytes: int = 64 * 1024
