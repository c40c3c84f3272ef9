"""The OpenAI chat completions dialect, towards vendors (``WIRE``) and callers (``FACE``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from ...errors import BadRequestError, Fault, UnsupportedError
from ...framing.sse import SSE
from ...ports import Draft, Head, Headers, Operation, Quirks
from ...types import Request, Response
from .embeddings import EMBEDDINGS
from .faults import complaint, error_in, fault_from, status_of, waiting_headers
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
    operations: ClassVar[Mapping[str, Operation]] = {
        "embeddings": EMBEDDINGS,
        "models": MODELS,
        "rerank": RERANK,
    }

    def encode(self, request: Request, quirks: Quirks, /) -> Draft:
        """Raises ``UnsupportedError`` for what the dialect or the vendor cannot say."""
        notes: list[str] = []
        said = write_request(request, quirks, notes)
        try:
            body = encode(said)
        except UnicodeEncodeError as error:
            raise UnsupportedError(
                f"the request holds a text that is no Unicode: {error}"
            ) from None
        except (TypeError, RecursionError) as error:
            raise UnsupportedError(f"the request holds what JSON cannot: {error}") from None
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
        try:
            raw: Any = decode(body)
        except ValueError:
            raw = None
        return fault_from(raw, body, status, headers)


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
        try:
            head = _peek(body)
        except (ValueError, RecursionError) as error:
            raise BadRequestError(f"the request is not valid: {error}", status=400) from None
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
        headers = [("content-type", "application/json"), ("x-should-retry", "false")]
        headers += waiting_headers(fault)
        return status_of(fault), Headers(headers), encode(complaint(fault))


WIRE = OpenAIChatWire()
FACE = OpenAIChatFace()
