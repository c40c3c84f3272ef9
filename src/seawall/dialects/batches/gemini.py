"""Gemini's batches: requests in the submission itself, answers in the operation that it started.

Requests carry their id as the ``metadata`` key ``key``, which their answers repeat. Sources: API
reference, "Batch API"; guide "Batch API"; ``batches.py`` and types of google-genai 3.4, which
reads the answers from ``metadata.output`` where the guide's curl examples have ``response``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import msgspec
from msgspec import Raw, Struct

from ...ports import BatchAnswer, BatchCounts, Batches, BatchState, BatchStatus, Draft, Envelope
from ..json_values import as_list, as_object, encode
from .reading import ANY_ID, JSON, body_object, count, moment, state_of, text_of

__all__ = ["BATCHES", "GeminiBatches", "Inlined"]

_NAME = re.compile(r"batches/[\w.~-]+")
_STATES: Mapping[str, BatchState] = {
    "PENDING": "validating",
    "QUEUED": "validating",
    "RUNNING": "in_progress",
    "SUCCEEDED": "completed",
    "PARTIALLY_SUCCEEDED": "completed",
    "FAILED": "failed",
    "CANCELLING": "cancelling",
    "CANCELLED": "cancelled",
    "EXPIRED": "expired",
}
#: The HTTP status of each google.rpc code that an item's error has (google/rpc/code.proto).
_HTTP: Mapping[int, int] = {
    1: 499,
    3: 400,
    4: 504,
    5: 404,
    6: 409,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    11: 400,
    12: 501,
    13: 500,
    14: 503,
    16: 401,
}


class GeminiBatches:
    uploads = False
    marks = True
    ids = ANY_ID

    def line(self, id: str, draft: Draft, model: str, /) -> bytes:
        return encode({"request": Raw(draft.body), "metadata": {"key": id}})

    def envelope(self, mark: str, model: str, /) -> Envelope:
        name = model if "/" in model else f"models/{model}"
        head = f'{{"batch":{{"displayName":"{mark}","inputConfig":{{"requests":{{"requests":['
        return Envelope(
            path=f"/{name}:batchGenerateContent",
            headers=JSON,
            head=head.encode(),
            between=b",",
            tail=b"]}}}}",
        )

    def headers(self, said: Mapping[str, Collection[str]], /) -> Mapping[str, str]:
        return {}

    def uploaded(self, body: bytes, /) -> str:
        raise ValueError("batches are submitted without a file here")

    def submit(self, file: str, mark: str, model: str, path: str, /) -> Draft:
        raise ValueError("batches are submitted without a file here")

    def poll(self, id: str, /) -> Draft:
        return Draft(method="GET", path=_path(id), body=b"")

    def status(self, body: bytes, /) -> BatchStatus:
        return _status(body_object(body))

    def cancel(self, id: str, /) -> Draft:
        return Draft(path=f"{_path(id)}:cancel", body=b"")

    def listing(self, page: str, /) -> Draft:
        query = (("pageSize", "100"), *([("pageToken", page)] if page else []))
        return Draft(method="GET", path="/batches", body=b"", query=query)

    def listed(self, body: bytes, page: str, /) -> tuple[Sequence[BatchStatus], str]:
        raw = body_object(body)
        operations = as_list(raw.get("operations"), "operations")
        found = [_status(as_object(each, "an operation")) for each in operations]
        token = raw.get("nextPageToken")
        return found, token if isinstance(token, str) else ""

    def results(self, status: BatchStatus, base_url: str, /) -> Sequence[Draft]:
        return [self.poll(status.id)]

    def framer(self) -> Inlined:
        return Inlined()

    def answer(self, frame: bytes, /) -> BatchAnswer:
        try:
            item = _item(frame)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        key = item.metadata.get("key") if item.metadata else None
        id = key if isinstance(key, str) else None
        if item.error is None:
            return BatchAnswer(id=id, body=bytes(item.response) or b"{}")
        code = item.error.get("code")
        status = _HTTP.get(code, code) if type(code) is int else 500
        status = status if 400 <= status < 600 else 500
        return BatchAnswer(id=id, body=encode({"error": item.error}), status=status)


class _Item(Struct):
    response: Raw = Raw()
    error: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class _Inlined(Struct):
    inlinedResponses: Raw = Raw(b"null")


class _Metadata(Struct):
    output: _Inlined | None = None


class _Operation(Struct):
    response: _Inlined | None = None
    metadata: _Metadata | None = None


_item = msgspec.json.Decoder(_Item).decode
_operation = msgspec.json.Decoder(_Operation).decode
_one = msgspec.json.Decoder(_Inlined).decode
_list = msgspec.json.Decoder(list[Raw] | None).decode


class Inlined:
    """Cuts an operation into its answers. It comes in one piece, and is held while it is read."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def feed(self, data: bytes, /) -> Sequence[bytes]:
        self._pieces.append(data)
        return ()

    def end(self) -> Sequence[bytes]:
        """Raises ``ValueError`` for what is no operation."""
        operation = _operation(b"".join(self._pieces))
        self._pieces.clear()
        output = operation.metadata.output if operation.metadata is not None else None
        for holder in (output, operation.response):
            inlined = b"null" if holder is None else bytes(holder.inlinedResponses)
            if inlined.startswith(b"{"):
                inlined = bytes(_one(inlined).inlinedResponses)
            found = _list(inlined)
            if found:
                return [bytes(each) for each in found]
        return ()


def _path(id: str) -> str:
    if not _NAME.fullmatch(id):
        raise ValueError(f"the id {id!r} cannot stand in a URL")
    return f"/{id}"


def _status(raw: Mapping[str, Any]) -> BatchStatus:
    """Of an operation, or of the batch itself, which some answers are."""
    said: Any = raw.get("metadata")
    metadata = cast("dict[str, Any]", said) if isinstance(said, dict) else raw
    stats, error = metadata.get("batchStats"), raw.get("error")
    problem = cast("dict[str, Any]", error).get("message") if isinstance(error, dict) else None
    word = str(metadata.get("state")).removeprefix("BATCH_STATE_").removeprefix("JOB_STATE_")
    state = state_of(word, _STATES)
    if raw.get("done") is True and word not in _STATES:
        state = "failed" if problem else "completed"
    name = text_of(raw, "name")
    _path(name)
    return BatchStatus(
        id=name,
        state=state,
        counts=BatchCounts(
            total=count(stats, "requestCount"),
            succeeded=count(stats, "successfulRequestCount"),
            failed=count(stats, "failedRequestCount"),
        ),
        mark=str(metadata.get("displayName") or ""),
        created=moment(metadata.get("createTime")),
        problems=(str(problem),) if problem else (),
    )


BATCHES: Batches = GeminiBatches()
