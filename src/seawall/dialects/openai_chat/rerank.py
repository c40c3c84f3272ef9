"""``POST /rerank``, towards vendors.

OpenAI has no such thing; the servers that speak its dialect took over Jina's form of Cohere's
(vLLM, vllm/entrypoints/pooling/scoring; llama.cpp, tools/server/README.md, ``/v1/rerank``;
Together, types of together 3.1.1; Jina, api.jina.ai/redoc). Some call the list ``data`` and the
score ``score``; some count no more than the total of tokens.
"""

from __future__ import annotations

from typing import Any

from ...operations import Ranking, RerankRequest, ranking_of
from ...ports import Draft, Quirks
from ...types import Usage
from ..json_values import encode_body
from .faults import error_in, fault_from
from .limits import keep_fields
from .usage import usage_if_readable
from .words import as_list, as_object, decode, own

__all__ = ["RERANK"]


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
            path="/rerank",
            body=encode_body(wire | own(request.extra)),
            headers=(("content-type", "application/json"),),
            notes=tuple(notes),
        )

    def decode(self, body: bytes, request: RerankRequest, /) -> Ranking:
        raw = as_object(decode(body), "the body")
        error = error_in(raw)
        if error is not None:
            raise fault_from(error, body)
        results = as_list(raw.get("results", raw.get("data")), "results")
        pairs = (
            _pair(as_object(item, f"results[{position}]"), position)
            for position, item in enumerate(results)
        )
        return Ranking(
            id=str(raw.get("id") or ""),
            model=str(raw.get("model") or ""),
            results=ranking_of(pairs, request),
            usage=_all_asked(usage_if_readable(raw.get("usage"))),
        )


def _pair(item: dict[str, Any], position: int) -> tuple[int, float]:
    index, score = item.get("index"), item.get("relevance_score", item.get("score"))
    if type(index) is not int or not isinstance(score, (int, float)):
        raise ValueError(f"results[{position}] has no index and score")
    return index, float(score)


def _all_asked(usage: Usage | None) -> Usage | None:
    """Nothing is generated: what is only told as a total was all asked."""
    if usage is None or usage.prompt_tokens:
        return usage
    if not usage.total_tokens:
        return None
    return Usage(prompt_tokens=usage.total_tokens, total_tokens=usage.total_tokens)


RERANK = _Rerank()
