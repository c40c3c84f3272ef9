"""Reading what batch APIs say, where nobody vouches for its shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct

from ...ports import BatchAnswer, BatchState
from ..json_values import as_object, decode

__all__ = [
    "ANY_ID",
    "JSON",
    "body_object",
    "count",
    "line_answer",
    "moment",
    "segment",
    "state_of",
    "text_of",
]

#: Ids where the reference names no bound.
ANY_ID = r"(?s:.{1,512})"
JSON = (("content-type", "application/json"),)
#: OpenAI's word for an item that ran out of time, and Mistral's.
_CODES = {"batch_expired": "expired", "batch_cancelled": "cancelled"}


def text_of(raw: Mapping[str, Any], name: str) -> str:
    """A field that must be text. Raises ``ValueError``."""
    value = raw.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"its {name} is {value!r:.100}")
    return value


def count(raw: Any, name: str) -> int:
    """A number of requests; some are written as text (64 bits in JSON of protocol buffers)."""
    value = cast("dict[str, Any]", raw).get(name) if isinstance(raw, dict) else None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:18])
    return value if type(value) is int and value >= 0 else 0


def moment(value: Any) -> float | None:
    """Epoch seconds out of those, or of an RFC 3339 time."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    try:
        # Before 3.11 fractions had to have 3 or 6 digits, and nanoseconds are refused still.
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", str(value))).timestamp()
    except ValueError:
        return None


def state_of(word: Any, words: Mapping[str, BatchState]) -> BatchState:
    """A state that is not known yet is no end."""
    return words.get(str(word), "in_progress")


def segment(id: str) -> str:
    """A provider's id as a part of a path."""
    if id in ("", ".", ".."):
        raise ValueError(f"the id {id!r} cannot stand in a URL")
    return quote(id, safe="")


class _Answered(Struct):
    status_code: int = 200
    body: Raw = Raw(b"null")


class _Line(Struct):
    custom_id: str | None = None
    response: _Answered | None = None
    error: Any = None


_line = msgspec.json.Decoder(_Line).decode


def line_answer(frame: bytes) -> BatchAnswer:
    """A line of OpenAI's output and error files, whose shape Mistral's have too:
    ``{"custom_id", "response": {"status_code", "body"}, "error": {"code", "message"}}``."""
    try:
        line = _line(frame)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if line.response is not None and line.response.body != b"null":
        return BatchAnswer(
            id=line.custom_id,
            body=bytes(line.response.body),
            status=line.response.status_code,
        )
    said: Any = line.error
    error = cast("dict[str, Any]", said) if isinstance(said, dict) else {"message": said}
    code = _CODES.get(str(error.get("code")), "failed")
    message = error.get("message") or "it has neither an answer nor an error"
    return BatchAnswer(id=line.custom_id, unanswered=code, message=str(message)[:1000])


def body_object(body: bytes) -> dict[str, Any]:
    """Raises ``ValueError`` for what is no JSON object."""
    return as_object(decode(body), "the body")
