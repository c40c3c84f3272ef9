"""The Gemini dialect, towards vendors (``WIRE``) and callers (``FACE``).

The model and the wish for a stream stand in the path, so the face looks there for both.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from ...errors import Fault
from ...folding import fold
from ...ports import Draft, Head, Headers, Operation, Quirks
from ...types import Request, Response
from ..http_faults import error_headers
from ..json_values import as_object, decode, decode_error, encode, encode_body, peeked
from .embeddings import EMBEDDINGS
from .faults import complaint, error_in, fault_from, status_of
from .frames import Frames
from .listing import MODELS
from .paths import method_of, path_of, target_of
from .requests import read_request, write_request
from .responses import read_response, write_response
from .streams import StreamReader
from .words import DIALECT
from .writer import StreamWriter

__all__ = ["FACE", "WIRE", "GeminiFace", "GeminiWire"]

_WHOLE = (("content-type", "application/json"),)
_STREAMED = (*_WHOLE, ("accept", "text/event-stream"))


class GeminiWire:
    """Towards a vendor that speaks ``POST /models/{model}:generateContent``."""

    name = DIALECT
    operations: Mapping[str, Operation] = {
        "embeddings": EMBEDDINGS,
        "models": MODELS,
    }

    def encode(self, request: Request, quirks: Quirks, /) -> Draft:
        """Raises ``UnsupportedError`` for what the dialect or the vendor cannot say."""
        notes: list[str] = []
        said = write_request(request, quirks, notes)
        body = encode_body(said)
        return Draft(
            path=path_of(request.model, method_of(request.stream)),
            query=(("alt", "sse"),) if request.stream else (),
            body=body,
            headers=_STREAMED if request.stream else _WHOLE,
            notes=tuple(dict.fromkeys(notes)),
        )

    def decode(self, body: bytes, /) -> Response:
        """Raises ``ValueError`` for what is no response, the provider's fault for an error
        object that came with a success status, and ``ContentFilterError`` for a blocked prompt.
        An array is a stream that came in one piece."""
        raw = decode(body)
        error = error_in(raw)
        if error is not None:
            raise fault_from(error, body)
        if isinstance(raw, list):
            return fold(StreamReader().feed(body))
        return read_response(as_object(raw, "the body"), body)

    def framer(self) -> Frames:
        return Frames()

    def reader(self) -> StreamReader:
        return StreamReader()

    def fault(self, status: int, headers: Mapping[str, str], body: bytes, /) -> Fault:
        return fault_from(decode_error(body), body, status, headers)


class _Config(Struct, rename="camel"):
    candidate_count: int | None = None
    response_mime_type: str | None = None


class _Snake(Struct):
    candidate_count: int | None = None
    response_mime_type: str | None = None


class _Peek(Struct):
    generationConfig: _Config | None = None
    generation_config: _Snake | None = None


_peek = msgspec.json.Decoder(_Peek).decode


class GeminiFace:
    """Towards callers that speak ``POST /models/{model}:generateContent``."""

    name = DIALECT

    def peek(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Head:
        model, stream = target_of(path)
        head = peeked(_peek, body)
        config = head.generationConfig or head.generation_config or _Config()
        return Head(
            model=model,
            stream=stream,
            include_usage=True,
            choices=config.candidate_count or 1,
            structured=config.response_mime_type == "application/json",
        )

    def read(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Request:
        model, stream = target_of(path)
        return read_request(model, stream, body)

    def metered(self, body: bytes, head: Head, /) -> bytes:
        """Every stream of this dialect tells its usage."""
        return body

    def write(self, response: Response, /) -> bytes:
        return encode(write_response(response))

    def writer(self, head: Head, /) -> StreamWriter:
        return StreamWriter(head.model, complaint)

    def complain(self, fault: Fault, /) -> tuple[int, Headers, bytes]:
        return status_of(fault), error_headers(fault), encode(complaint(fault))


WIRE = GeminiWire()
FACE = GeminiFace()
