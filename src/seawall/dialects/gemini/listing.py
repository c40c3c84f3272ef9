"""``GET /models``, towards vendors, in pages.

Source: the Gemini API reference for models.list; a page holds 1,000 models at most.
"""

from __future__ import annotations

from typing import Any

from ...operations import ModelInfo, ModelsPage, ModelsRequest
from ...ports import Draft, Quirks
from ..json_values import as_list, as_object, decode
from .words import bag

__all__ = ["MODELS"]

_PAGE = "1000"
_KNOWN = frozenset({"name", "displayName", "inputTokenLimit", "outputTokenLimit"})


class _Models:
    def encode(self, request: ModelsRequest, quirks: Quirks, /) -> Draft:
        query = (("pageSize", _PAGE),)
        return Draft(
            method="GET",
            path="/models",
            query=query if request.page is None else (*query, ("pageToken", request.page)),
            body=b"",
        )

    def decode(self, body: bytes, request: ModelsRequest, /) -> ModelsPage:
        """A list of none comes as an empty object: defaults are not written there."""
        raw = as_object(decode(body), "the body")
        token = raw.get("nextPageToken")
        return ModelsPage(
            models=tuple(
                _model(as_object(item, f"models[{position}]"))
                for position, item in enumerate(as_list(raw.get("models"), "models"))
            ),
            next=str(token) if token else None,
        )


def _model(raw: dict[str, Any]) -> ModelInfo:
    name = raw.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError("a model has no name")
    return ModelInfo(
        id=name.removeprefix("models/"),
        name=str(raw.get("displayName") or ""),
        window=_count(raw.get("inputTokenLimit")),
        max_output=_count(raw.get("outputTokenLimit")),
        extra=bag(raw, _KNOWN),
    )


def _count(value: Any) -> int | None:
    return value if type(value) is int else None


MODELS = _Models()
