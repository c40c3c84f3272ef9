"""``POST /v2/rerank``, towards vendors. Source: the API's OpenAPI description, ``/v2/rerank``."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from ...operations import Ranking, RerankRequest, ranking_of
from ...ports import Draft, Quirks
from ..json_values import encode_body
from ..openai_chat.limits import keep_fields
from .usage import usage_of_meta
from .words import DIALECT, own

__all__ = ["RERANK"]


class _Result(Struct):
    index: int
    relevance_score: float


class _Body(Struct):
    results: list[_Result]
    id: str | None = None
    meta: dict[str, Any] = {}


_decode = msgspec.json.Decoder(_Body).decode


class _Rerank:
    def encode(self, request: RerankRequest, quirks: Quirks, /) -> Draft:
        notes: list[str] = []
        wire: dict[str, Any] = {
            "model": request.model,
            "query": request.query,
            "documents": request.documents,
        }
        if request.top_n is not None:
            wire["top_n"] = request.wanted
        keep_fields(wire, quirks, notes)
        return Draft(
            path="/v2/rerank",
            body=encode_body(wire | own(request.extra)),
            headers=(("content-type", "application/json"),),
            notes=tuple(notes),
        )

    def decode(self, body: bytes, request: RerankRequest, /) -> Ranking:
        raw = _decode(body)
        warnings = raw.meta.get("warnings")
        return Ranking(
            id=raw.id or "",
            model=request.model,
            results=ranking_of(((one.index, one.relevance_score) for one in raw.results), request),
            usage=usage_of_meta(raw.meta),
            extra={DIALECT: {"warnings": warnings}} if warnings else {},
        )


RERANK = _Rerank()
