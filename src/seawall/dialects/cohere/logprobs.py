"""Log probabilities, both ways, in the words of chat completions as everywhere here:
``{"content": [{"token", "logprob", "bytes", "top_logprobs": [...]}]}``.

Cohere tells them for pieces of text, ``{"text", "token_ids", "logprobs"}``, which may be several
tokens long. A piece is one entry here, as probable as its tokens together; theirs are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from ..json_values import as_list, as_object
from .words import DIALECT

__all__ = ["logprobs_if_readable", "write_logprobs"]


def logprobs_if_readable(raw: Any) -> dict[str, Any] | None:
    """From the pieces of an answer, which is not given up for some that cannot be read."""
    try:
        content = [_read(as_object(piece, "logprobs[]")) for piece in as_list(raw, "logprobs")]
    except ValueError:
        return None
    return {"content": content} if content else None


def _read(piece: Mapping[str, Any]) -> dict[str, Any]:
    text, each = piece.get("text") or "", as_list(piece.get("logprobs"), "logprobs[].logprobs")
    if not isinstance(text, str) or not all(isinstance(one, (int, float)) for one in each):
        raise ValueError("a piece of logprobs has no text or no log probabilities")
    return {
        "token": text,
        "logprob": sum(each),
        "bytes": list(text.encode()),
        "top_logprobs": [],
        DIALECT: {"token_ids": piece.get("token_ids"), "logprobs": piece.get("logprobs")},
    }


def write_logprobs(logprobs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The pieces. What another provider says in other words is passed over."""
    content = logprobs.get("content")
    steps = cast("Sequence[Any]", content if isinstance(content, list) else ())
    return list(_pieces(steps))


def _pieces(steps: Iterable[Any]) -> Iterable[dict[str, Any]]:
    for step in steps:
        if isinstance(step, dict):
            fields = cast("dict[str, Any]", step)
            said = fields.get(DIALECT) or {"token_ids": [], "logprobs": [fields.get("logprob")]}
            yield {"text": fields.get("token"), **said}
