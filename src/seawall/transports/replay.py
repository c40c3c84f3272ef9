"""Transport ``replay``: exchanges kept on disk, one readable JSON file each.

::

    {
      "origin": "captured",
      "request": {"method": "POST", "url": "...", "headers": {...}, "body": {...}},
      "response": {"status": 200, "headers": {...}, "body": {...}}
    }

``origin`` is ``captured`` for what a server really said, or ``documented`` (then ``source`` names
the reference) for what was written after its documentation. A streamed body stands as ``pieces``,
as they came; a body that is no JSON as ``text``, one that is no UTF-8 as ``base64``. Secrets are
masked before anything is written.
"""

from __future__ import annotations

import base64
import difflib
import re
from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from ..errors import ConfigError, Fault, NotFoundError
from ..ports import Headers, Inbound, Outbound, Secret, Transport
from ..secret_patterns import redact

__all__ = ["Replay"]

_MASK = "***"
_SECRET = re.compile(r"authorization|cookie|(^|[-_])(key|token|secret|password)$", re.IGNORECASE)
#: Transports give bodies decoded and whole.
_FRAMING = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_encode = msgspec.json.Encoder(order="deterministic").encode


class _Request(Struct):
    method: str
    url: str


class _Response(Struct):
    status: int


class _Exchange(Struct):
    """What every file must have at least."""

    origin: Literal["captured", "documented"]
    request: _Request
    response: _Response


def _decode(data: bytes) -> dict[str, Any]:
    msgspec.json.decode(data, type=_Exchange)
    return msgspec.json.decode(data)


class Replay:
    """``Transport`` over the exchanges in the directory ``path``.

    With ``inner`` it records: each call goes through ``inner`` and is written when its reply has
    been read to the end. Without, it answers from disk: the same method, path and body gets the
    same reply, repeated ones in the order in which they were recorded. A call that was not
    recorded is a ``NotFoundError`` that says how it differs from the nearest recorded one.
    """

    def __init__(self, path: str | Path, inner: Transport | None = None) -> None:
        self._path = Path(path)
        self._inner = inner
        self._asked: defaultdict[str, int] = defaultdict(int)

    async def __call__(self, outbound: Outbound, /) -> Inbound:
        request = _request(outbound)
        if self._inner is None:
            return self._replay(request)
        return _Recorded(await self._inner(outbound), self, request)

    async def aclose(self) -> None:
        if self._inner is not None:
            await self._inner.aclose()

    def write(self, request: dict[str, Any], response: dict[str, Any]) -> None:
        """Keep an exchange, behind those that asked the same."""
        self._path.mkdir(parents=True, exist_ok=True)
        number = len(list(self._path.glob("*.json"))) + 1
        exchange = {"origin": "captured", "request": request, "response": response}
        text = msgspec.json.format(msgspec.json.encode(exchange), indent=2)
        file = self._path / f"{number:04d}-{sha256(_key(request).encode()).hexdigest()[:12]}.json"
        file.write_bytes(text + b"\n")

    def _replay(self, request: dict[str, Any]) -> Inbound:
        exchanges = self._exchanges()
        key = _key(request)
        fitting = [found for found in exchanges if _key(found["request"]) == key]
        turn = self._asked[key]
        if turn >= len(fitting):
            raise self._unknown(request, fitting, exchanges)
        self._asked[key] += 1
        return _Replayed(fitting[turn]["response"])

    def _exchanges(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for file in sorted(self._path.glob("*.json")):
            try:
                found.append(_decode(file.read_bytes()))
            except ValueError as error:
                raise ConfigError(f"is no exchange: {error}", source=str(file)) from None
        return found

    def _unknown(
        self, request: dict[str, Any], fitting: list[Any], exchanges: list[dict[str, Any]]
    ) -> Fault:
        if fitting:
            return NotFoundError(
                f"{self._path} holds {len(fitting)} replies to this request; it was asked once more"
            )
        if not exchanges:
            return NotFoundError(f"{self._path} holds no exchange; record some with inner=")
        asked = _lines(request)
        near = max(
            (_lines(found["request"]) for found in exchanges),
            key=lambda lines: difflib.SequenceMatcher(None, asked, lines).ratio(),
        )
        difference = "\n".join(
            difflib.unified_diff(near, asked, "recorded", "asked", n=1, lineterm="")
        )
        return NotFoundError(f"{self._path} holds no reply to this request:\n{difference[:2000]}")


def _key(request: dict[str, Any]) -> str:
    """What makes two requests the same: method, path with query, and body."""
    url = urlsplit(str(request["url"]))
    body = {name: request.get(name) for name in ("body", "text", "base64")}
    return f"{request['method']} {url.path}?{url.query} {_encode(body).decode()}"


def _lines(request: dict[str, Any]) -> list[str]:
    url = urlsplit(str(request["url"]))
    body = msgspec.json.format(_encode(request.get("body", request.get("text"))), indent=1)
    return [f"{request['method']} {url.path}?{url.query}", *body.decode().splitlines()]


def _request(outbound: Outbound) -> dict[str, Any]:
    return {
        "method": outbound.method,
        "url": _scrub_url(outbound.url),
        "headers": _scrub_headers(outbound.headers),
        **_body(outbound.body),
    }


def _scrub_url(url: str) -> str:
    parts = urlsplit(url)
    query = [
        (name, _MASK if _SECRET.search(name) else redact(value))
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host, query=urlencode(query, safe="*")))


def _scrub_headers(pairs: Iterable[tuple[str, str | Secret]]) -> dict[str, str]:
    return {
        name: _MASK if isinstance(value, Secret) or _SECRET.search(name) else redact(value)
        for name, value in pairs
    }


def _body(body: bytes) -> dict[str, Any]:
    try:
        text = redact(body.decode())
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}
    try:
        return {"body": msgspec.json.decode(text)}
    except ValueError:
        return {"text": text}


def _bytes(kept: dict[str, Any]) -> list[bytes]:
    if "pieces" in kept:
        return [piece for one in kept["pieces"] for piece in _bytes(one)]
    if "base64" in kept:
        return [base64.b64decode(kept["base64"])]
    if "text" in kept:
        return [cast(str, kept["text"]).encode()]
    return [msgspec.json.encode(kept.get("body"))]


def _piece(data: bytes) -> dict[str, Any]:
    """A piece of a stream. It may end inside a code point, or look like JSON by itself."""
    kept = _body(data)
    return {"text": redact(data.decode())} if "body" in kept else kept


class _Recorded:
    """A reply that is written down once it has been read to its end."""

    def __init__(self, inner: Inbound, replay: Replay, request: dict[str, Any]) -> None:
        self._inner = inner
        self._replay = replay
        self._request = request
        self._pieces: list[bytes] = []
        self._kept = False

    @property
    def status(self) -> int:
        return self._inner.status

    @property
    def headers(self) -> Headers:
        return self._inner.headers

    async def read(self) -> bytes:
        data = await self._inner.read()
        if data:
            self._pieces.append(data)
        else:
            self._keep()
        return data

    def release(self) -> None:
        self._keep()
        self._inner.release()

    def abort(self, fault: Fault | None = None, /) -> None:
        self._inner.abort(fault)

    def _keep(self) -> None:
        if self._kept:
            return
        self._kept = True
        kind = self.headers.get("content-type", "")
        body: dict[str, Any] = _body(b"".join(self._pieces))
        if kind.startswith("text/event-stream"):
            body = {"pieces": [_piece(piece) for piece in self._pieces]}
        pairs = [pair for pair in self.headers.pairs if pair[0].lower() not in _FRAMING]
        headers = _scrub_headers(pairs)
        self._replay.write(self._request, {"status": self.status, "headers": headers, **body})


class _Replayed:
    def __init__(self, kept: dict[str, Any]) -> None:
        self.status: int = kept["status"]
        self.headers = Headers(cast("dict[str, str]", kept.get("headers", {})).items())
        self._left = [piece for piece in _bytes(kept) if piece]
        self._fault: Fault | None = None

    async def read(self) -> bytes:
        if self._fault is not None:
            raise self._fault
        return self._left.pop(0) if self._left else b""

    def release(self) -> None:
        self._left.clear()

    def abort(self, fault: Fault | None = None, /) -> None:
        self._left.clear()
        self._fault = fault
