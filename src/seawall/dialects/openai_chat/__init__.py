"""The OpenAI chat completions dialect, towards vendors (``WIRE``) and callers (``FACE``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ...errors import Fault
from ...framing.sse import SSE
from ...ports import Draft, Head, Headers, Operation, Quirks
from ...types import Request, Response
from ..http_faults import error_headers
from ..json_values import decode_error, encode_body, peeked
from .embeddings import EMBEDDINGS
from .faults import complaint, error_in, fault_from, status_of
from .listing import MODELS
from .plain import read_plain
from .requests import read_request, write_request
from .rerank import RERANK
from .responses import read_response, write_response
from .streams import StreamReader, StreamWriter
from .words import DIALECT, as_object, decode, encode

__all__ = ["FACE", "WIRE", "OpenAIChatFace", "OpenAIChatWire"]


_WHOLE = (("content-type", "application/json"),)
_STREAMED = (*_WHOLE, ("accept", "text/event-stream"))


class OpenAIChatWire:
    """Towards a vendor that speaks ``POST /chat/completions``."""

    name = DIALECT
    operations: Mapping[str, Operation] = {
        "embeddings": EMBEDDINGS,
        "models": MODELS,
        "rerank": RERANK,
    }

    def encode(self, request: Request, quirks: Quirks, /) -> Draft:
        """Raises ``UnsupportedError`` for what the dialect or the vendor cannot say."""
        notes: list[str] = []
        said = write_request(request, quirks, notes)
        body = encode_body(said)
        headers = _STREAMED if request.stream else _WHOLE
        return Draft(path="/chat/completions", body=body, headers=headers, notes=tuple(notes))

    def decode(self, body: bytes, /) -> Response:
        """Raises ``ValueError`` for what is no chat completion, and the provider's fault for an
        error object that came with a success status."""
        plain = read_plain(body)
        if plain is not None:
            return plain
        raw = as_object(decode(body), "the body")
        error = error_in(raw)
        if error is not None:
            raise fault_from(error, body)
        return read_response(raw)

    def framer(self) -> SSE:
        return SSE()

    def reader(self) -> StreamReader:
        return StreamReader()

    def fault(self, status: int, headers: Mapping[str, str], body: bytes, /) -> Fault:
        return fault_from(decode_error(body), body, status, headers)


class _Options(Struct):
    include_usage: bool | None = None


class _Format(Struct):
    type: str = "text"


class _Peek(Struct):
    model: str
    stream: bool | None = None
    stream_options: _Options | None = None
    n: int | None = None
    response_format: _Format | None = None


_peek = msgspec.json.Decoder(_Peek).decode
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class OpenAIChatFace:
    """Towards callers that speak ``POST /chat/completions``."""

    name = DIALECT

    def peek(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Head:
        head = peeked(_peek, body)
        options, wanted = head.stream_options, head.response_format
        return Head(
            model=head.model,
            stream=bool(head.stream),
            include_usage=options is not None and bool(options.include_usage),
            choices=head.n or 1,
            structured=wanted is not None and wanted.type != "text",
        )

    def read(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Request:
        return read_request(body)

    def metered(self, body: bytes, head: Head, /) -> bytes:
        if not head.stream or head.include_usage:
            return body
        fields: dict[str, Any] = _fields(body)
        given = fields.get("stream_options")
        options: dict[str, Any] = {} if given is None else _fields(given) or {}
        fields["stream_options"] = options | {"include_usage": True}
        return encode(fields)

    def write(self, response: Response, /) -> bytes:
        return encode(write_response(response))

    def writer(self, head: Head, /) -> StreamWriter:
        return StreamWriter(head.model, head.include_usage, complaint)

    def complain(self, fault: Fault, /) -> tuple[int, Headers, bytes]:
        return status_of(fault), error_headers(fault), encode(complaint(fault))


WIRE = OpenAIChatWire()
FACE = OpenAIChatFace()
