"""Anthropic's Message Batches: requests in the submission itself, results as JSON Lines.

The API keeps nothing by which a batch could be told from another before its results are there,
but for its time and its size. Sources: API reference, "Message Batches"; guide "Batch processing";
types of the anthropic package 2.12.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw, Struct

from ...framing.jsonl import Lines
from ...ports import BatchAnswer, BatchCounts, Batches, BatchState, BatchStatus, Draft, Envelope
from ..anthropic import VERSION
from ..json_values import as_list, as_object, encode
from .reading import JSON, body_object, count, moment, segment, text_of

__all__ = ["BATCHES", "AnthropicBatches"]

_PATH = "/v1/messages/batches"
_VERSION = (("anthropic-version", VERSION),)
_UNANSWERED = {"expired": "expired", "canceled": "cancelled"}


class _Result(Struct):
    type: str
    message: Raw = Raw()
    error: Raw = Raw()


class _Line(Struct):
    result: _Result
    custom_id: str | None = None


_line = msgspec.json.Decoder(_Line).decode


class AnthropicBatches:
    uploads = False
    marks = False
    ids = r"[A-Za-z0-9_-]{1,64}"

    def line(self, id: str, draft: Draft, model: str, /) -> bytes:
        return encode({"custom_id": id, "params": Raw(draft.body)})

    def envelope(self, mark: str, model: str, /) -> Envelope:
        return Envelope(path=_PATH, headers=JSON, head=b'{"requests":[', between=b",", tail=b"]}")

    def headers(self, said: Mapping[str, Collection[str]], /) -> Mapping[str, str]:
        """Every beta that a request wants, and the oldest version: a newer one refuses requests
        that were written for it."""
        version = min(said.get("anthropic-version", (VERSION,)))
        betas = [name for value in said.get("anthropic-beta", ()) for name in value.split(",")]
        headers = {"anthropic-version": version}
        return headers | ({"anthropic-beta": ",".join(dict.fromkeys(betas))} if betas else {})

    def uploaded(self, body: bytes, /) -> str:
        raise ValueError("this API takes no files")

    def submit(self, file: str, mark: str, model: str, path: str, /) -> Draft:
        raise ValueError("this API takes no files")

    def poll(self, id: str, /) -> Draft:
        return _get(f"{_PATH}/{segment(id)}")

    def status(self, body: bytes, /) -> BatchStatus:
        return _status(body_object(body))

    def cancel(self, id: str, /) -> Draft:
        return Draft(path=f"{_PATH}/{segment(id)}/cancel", body=b"", headers=_VERSION)

    def listing(self, page: str, /) -> Draft:
        return _get(_PATH, ("limit", "100"), *([("after_id", page)] if page else []))

    def listed(self, body: bytes, page: str, /) -> tuple[Sequence[BatchStatus], str]:
        raw = body_object(body)
        found = [_status(as_object(each, "a batch")) for each in as_list(raw.get("data"), "data")]
        return found, found[-1].id if found and raw.get("has_more") is True else ""

    def results(self, status: BatchStatus, base_url: str, /) -> Sequence[Draft]:
        """At ``results_url`` if that is below ``base_url``, else where the reference has them: the
        key goes to no address that an answer names."""
        path = f"{_PATH}/{segment(status.id)}/results"
        url = status.files[0] if status.files else ""
        if url.startswith(f"{base_url}/") and not urlsplit(url).query:
            path = url.removeprefix(base_url)
        return [_get(path)]

    def framer(self) -> Lines:
        return Lines()

    def answer(self, frame: bytes, /) -> BatchAnswer:
        try:
            line = _line(frame)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        result = line.result
        code = _UNANSWERED.get(result.type)
        if code is not None:
            return BatchAnswer(id=line.custom_id, unanswered=code)
        body = bytes(result.message or result.error)
        if not body:
            raise ValueError(f"its result is {result.type!r:.100}, with no message and no error")
        return BatchAnswer(id=line.custom_id, body=body)


def _get(path: str, *query: tuple[str, str]) -> Draft:
    return Draft(method="GET", path=path, body=b"", query=query, headers=_VERSION)


def _status(raw: Mapping[str, Any]) -> BatchStatus:
    said = raw.get("request_counts")
    names = ("succeeded", "errored", "expired", "canceled", "processing")
    succeeded, errored, expired, canceled, processing = (count(said, name) for name in names)
    counts = BatchCounts(
        total=succeeded + errored + expired + canceled + processing,
        succeeded=succeeded,
        failed=errored,
        expired=expired,
        cancelled=canceled,
    )
    url = raw.get("results_url")
    return BatchStatus(
        id=text_of(raw, "id"),
        state=_state(raw.get("processing_status"), counts),
        counts=counts,
        created=moment(raw.get("created_at")),
        files=(url,) if isinstance(url, str) else (),
    )


def _state(word: Any, counts: BatchCounts) -> BatchState:
    """An end has one word there; what became of the requests says which it was."""
    if word == "canceling":
        return "cancelling"
    if word != "ended":
        return "in_progress"
    if counts.cancelled:
        return "cancelled"
    return "expired" if counts.expired else "completed"


BATCHES: Batches = AnthropicBatches()
