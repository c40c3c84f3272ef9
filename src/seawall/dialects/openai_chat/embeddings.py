"""``POST /embeddings``, towards vendors.

Source: the OpenAI API reference for embeddings and the types of the openai package, whose client
asks for base64 too unless it is told otherwise. Servers that do not know base64 answer in numbers,
so both are read, whatever was asked.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from ...operations import Embeddings, EmbedRequest, vectors_of
from ...ports import Draft, Quirks
from ..json_values import encode_body
from ..vectors import read_vector
from .faults import error_in, fault_from
from .limits import keep_fields
from .usage import usage_if_readable
from .words import as_object, decode, own

__all__ = ["EMBEDDINGS"]

_JSON = (("content-type", "application/json"),)


class _Item(Struct):
    embedding: str | list[float]
    index: int | None = None


class _Body(Struct):
    data: list[_Item]
    id: str | None = None
    model: str | None = None
    usage: Any = None


_decode = msgspec.json.Decoder(_Body).decode


class _Embeddings:
    def encode(self, request: EmbedRequest, quirks: Quirks, /) -> Draft:
        """A model of this dialect embeds a text alike whatever it is for, so an ``input_type`` is
        left out with a note."""
        notes: list[str] = []
        wire: dict[str, Any] = {"model": request.model, "input": request.texts}
        if quirks.vectors_base64:
            wire["encoding_format"] = "base64"
        if request.dimensions is not None:
            wire["dimensions"] = request.dimensions
        if request.user is not None:
            wire["user"] = request.user
        if request.input_type is not None:
            notes.append("input_type was left out; here texts are embedded alike for every use")
        keep_fields(wire, quirks, notes)
        if quirks.dimensions_field != "dimensions" and "dimensions" in wire:
            wire[quirks.dimensions_field] = wire.pop("dimensions")
        body = encode_body(wire | own(request.extra))
        return Draft(path="/embeddings", body=body, headers=_JSON, notes=tuple(notes))

    def decode(self, body: bytes, request: EmbedRequest, /) -> Embeddings:
        try:
            raw = _decode(body)
        except (ValueError, RecursionError):
            error = error_in(as_object(decode(body), "the body"))
            if error is not None:
                raise fault_from(error, body) from None
            raise
        pairs = (
            (position if item.index is None else item.index, read_vector(item.embedding))
            for position, item in enumerate(raw.data)
        )
        return Embeddings(
            id=raw.id or "",
            model=raw.model or "",
            vectors=vectors_of(pairs, request),
            usage=usage_if_readable(raw.usage),
        )


EMBEDDINGS = _Embeddings()
