"""``GET /v1/models``, towards vendors: pages, each led to by a token of the one before. There is
no newer version of it (OpenAPI description, ``/v1/models``)."""

from __future__ import annotations

from typing import Any

from ...operations import ModelInfo, ModelsPage, ModelsRequest
from ...ports import Draft, Quirks
from ..json_values import as_list, as_object, decode
from .words import bag

__all__ = ["MODELS"]

#: The most the reference allows.
_PAGE = "1000"
_KNOWN = frozenset({"name", "context_length"})


class _Models:
    def encode(self, request: ModelsRequest, quirks: Quirks, /) -> Draft:
        query = (("page_size", _PAGE),)
        return Draft(
            method="GET",
            path="/v1/models",
            query=query if request.page is None else (*query, ("page_token", request.page)),
            body=b"",
        )

    def decode(self, body: bytes, request: ModelsRequest, /) -> ModelsPage:
        raw = as_object(decode(body), "the body")
        if "models" not in raw:
            raise ValueError("it has no models")
        models = tuple(
            _model(as_object(item, f"models[{position}]"))
            for position, item in enumerate(as_list(raw["models"], "models"))
        )
        following = raw.get("next_page_token")
        return ModelsPage(models=models, next=str(following) if following else None)


def _model(raw: dict[str, Any]) -> ModelInfo:
    name, window = raw.get("name"), raw.get("context_length")
    if not isinstance(name, str) or not name:
        raise ValueError("a model has no name")
    return ModelInfo(
        id=name,
        owner="cohere",
        window=int(window) if isinstance(window, (int, float)) and window > 0 else None,
        extra=bag(raw, _KNOWN),
    )


MODELS = _Models()
