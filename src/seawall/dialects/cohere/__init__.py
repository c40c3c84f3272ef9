"""The Cohere dialect, version 2 of its API, towards vendors (``WIRE``) and callers (``FACE``)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from ...errors import Fault
from ...framing.sse import SSE
from ...ports import Draft, Head, Headers, Operation, Quirks
from ...types import Request, Response
from ..http_faults import error_headers
from ..json_values import as_object, decode, decode_error, encode, encode_body, peeked
from .embeddings import EMBEDDINGS
from .faults import complaint, fault_from, status_of
from .listing import MODELS
from .relaying import RelayingWriter
from .requests import read_request, write_request
from .rerank import RERANK
from .responses import read_response, write_response
from .streams import StreamReader
from .words import DIALECT

__all__ = ["FACE", "WIRE", "CohereFace", "CohereWire"]


class CohereWire:
    """Towards a vendor that speaks ``POST /v2/chat``."""

    name = DIALECT
    operations: Mapping[str, Operation] = {
        "embeddings": EMBEDDINGS,
        "models": MODELS,
        "rerank": RERANK,
    }

    def encode(self, request: Request, quirks: Quirks, /) -> Draft:
        """Raises ``UnsupportedError`` for what the dialect or the vendor cannot say."""
        notes: list[str] = []
        body = encode_body(write_request(request, quirks, notes))
        accepted = "text/event-stream" if request.stream else "application/json"
        headers = (("content-type", "application/json"), ("accept", accepted))
        return Draft(path="/v2/chat", body=body, headers=headers, notes=tuple(notes))

    def decode(self, body: bytes, /) -> Response:
        """Raises ``ValueError`` for what is no answer, and the provider's fault for one that says
        that the generation failed."""
        return read_response(as_object(decode(body), "the body"), body)

    def framer(self) -> SSE:
        return SSE()

    def reader(self) -> StreamReader:
        return StreamReader()

    def fault(self, status: int, headers: Mapping[str, str], body: bytes, /) -> Fault:
        return fault_from(decode_error(body), body, status, headers)


class _Format(Struct):
    type: str = "text"


class _Peek(Struct):
    model: str
    stream: bool | None = None
    response_format: _Format | None = None


_peek = msgspec.json.Decoder(_Peek).decode


class CohereFace:
    """Towards callers that speak ``POST /v2/chat``."""

    name = DIALECT

    def peek(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Head:
        head = peeked(_peek, body)
        wanted = head.response_format
        return Head(
            model=head.model,
            stream=bool(head.stream),
            include_usage=True,
            structured=wanted is not None and wanted.type != "text",
        )

    def read(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Request:
        return read_request(body)

    def metered(self, body: bytes, head: Head, /) -> bytes:
        """Every stream of this dialect tells its usage."""
        return body

    def write(self, response: Response, /) -> bytes:
        return encode(write_response(response))

    def writer(self, head: Head, /) -> RelayingWriter:
        return RelayingWriter()

    def complain(self, fault: Fault, /) -> tuple[int, Headers, bytes]:
        return status_of(fault), error_headers(fault, "x-request-id"), encode(complaint(fault))


WIRE = CohereWire()
FACE = CohereFace()
