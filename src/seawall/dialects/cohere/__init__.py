"""The Cohere dialect, version 2 of its API, towards vendors (``WIRE``) and callers (``FACE``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ...errors import BadRequestError, Fault, UnsupportedError
from ...framing.sse import SSE
from ...ports import Draft, Head, Headers, Quirks
from ...types import Request, Response
from ..http_faults import waiting_headers
from ..json_values import as_object, decode, encode
from .faults import complaint, fault_from, status_of
from .requests import read_request, write_request
from .responses import read_response, write_response
from .streams import StreamReader
from .words import DIALECT
from .writer import StreamWriter

__all__ = ["FACE", "WIRE", "CohereFace", "CohereWire"]


class CohereWire:
    """Towards a vendor that speaks ``POST /v2/chat``."""

    name = DIALECT

    def encode(self, request: Request, quirks: Quirks, /) -> Draft:
        """Raises ``UnsupportedError`` for what the dialect or the vendor cannot say."""
        notes: list[str] = []
        try:
            body = encode(write_request(request, quirks, notes))
        except UnicodeEncodeError as error:
            raise UnsupportedError(
                f"the request holds a text that is no Unicode: {error}"
            ) from None
        except (TypeError, RecursionError) as error:
            raise UnsupportedError(f"the request holds what JSON cannot: {error}") from None
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
        try:
            raw: Any = decode(body)
        except ValueError:
            raw = None
        return fault_from(raw, body, status, headers)


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
        try:
            head = _peek(body)
        except (ValueError, RecursionError) as error:
            raise BadRequestError(f"the request is not valid: {error}", status=400) from None
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

    def writer(self, head: Head, /) -> StreamWriter:
        return StreamWriter()

    def complain(self, fault: Fault, /) -> tuple[int, Headers, bytes]:
        headers = [("content-type", "application/json"), ("x-should-retry", "false")]
        headers += waiting_headers(fault)
        if fault.request_id is not None:
            headers.append(("x-request-id", fault.request_id))
        return status_of(fault), Headers(headers), encode(complaint(fault))


WIRE = CohereWire()
FACE = CohereFace()
