"""OpenAI's Batch API: a file of requests, a batch of it, a file of answers and one of errors.

Sources: API reference, "Batch" and "Files"; guide "Batch API" for the lines of the files; types of
the openai package 3.54.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import msgspec

from ...framing.jsonl import Lines
from ...ports import BatchAnswer, BatchCounts, Batches, BatchState, BatchStatus, Draft, Envelope
from ..json_values import as_list, as_object, encode
from .files import upload
from .reading import (
    ANY_ID,
    JSON,
    body_object,
    count,
    line_answer,
    moment,
    segment,
    state_of,
    text_of,
)

__all__ = ["BATCHES", "MARK", "OpenAIBatches"]

#: The key of a batch's metadata that holds its mark.
MARK = "seawall"
_STATES: Mapping[str, BatchState] = {
    "validating": "validating",
    "failed": "failed",
    "in_progress": "in_progress",
    "finalizing": "finalizing",
    "completed": "completed",
    "expired": "expired",
    "cancelling": "cancelling",
    "cancelled": "cancelled",
}


class OpenAIBatches:
    uploads = True
    marks = True
    ids = ANY_ID

    def line(self, id: str, draft: Draft, model: str, /) -> bytes:
        body = msgspec.Raw(draft.body)
        line = {"custom_id": id, "method": "POST", "url": f"/v1{draft.path}", "body": body}
        return encode(line)

    def envelope(self, mark: str, model: str, /) -> Envelope:
        return upload(mark)

    def headers(self, said: Mapping[str, Collection[str]], /) -> Mapping[str, str]:
        return {}

    def uploaded(self, body: bytes, /) -> str:
        return text_of(body_object(body), "id")

    def submit(self, file: str, mark: str, model: str, path: str, /) -> Draft:
        body = {
            "input_file_id": file,
            "endpoint": f"/v1{path}",
            "completion_window": "24h",
            "metadata": {MARK: mark},
        }
        return Draft(path="/batches", body=encode(body), headers=JSON)

    def poll(self, id: str, /) -> Draft:
        return Draft(method="GET", path=f"/batches/{segment(id)}", body=b"")

    def status(self, body: bytes, /) -> BatchStatus:
        return _status(body_object(body))

    def cancel(self, id: str, /) -> Draft:
        return Draft(path=f"/batches/{segment(id)}/cancel", body=b"")

    def listing(self, page: str, /) -> Draft:
        query = (("limit", "100"), *([("after", page)] if page else []))
        return Draft(method="GET", path="/batches", body=b"", query=query)

    def listed(self, body: bytes, page: str, /) -> tuple[Sequence[BatchStatus], str]:
        raw = body_object(body)
        found = [_status(as_object(each, "a batch")) for each in as_list(raw.get("data"), "data")]
        return found, found[-1].id if found and raw.get("has_more") is True else ""

    def results(self, status: BatchStatus, base_url: str, /) -> Sequence[Draft]:
        paths = [f"/files/{segment(file)}/content" for file in status.files]
        return [Draft(method="GET", path=path, body=b"") for path in paths]

    def framer(self) -> Lines:
        return Lines()

    def answer(self, frame: bytes, /) -> BatchAnswer:
        return line_answer(frame)


def _status(raw: Mapping[str, Any]) -> BatchStatus:
    counts, metadata, errors = raw.get("request_counts"), raw.get("metadata"), raw.get("errors")
    mark = cast("dict[str, Any]", metadata).get(MARK) if isinstance(metadata, dict) else None
    files = (raw.get("output_file_id"), raw.get("error_file_id"))
    return BatchStatus(
        id=text_of(raw, "id"),
        state=state_of(raw.get("status"), _STATES),
        counts=BatchCounts(
            total=count(counts, "total"),
            succeeded=count(counts, "completed"),
            failed=count(counts, "failed"),
        ),
        mark=str(mark or ""),
        created=moment(raw.get("created_at")),
        files=tuple(file for file in files if isinstance(file, str) and file),
        problems=tuple(_problems(errors)),
    )


def _problems(errors: Any) -> list[str]:
    data = cast("dict[str, Any]", errors).get("data") if isinstance(errors, dict) else None
    found: list[str] = []
    for error in as_list(data, "errors"):
        fields = as_object(error, "an error")
        where = f"line {fields['line']}: " if fields.get("line") is not None else ""
        found.append(f"{where}{fields.get('message') or fields.get('code') or 'no reason given'}")
    return found[:20]


BATCHES: Batches = OpenAIBatches()
