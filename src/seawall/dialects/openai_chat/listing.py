"""``GET /models``, towards vendors, which name a model's limits each in their own way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...operations import ModelInfo, ModelsPage, ModelsRequest
from ...ports import Draft, Quirks
from .faults import error_in, fault_from
from .responses import read_created
from .words import as_list, as_object, bag, decode

__all__ = ["MODELS"]

#: Groq; OpenRouter and Together; Mistral; vLLM.
_WINDOWS = ("context_window", "context_length", "max_context_length", "max_model_len")
_OUTPUTS = ("max_completion_tokens", "max_output_tokens")
_KNOWN = frozenset({"id", "object", "created", "owned_by", "name", *_WINDOWS, *_OUTPUTS})


class _Models:
    def encode(self, request: ModelsRequest, quirks: Quirks, /) -> Draft:
        return Draft(method="GET", path="/models", body=b"")

    def decode(self, body: bytes, request: ModelsRequest, /) -> ModelsPage:
        """Together answers a bare list (types of together 3.1.1)."""
        raw = decode(body)
        if not isinstance(raw, list):
            fields = as_object(raw, "the body")
            error = error_in(fields)
            if error is not None:
                raise fault_from(error, body)
            if "data" not in fields:
                raise ValueError("it has no data")
            raw = fields["data"]
        items = as_list(raw, "data")
        return ModelsPage(
            models=tuple(
                _model(as_object(item, f"data[{position}]")) for position, item in enumerate(items)
            )
        )


def _model(raw: dict[str, Any]) -> ModelInfo:
    name = raw.get("id")
    if not isinstance(name, str) or not name:
        raise ValueError("a model has no id")
    return ModelInfo(
        id=name,
        name=str(raw.get("name") or ""),
        created=read_created(raw) or None,
        owner=str(raw.get("owned_by") or ""),
        window=_first(raw, _WINDOWS),
        max_output=_first(raw, _OUTPUTS),
        extra=bag(raw, _KNOWN),
    )


def _first(raw: Mapping[str, Any], names: Sequence[str]) -> int | None:
    return next((raw[name] for name in names if type(raw.get(name)) is int), None)


MODELS = _Models()
