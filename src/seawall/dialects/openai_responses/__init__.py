"""The OpenAI responses dialect, towards vendors (``WIRE``) and callers (``FACE``).

An answer may be kept by the provider, and the next question refer to it by
``previous_response_id``: that travels in ``extra``, as ``store`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ...errors import BadRequestError, Fault
from ...framing.sse import SSE
from ...ports import Draft, Head, Headers, Quirks
from ...types import Request, Response
from ..http_faults import error_headers
from ..json_values import as_object, decode, decode_error, encode, encode_body, peeked
from ..openai_chat import OpenAIChatWire
from ..openai_chat.faults import complaint, fault_from, status_of
from .faults import error_event, fault_in
from .messages import ours_apart
from .requests import read_request, write_request
from .responses import read_response, write_response
from .streams import StreamReader
from .words import DIALECT, OUR_THOUGHT
from .writer import StreamWriter

__all__ = ["FACE", "WIRE", "OpenAIResponsesFace", "OpenAIResponsesWire"]


_WHOLE = (("content-type", "application/json"),)
_STREAMED = (*_WHOLE, ("accept", "text/event-stream"))


class OpenAIResponsesWire:
    """Towards a vendor that speaks ``POST /responses``."""

    name = DIALECT
    #: The same server's, whatever it is asked for chat in.
    operations = OpenAIChatWire.operations

    def encode(self, request: Request, quirks: Quirks, /) -> Draft:
        """Raises ``UnsupportedError`` for what the dialect or the vendor cannot say."""
        notes: list[str] = []
        said = write_request(request, quirks, notes)
        body = encode_body(said)
        headers = _STREAMED if request.stream else _WHOLE
        return Draft(path="/responses", body=body, headers=headers, notes=tuple(notes))

    def decode(self, body: bytes, /) -> Response:
        """Raises ``ValueError`` for what is no finished response, and the provider's fault for
        one that failed."""
        raw = as_object(decode(body), "the body")
        if raw.get("error") or raw.get("status") == "failed":
            raise fault_in({"error": raw.get("error") or "the response failed"}, body)
        return read_response(raw)

    def framer(self) -> SSE:
        return SSE()

    def reader(self) -> StreamReader:
        return StreamReader()

    def fault(self, status: int, headers: Mapping[str, str], body: bytes, /) -> Fault:
        return fault_from(decode_error(body), body, status, headers)


class _Format(Struct):
    type: str = "text"


class _Text(Struct):
    format: _Format | None = None


class _Peek(Struct):
    model: str
    stream: bool | None = None
    background: bool | None = None
    text: _Text | None = None


_peek = msgspec.json.Decoder(_Peek).decode
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class OpenAIResponsesFace:
    """Towards callers that speak ``POST /responses``."""

    name = DIALECT

    def peek(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Head:
        """Raises ``BadRequestError`` also for a question whose answer is to be fetched later."""
        head = peeked(_peek, body)
        if head.background:
            raise BadRequestError("an answer in the background is not waited for", status=400)
        wanted = None if head.text is None else head.text.format
        return Head(
            model=head.model,
            stream=bool(head.stream),
            include_usage=True,  # it is always there
            structured=wanted is not None and wanted.type != "text",
        )

    def read(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Request:
        return read_request(body)

    def metered(self, body: bytes, head: Head, /) -> bytes:
        """The body as it came: usage is always told. Only reasoning that we made of another
        provider's answer stays behind, which the one who is asked would not know."""
        if OUR_THOUGHT.encode() not in body:
            return body
        fields: dict[str, Any] = _fields(body)
        fields["input"] = ours_apart(decode(fields.get("input", b"null")))
        return encode(fields)

    def write(self, response: Response, /) -> bytes:
        return encode(write_response(response))

    def writer(self, head: Head, /) -> StreamWriter:
        return StreamWriter(head.model, error_event)

    def complain(self, fault: Fault, /) -> tuple[int, Headers, bytes]:
        return status_of(fault), error_headers(fault), encode(complaint(fault))


WIRE = OpenAIResponsesWire()
FACE = OpenAIResponsesFace()
