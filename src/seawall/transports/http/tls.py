"""TLS: who is trusted, and what to say when somebody is not."""

from __future__ import annotations

import os
import ssl
from asyncio import BaseTransport
from collections.abc import Callable

from ...errors import ConfigError, ConnectionFault

__all__ = ["context_once", "said_goodbye", "untrusted"]


def context_once(given: ssl.SSLContext | None = None) -> Callable[[], ssl.SSLContext]:
    """A function that makes the context at its first call, a costly step, and then keeps it."""
    kept = [] if given is None else [given]

    def context() -> ssl.SSLContext:
        if not kept:
            kept.append(_make())
        return kept[0]

    return context


def _make() -> ssl.SSLContext:
    """The system's trust, or what ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` name instead (OpenSSL
    reads both, and passes over a missing file without a word)."""
    for name, exists in (("SSL_CERT_FILE", os.path.isfile), ("SSL_CERT_DIR", os.path.isdir)):
        path = os.environ.get(name)
        if path and not exists(path):
            raise ConfigError(f"{path} does not exist", source=name, remedy="Unset or correct it.")
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def untrusted(host: str, error: Exception) -> ConnectionFault:
    """The fault for a certificate that was not accepted. Asking again would not help."""
    reason = getattr(error, "verify_message", "") or error
    return ConnectionFault(
        f"the certificate of {host} is not trusted: {reason}. If the host "
        "is right, set SSL_CERT_FILE to a file with the certificate authority that signed it",
        retry=False,
    )


def said_goodbye(transport: BaseTransport) -> bool:
    """Whether the end of a connection was meant by the other side. Over TLS that takes a
    close_notify, else anybody on the way could cut a body short (RFC 9112, section 9.8)."""
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if tls is None:
        return True
    try:
        return tls.read(1) == b""
    except ssl.SSLError:
        return False
