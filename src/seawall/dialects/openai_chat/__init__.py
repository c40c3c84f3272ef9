"""The OpenAI chat completions dialect, towards vendors (``WIRE``) and callers (``FACE``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ...errors import BadRequestError, Fault, UnsupportedError
from ...framing.sse import SSE
from ...ports import Draft, Head, Headers, Quirks
from ...types import Request, Response
from .faults import complaint, error_in, fault_from, status_of, waiting_headers
from .plain import read_plain
from .requests import read_request, write_request
from .responses import read_response, write_response
from .streams import StreamReader, StreamWriter
from .words import DIALECT, as_object, decode, encode

__all__ = ["FACE", "WIRE", "OpenAIChatFace", "OpenAIChatWire"]


class OpenAIChatWire:
    """Towards a vendor that speaks ``POST /chat/completions``."""

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
        return Draft(path="/chat/completions", body=body, notes=tuple(notes))

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
        try:
            raw: Any = decode(body)
        except ValueError:
            raw = None
        return fault_from(raw, body, status, headers)


class _Peek(Struct):
    model: str
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None


_peek = msgspec.json.Decoder(_Peek).decode


class OpenAIChatFace:
    """Towards callers that speak ``POST /chat/completions``."""

    name = DIALECT

    def peek(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Head:
        try:
            head = _peek(body)
        except (ValueError, RecursionError) as error:
            raise BadRequestError(f"the request is not valid: {error}", status=400) from None
        usage = bool((head.stream_options or {}).get("include_usage"))
        return Head(model=head.model, stream=bool(head.stream), include_usage=usage)

    def read(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Request:
        return read_request(body)

    def write(self, response: Response, /) -> bytes:
        return encode(write_response(response))

    def writer(self, head: Head, /) -> StreamWriter:
        return StreamWriter(head.model, head.include_usage, complaint)

    def complain(self, fault: Fault, /) -> tuple[int, Headers, bytes]:
        headers = [("content-type", "application/json"), ("x-should-retry", "false")]
        headers += waiting_headers(fault)
        return status_of(fault), Headers(headers), encode(complaint(fault))


WIRE = OpenAIChatWire()
FACE = OpenAIChatFace()
