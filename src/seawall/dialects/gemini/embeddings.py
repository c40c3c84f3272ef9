"""``POST /models/{model}:batchEmbedContents``, towards vendors.

Source: the Gemini API reference for embeddings and google-genai 3.4, whose client uses this method
for one text, too. The answer has the vectors in the order of the requests.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from ...operations import Embeddings, EmbedRequest, InputType, vectors_of
from ...ports import Draft, Quirks
from ...types import Usage
from ..json_values import decode, encode_body
from ..vectors import read_vector
from .faults import error_in, fault_from
from .paths import path_of
from .usage import usage_if_readable
from .words import own

__all__ = ["EMBEDDINGS"]

#: The API reference's ``TaskType``.
_TASKS: dict[InputType, str] = {
    "query": "RETRIEVAL_QUERY",
    "document": "RETRIEVAL_DOCUMENT",
    "similarity": "SEMANTIC_SIMILARITY",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
    "question_answering": "QUESTION_ANSWERING",
    "fact_verification": "FACT_VERIFICATION",
    "code_query": "CODE_RETRIEVAL_QUERY",
}


class _Item(Struct):
    values: list[float]


class _Body(Struct):
    embeddings: list[_Item]
    usageMetadata: Any = None


_decode = msgspec.json.Decoder(_Body).decode


class _Embeddings:
    def encode(self, request: EmbedRequest, quirks: Quirks, /) -> Draft:
        notes: list[str] = []
        path = path_of(request.model, "batchEmbedContents")
        shared: dict[str, Any] = {"model": path.removeprefix("/").rpartition(":")[0]}
        if request.input_type is not None:
            if "input_type" in quirks.left_out:
                notes.append("input_type was left out; this model has no place for it")
            else:
                shared["taskType"] = _TASKS[request.input_type]
        if request.dimensions is not None:
            shared["outputDimensionality"] = request.dimensions
        if request.user is not None:
            notes.append("user was left out; this API has no place for it")
        shared |= own(request.extra)
        asked = [{**shared, "content": {"parts": [{"text": text}]}} for text in request.texts]
        return Draft(
            path=path,
            body=encode_body({"requests": asked}),
            headers=(("content-type", "application/json"),),
            notes=tuple(notes),
        )

    def decode(self, body: bytes, request: EmbedRequest, /) -> Embeddings:
        try:
            raw = _decode(body)
        except (ValueError, RecursionError):
            error = error_in(decode(body))
            if error is not None:
                raise fault_from(error, body) from None
            raise
        pairs = ((index, read_vector(item.values)) for index, item in enumerate(raw.embeddings))
        return Embeddings(
            model=request.model,
            vectors=vectors_of(pairs, request),
            usage=_told(usage_if_readable(raw.usageMetadata)),
        )


def _told(usage: Usage | None) -> Usage | None:
    """The service counts texts only for some models; a count of nothing tells nothing."""
    return usage if usage is not None and usage.prompt_tokens else None


EMBEDDINGS = _Embeddings()
