"""``GET /v1/models``, towards vendors: pages, each led to by the last model of the one before.

Source: the types of the anthropic package 2.12, ``ModelInfo`` and ``SyncPage``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ...operations import ModelInfo, ModelsPage, ModelsRequest
from ...ports import Draft, Quirks
from ..json_values import as_list, as_object, decode
from .words import DIALECT

__all__ = ["Models"]

#: The most the reference allows.
_PAGE = "1000"
_KNOWN = frozenset({"id", "type", "display_name", "created_at", "max_input_tokens", "max_tokens"})


class Models:
    """``version``: the ``anthropic-version`` it is asked under."""

    def __init__(self, version: str) -> None:
        self._version = version

    def encode(self, request: ModelsRequest, quirks: Quirks, /) -> Draft:
        query = (("limit", _PAGE),)
        return Draft(
            method="GET",
            path="/v1/models",
            query=query if request.page is None else (*query, ("after_id", request.page)),
            headers=(("anthropic-version", self._version),),
            body=b"",
        )

    def decode(self, body: bytes, request: ModelsRequest, /) -> ModelsPage:
        raw = as_object(decode(body), "the body")
        if "data" not in raw:
            raise ValueError("it has no data")
        models = tuple(
            _model(as_object(item, f"data[{position}]"))
            for position, item in enumerate(as_list(raw["data"], "data"))
        )
        more = raw.get("has_more") and raw.get("last_id")
        return ModelsPage(models=models, next=str(more) if more else None)


def _model(raw: dict[str, Any]) -> ModelInfo:
    name = raw.get("id")
    if not isinstance(name, str) or not name:
        raise ValueError("a model has no id")
    rest = {field: value for field, value in raw.items() if field not in _KNOWN}
    return ModelInfo(
        id=name,
        name=str(raw.get("display_name") or ""),
        created=_epoch(raw.get("created_at")),
        owner="anthropic",
        window=_count(raw.get("max_input_tokens")),
        max_output=_count(raw.get("max_tokens")),
        extra={DIALECT: rest} if rest else {},
    )


def _epoch(text: Any) -> int | None:
    """No list is given up for a date that is none; an epoch value means: not known."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return int((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()) or None


def _count(value: Any) -> int | None:
    return value if type(value) is int else None
