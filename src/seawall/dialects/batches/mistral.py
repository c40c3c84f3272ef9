"""Mistral's batch jobs: a file of requests, a job of it, a file of answers and one of errors.

Sources: docs.mistral.ai, "Batch processing"; types of mistralai 3.7 (``BatchJob``,
``CreateBatchJobRequest``). The API takes requests without a file, too; a file serves any number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import msgspec

from ...framing.jsonl import Lines
from ...ports import BatchAnswer, BatchCounts, Batches, BatchState, BatchStatus, Draft, Envelope
from ..json_values import as_list, as_object, encode
from .files import upload
from .openai import MARK
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

__all__ = ["BATCHES", "MistralBatches"]

_PAGE = 100
_STATES: Mapping[str, BatchState] = {
    "QUEUED": "validating",
    "RUNNING": "in_progress",
    "SUCCESS": "completed",
    "FAILED": "failed",
    "TIMEOUT_EXCEEDED": "expired",
    "CANCELLATION_REQUESTED": "cancelling",
    "CANCELLED": "cancelled",
}


class MistralBatches:
    uploads = True
    marks = True
    ids = ANY_ID

    def line(self, id: str, draft: Draft, model: str, /) -> bytes:
        return encode({"custom_id": id, "body": msgspec.Raw(draft.body)})

    def envelope(self, mark: str, model: str, /) -> Envelope:
        return upload(mark)

    def headers(self, said: Mapping[str, Collection[str]], /) -> Mapping[str, str]:
        return {}

    def uploaded(self, body: bytes, /) -> str:
        return text_of(body_object(body), "id")

    def submit(self, file: str, mark: str, model: str, path: str, /) -> Draft:
        body = {
            "input_files": [file],
            "endpoint": f"/v1{path}",
            "model": model,
            "metadata": {MARK: mark},
        }
        return Draft(path="/batch/jobs", body=encode(body), headers=JSON)

    def poll(self, id: str, /) -> Draft:
        return Draft(method="GET", path=f"/batch/jobs/{segment(id)}", body=b"")

    def status(self, body: bytes, /) -> BatchStatus:
        return _status(body_object(body))

    def cancel(self, id: str, /) -> Draft:
        return Draft(path=f"/batch/jobs/{segment(id)}/cancel", body=b"")

    def listing(self, page: str, /) -> Draft:
        query = (("page", page or "0"), ("page_size", str(_PAGE)))
        return Draft(method="GET", path="/batch/jobs", body=b"", query=query)

    def listed(self, body: bytes, page: str, /) -> tuple[Sequence[BatchStatus], str]:
        raw = body_object(body)
        found = [_status(as_object(each, "a job")) for each in as_list(raw.get("data"), "data")]
        number = int(page or "0") + 1
        return found, str(number) if found and number * _PAGE < count(raw, "total") else ""

    def results(self, status: BatchStatus, base_url: str, /) -> Sequence[Draft]:
        paths = [f"/files/{segment(file)}/content" for file in status.files]
        return [Draft(method="GET", path=path, body=b"") for path in paths]

    def framer(self) -> Lines:
        return Lines()

    def answer(self, frame: bytes, /) -> BatchAnswer:
        return line_answer(frame)


def _status(raw: Mapping[str, Any]) -> BatchStatus:
    metadata = raw.get("metadata")
    mark = cast("dict[str, Any]", metadata).get(MARK) if isinstance(metadata, dict) else None
    files = (raw.get("output_file"), raw.get("error_file"))
    errors = [as_object(error, "an error") for error in as_list(raw.get("errors"), "errors")]
    return BatchStatus(
        id=text_of(raw, "id"),
        state=state_of(raw.get("status"), _STATES),
        counts=BatchCounts(
            total=count(raw, "total_requests"),
            succeeded=count(raw, "succeeded_requests"),
            failed=count(raw, "failed_requests"),
        ),
        mark=str(mark or ""),
        created=moment(raw.get("created_at")),
        files=tuple(file for file in files if isinstance(file, str) and file),
        problems=tuple(str(error.get("message") or "no reason given") for error in errors[:20]),
    )


BATCHES: Batches = MistralBatches()
