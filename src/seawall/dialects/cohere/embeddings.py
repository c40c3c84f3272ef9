"""``POST /v2/embed``, towards vendors.

Source: the API's OpenAPI description, ``/v2/embed``. A text that is longer than the model reads is
an error here, as the answer would not tell that it was cut; ``truncate`` in ``extra`` says other.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, field

from ...operations import Embeddings, EmbedRequest, InputType, vectors_of
from ...ports import Draft, Quirks
from ..json_values import encode_body
from ..openai_chat.limits import keep_fields
from ..vectors import read_vector
from .usage import usage_of_meta
from .words import DIALECT, own

__all__ = ["EMBEDDINGS"]

_INPUT: dict[InputType, str] = {
    "query": "search_query",
    "document": "search_document",
    "classification": "classification",
    "clustering": "clustering",
}
#: The nearest there is to what has no word here.
_NEAREST: dict[InputType, str] = {
    "similarity": "clustering",
    "question_answering": "search_query",
    "fact_verification": "search_query",
    "code_query": "search_query",
}


class _Vectors(Struct):
    floats: list[list[float]] = field(name="float")


class _Body(Struct):
    embeddings: _Vectors
    id: str = ""
    meta: dict[str, Any] = {}


_decode = msgspec.json.Decoder(_Body).decode


class _Embeddings:
    def encode(self, request: EmbedRequest, quirks: Quirks, /) -> Draft:
        notes: list[str] = []
        wire: dict[str, Any] = {
            "model": request.model,
            "texts": request.texts,
            "input_type": _input_type(request.input_type, notes),
            "embedding_types": ["float"],
            "truncate": "NONE",
        }
        if request.dimensions is not None:
            wire["output_dimension"] = request.dimensions
        if request.user is not None:
            notes.append("user was left out; this API has no place for it")
        keep_fields(wire, quirks, notes)
        return Draft(
            path="/v2/embed",
            body=encode_body(wire | own(request.extra)),
            headers=(("content-type", "application/json"),),
            notes=tuple(notes),
        )

    def decode(self, body: bytes, request: EmbedRequest, /) -> Embeddings:
        """Raises ``ValueError`` for an answer without vectors of floats: who asks for other kinds
        in ``extra`` has to ask for these, too."""
        raw = _decode(body)
        pairs = ((index, read_vector(one)) for index, one in enumerate(raw.embeddings.floats))
        warnings = raw.meta.get("warnings")
        return Embeddings(
            id=raw.id,
            model=request.model,
            vectors=vectors_of(pairs, request),
            usage=usage_of_meta(raw.meta),
            extra={DIALECT: {"warnings": warnings}} if warnings else {},
        )


def _input_type(wanted: InputType | None, notes: list[str]) -> str:
    if wanted is None:
        notes.append("input_type was set to search_document, as the API wants one")
        return "search_document"
    if wanted in _INPUT:
        return _INPUT[wanted]
    notes.append(f"input_type {wanted} was sent as {_NEAREST[wanted]}, the nearest there is")
    return _NEAREST[wanted]


EMBEDDINGS = _Embeddings()
