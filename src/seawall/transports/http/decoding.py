"""Content codings of RFC 9110, section 8.4.1, undone piece by piece in bounded memory."""

from __future__ import annotations

import zlib

from ...errors import ConnectionFault, MalformedReplyError

__all__ = ["Decoder", "decoder"]

#: The most that one step may inflate to. A piece that holds more is taken in several steps.
STEP = 256 * 1024

_GZIP = 16 + zlib.MAX_WBITS


class Decoder:
    """Inflates gzip (any number of members) and deflate (zlib's format, or bare as some send it).

    ``feed`` takes the next raw bytes, ``step`` gives at most ``STEP`` decoded ones and ``b""``
    when it needs more. Both raise ``ConnectionFault`` for a corrupt body, ``end`` for one that
    stops before its trailer.
    """

    __slots__ = ("_gzip", "_inflate", "_raw", "_started")

    def __init__(self, gzip: bool) -> None:
        self._gzip = gzip
        self._inflate = zlib.decompressobj(_GZIP)
        self._raw = b""
        self._started = False

    def feed(self, raw: bytes) -> None:
        if not raw:
            return
        if not self._started:
            self._started = True
            if not self._gzip:
                self._inflate = zlib.decompressobj(_deflate_bits(raw[0]))
        self._raw = self._raw + raw if self._raw else raw

    def step(self) -> bytes:
        while self._raw or not self._inflate.eof:
            if self._inflate.eof:
                self._next_member()
            try:
                data = self._inflate.decompress(self._raw, STEP)
            except zlib.error as error:
                raise ConnectionFault(f"the compressed body is corrupt: {error}") from None
            done = self._inflate.eof
            self._raw = self._inflate.unused_data if done else self._inflate.unconsumed_tail
            if data:
                return data
            if not self._raw:
                break
        return b""

    def _next_member(self) -> None:
        if not self._gzip:
            raise ConnectionFault("the compressed body goes on after its end")
        self._inflate = zlib.decompressobj(_GZIP)

    def end(self) -> None:
        if self._started and not self._inflate.eof:
            raise ConnectionFault("the compressed body ended before its trailer")


def _deflate_bits(first: int) -> int:
    # A zlib stream opens with compression method 8 (RFC 1950, section 2.2); bare deflate data
    # cannot start a block with these bits in practice.
    return zlib.MAX_WBITS if first & 0x0F == 8 else -zlib.MAX_WBITS


def decoder(coding: str) -> Decoder | None:
    """What undoes ``Content-Encoding: coding``; ``None`` for nothing."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return None
    if coding in ("gzip", "x-gzip", "deflate"):
        return Decoder(coding != "deflate")
    raise MalformedReplyError(
        f"the body has the content-encoding {coding!r}; only gzip and deflate are understood"
    )
