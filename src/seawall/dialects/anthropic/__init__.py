"""The Anthropic Messages dialect, towards vendors (``WIRE``) and callers (``FACE``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ...errors import Fault
from ...framing.sse import SSE
from ...ports import Draft, Head, Headers, Operation, Quirks
from ...types import Request, Response
from ..http_faults import error_headers
from ..json_values import as_object, decode, decode_error, encode, encode_body, peeked
from .faults import complaint, fault_from, status_of
from .listing import Models
from .reading import StreamReader
from .requests import read_request, write_request
from .responses import read_response, write_response
from .words import DIALECT, own
from .writing import StreamWriter

__all__ = ["FACE", "SAMPLING_VERSION", "VERSION", "WIRE", "AnthropicFace", "AnthropicWire"]

#: The newest ``anthropic-version``, and the last under which answers are sampled as asked: since
#: 2026-10-21 a request with ``temperature``, ``top_p`` or ``top_k`` is refused, whatever their
#: values (API reference, "Versions").
VERSION = "2026-10-21"
SAMPLING_VERSION = "2023-06-01"
_SAMPLING = ("temperature", "top_p", "top_k")
_BETA = "anthropic-beta"


class AnthropicWire:
    """Towards a vendor that speaks ``POST /v1/messages``."""

    name = DIALECT
    operations: Mapping[str, Operation] = {"models": Models(VERSION)}

    def encode(self, request: Request, quirks: Quirks, /) -> Draft:
        """Raises ``UnsupportedError`` for what the dialect or the vendor cannot say."""
        notes: list[str] = []
        said = write_request(request, quirks, notes)
        betas = said.pop("betas", ())
        body = encode_body(said)
        version = SAMPLING_VERSION if any(name in said for name in _SAMPLING) else VERSION
        headers = [("content-type", "application/json"), ("anthropic-version", version)]
        if betas:
            headers.append((_BETA, ",".join(betas)))
        if request.stream:
            headers.append(("accept", "text/event-stream"))
        return Draft(path="/v1/messages", body=body, headers=tuple(headers), notes=tuple(notes))

    def decode(self, body: bytes, /) -> Response:
        """Raises ``ValueError`` for what is no message, and the provider's fault for an error
        object that came with a success status."""
        raw = as_object(decode(body), "the body")
        if raw.get("type") == "error":
            raise fault_from(raw, body)
        return read_response(raw)

    def framer(self) -> SSE:
        return SSE()

    def reader(self) -> StreamReader:
        return StreamReader()

    def fault(self, status: int, headers: Mapping[str, str], body: bytes, /) -> Fault:
        return fault_from(decode_error(body), body, status, headers)


class _Output(Struct):
    format: dict[str, Any] | None = None


class _Peek(Struct):
    model: str
    stream: bool | None = None
    output_config: _Output | None = None


_peek = msgspec.json.Decoder(_Peek).decode


class AnthropicFace:
    """Towards callers that speak ``POST /v1/messages``."""

    name = DIALECT

    def peek(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Head:
        head = peeked(_peek, body)
        config = head.output_config
        return Head(
            model=head.model,
            stream=bool(head.stream),
            include_usage=True,
            structured=config is not None and config.format is not None,
        )

    def read(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Request:
        """The betas that the caller wants stand in a header; they are kept in ``extra``."""
        request = read_request(body)
        betas = [beta.strip() for beta in headers.get(_BETA, "").split(",") if beta.strip()]
        if not betas:
            return request
        fields = own(request.extra) | {"betas": betas}
        return replace(request, extra={**request.extra, DIALECT: fields})

    def metered(self, body: bytes, head: Head, /) -> bytes:
        """Every stream of this dialect tells its usage."""
        return body

    def write(self, response: Response, /) -> bytes:
        return encode(write_response(response))

    def writer(self, head: Head, /) -> StreamWriter:
        return StreamWriter(head.model, complaint)

    def complain(self, fault: Fault, /) -> tuple[int, Headers, bytes]:
        return status_of(fault), error_headers(fault, "request-id"), encode(complaint(fault))


WIRE = AnthropicWire()
FACE = AnthropicFace()
