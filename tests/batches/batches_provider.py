"""The batch APIs of four providers on one loopback server, written after their references and the
types of their SDKs. Answers are made when they are asked for; what goes wrong is the test's."""

from __future__ import annotations

import asyncio
import itertools
import re
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec

from seawall.server.messages import Head, Request, Step
from seawall.server.server import Server

__all__ = ["HOLD", "Provider", "provider"]

JSON = (("content-type", "application/json"),)
Fault = Callable[[Request], "list[Step] | None"]


class Batch:
    """One that was submitted: requests by custom id, in order."""

    def __init__(self, number: int, api: str, model: str, mark: str, lines: dict[str, Any]) -> None:
        self.id = f"{'batches/' if api == 'gemini' else 'batch_'}{number}"
        self.api, self.model, self.mark, self.lines = api, model, mark, lines
        self.looks = 0
        self.cancelled = False


class Provider:
    """``faults``: asked in order by each request until one answers in the provider's place.
    ``pending``: looks after which a batch is done. ``broken``: items by what becomes of them,
    ``error``, ``expired``, ``absent``. ``tail``, ``before``: bytes around the results."""

    def __init__(self) -> None:
        self.url = ""
        self.batches: dict[str, Batch] = {}
        self.files: dict[str, bytes] = {}
        self.asked: list[Request] = []
        self.faults: list[Fault] = []
        self.pending = 1
        self.broken: dict[str, str] = {}
        self.before = self.tail = b""
        self.submitted = threading.Event()
        self._numbers = itertools.count(1)

    def of(self, pattern: str) -> list[Request]:
        """The requests whose method and target match."""
        return [each for each in self.asked if re.search(pattern, f"{each.method} {each.target}")]

    def once(
        self,
        pattern: str,
        *steps: Step,
        after: bool = False,
        times: int = 1,
        reached: threading.Event | None = None,
    ) -> None:
        """Answer the next request that matches with ``steps``; ``after`` it has taken effect.
        ``reached`` is set then."""
        left = [times]

        def fault(request: Request) -> list[Step] | None:
            if not left[0] or not re.search(pattern, f"{request.method} {request.target}"):
                return None
            left[0] -= 1
            if after:
                self.answer(request)
            if reached is not None:
                reached.set()
            return list(steps)

        self.faults.append(fault)

    async def __call__(self, request: Request) -> AsyncGenerator[Step, None]:
        self.asked.append(request)
        for fault in self.faults:
            steps = fault(request)
            if steps is not None:
                for step in steps:
                    if step == HOLD:
                        await asyncio.Event().wait()
                    yield step
                return
        for step in self.answer(request):
            yield step

    def answer(self, request: Request) -> list[Step]:
        path = request.path
        for pattern, answer in _ROUTES:
            found = re.fullmatch(pattern, f"{request.method} {path}")
            if found is not None:
                return answer(self, request, *found.groups())
        return [Head(404, JSON), b'{"error":{"message":"no such path","type":"not_found"}}']

    def add(self, api: str, model: str, mark: str, lines: dict[str, Any]) -> Batch:
        batch = Batch(next(self._numbers), api, model, mark, lines)
        self.batches[batch.id] = batch
        self.submitted.set()
        return batch

    def state(self, batch: Batch) -> str:
        if batch.cancelled:
            return "cancelled"
        return "running" if batch.looks <= self.pending else "done"

    # OpenAI and Mistral

    def upload(self, request: Request) -> list[Step]:
        kind = request.headers["content-type"]
        edge = kind.partition("boundary=")[2].encode()
        first, *parts, last = request.body.split(b"--" + edge)
        assert (first, last.strip()) == (b"", b"--"), "a form"
        fields: dict[bytes, bytes] = {}
        for part in parts:
            said, _, value = part.partition(b"\r\n\r\n")
            named = re.search(rb'[; ]name="(\w+)"', said)
            assert named is not None
            fields[named[1]] = value.removesuffix(b"\r\n")
        assert fields[b"purpose"] == b"batch"
        id = f"file-{next(self._numbers)}"
        self.files[id] = fields[b"file"]
        size, name = len(fields[b"file"]), "x.jsonl"
        said = {"bytes": size, "created_at": 1, "filename": name, "sample_type": "batch_request"}
        more = {"id": id, "object": "file", "purpose": "batch", "source": "upload"}
        return [Head(200, JSON), _json(said | more)]

    def create_openai(self, request: Request) -> list[Step]:
        asked = msgspec.json.decode(request.body)
        lines = self._lines(asked["input_file_id"])
        assert asked["completion_window"] == "24h"
        assert {line["url"] for line in lines.values()} == {asked["endpoint"]}
        bodies = {id: line["body"] for id, line in lines.items()}
        model = next(iter(bodies.values()))["model"]
        return self.openai(self.add("openai", model, asked["metadata"]["seawall"], bodies))

    def create_mistral(self, request: Request) -> list[Step]:
        asked = msgspec.json.decode(request.body)
        lines = self._lines(*asked["input_files"])
        assert asked["endpoint"] == "/v1/chat/completions"
        bodies = {id: line["body"] for id, line in lines.items()}
        mark = asked["metadata"]["seawall"]
        return self.mistral(self.add("mistral", asked["model"], mark, bodies))

    def _lines(self, file: str) -> dict[str, Any]:
        decoded = [msgspec.json.decode(line) for line in self.files[file].splitlines()]
        return {line["custom_id"]: line for line in decoded}

    def _files(self, batch: Batch) -> dict[str, str | None]:
        if self.state(batch) == "running":
            return {"output": None, "error": None}
        good = [id for id in batch.lines if self.broken.get(id) is None]
        bad = [id for id in batch.lines if self.broken.get(id) in ("error", "expired")]
        made = {"output": reversed(good), "error": bad}
        ids: dict[str, str | None] = {}
        for name, lines in made.items():
            ids[name] = f"{batch.id}-{name}"
            body = b"".join(_json(self._line(batch, id)) + b"\n" for id in lines)
            self.files[f"{batch.id}-{name}"] = (self.before + body + self.tail) if body else b""
        return ids

    def _line(self, batch: Batch, id: str) -> Any:
        what = self.broken.get(id)
        if what == "expired":
            error = {"code": "batch_expired", "message": "This request could not be executed"}
            return {"id": "r", "custom_id": id, "response": None, "error": error}
        status = 200 if what is None else 400
        body = _chat(batch, id) if what is None else {"error": {"message": f"bad {id}"}}
        response = {"status_code": status, "request_id": "req", "body": body}
        return {"id": "r", "custom_id": id, "response": response, "error": None}

    def openai(self, batch: Batch) -> list[Step]:
        state, files = self.state(batch), self._files(batch)
        said = {
            "id": batch.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "input_file_id": "file-1",
            "created_at": 1,
            "status": {"running": "in_progress", "done": "completed"}.get(state, state),
            "output_file_id": files["output"],
            "error_file_id": files["error"],
            "metadata": {"seawall": batch.mark},
            "request_counts": {"total": len(batch.lines), "completed": 0, "failed": 0},
        }
        return [Head(200, JSON), _json(said)]

    def mistral(self, batch: Batch) -> list[Step]:
        words = {"running": "RUNNING", "done": "SUCCESS", "cancelled": "CANCELLED"}
        files = self._files(batch)
        said = {
            "id": batch.id,
            "object": "batch",
            "input_files": ["file-1"],
            "endpoint": "/v1/chat/completions",
            "errors": [],
            "status": words[self.state(batch)],
            "created_at": 1,
            "total_requests": len(batch.lines),
            "completed_requests": 0,
            "succeeded_requests": 0,
            "failed_requests": 0,
            "metadata": {"seawall": batch.mark},
            "output_file": files["output"],
            "error_file": files["error"],
        }
        return [Head(200, JSON), _json(said)]

    def content(self, request: Request, id: str) -> list[Step]:
        return [Head(200, (("content-type", "application/octet-stream"),)), self.files[id]]

    def look(self, request: Request, id: str) -> list[Step]:
        batch = self.batches[id]
        batch.looks += 1
        return getattr(self, batch.api)(batch)

    def cancel(self, request: Request, id: str) -> list[Step]:
        self.batches[id].cancelled = True
        return getattr(self, self.batches[id].api)(self.batches[id])

    def list_all(self, request: Request) -> list[Step]:
        """Newest first, one a page."""
        query = parse_qs(request.target.partition("?")[2])
        found = list(reversed(self.batches.values()))
        ids = [batch.id for batch in found]
        after = (query.get("after") or query.get("after_id") or [""])[0]
        start = ids.index(after) + 1 if after else int((query.get("pageToken") or ["0"])[0])
        page = found[start : start + 1]
        bodies = [getattr(self, batch.api)(batch)[1] for batch in page]
        raw = [msgspec.Raw(body) for body in bodies]
        more = start + 1 < len(found)
        said = {"data": raw, "operations": raw, "has_more": more, "total": len(raw)}
        return [Head(200, JSON), _json(said | ({"nextPageToken": str(start + 1)} if more else {}))]

    # Anthropic

    def create_anthropic(self, request: Request) -> list[Step]:
        assert request.headers["anthropic-version"], "every request says its version"
        asked = msgspec.json.decode(request.body)["requests"]
        lines = {each["custom_id"]: each["params"] for each in asked}
        model = next(iter(lines.values()))["model"]
        return self.anthropic(self.add("anthropic", model, "", lines))

    def anthropic(self, batch: Batch) -> list[Step]:
        state = self.state(batch)
        done = state != "running"
        names = {"error": "errored", "expired": "expired"}
        counts: dict[str, int] = dict.fromkeys(
            ("succeeded", "errored", "expired", "canceled", "processing"), 0
        )
        for id in batch.lines:
            what = "canceled" if batch.cancelled else names.get(self.broken.get(id, ""))
            counts[(what or "succeeded") if done else "processing"] += 1
        path = f"/v1/messages/batches/{batch.id}/results"
        said = {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if done else "in_progress",
            "request_counts": counts,
            "created_at": _now(),
            "expires_at": _now(),
            "results_url": self.url + path if done else None,
        }
        return [Head(200, JSON), _json(said)]

    def results_anthropic(self, request: Request, id: str) -> list[Step]:
        batch = self.batches[id]
        lines: list[Any] = []
        for key in reversed(batch.lines):
            what = self.broken.get(key)
            if what == "absent":
                continue
            result: Any = {"type": what}
            if what is None:
                result = {"type": "succeeded", "message": _message(batch, key)}
            elif what == "error":
                error = {"type": "invalid_request_error", "message": f"bad {key}"}
                result = {"type": "errored", "error": {"type": "error", "error": error}}
            lines.append(
                {"custom_id": key, "result": {"type": "canceled"} if batch.cancelled else result}
            )
        body = b"".join(_json(line) + b"\n" for line in lines)
        return [
            Head(200, (("content-type", "application/x-jsonl"),)),
            self.before + body + self.tail,
        ]

    # Gemini

    def create_gemini(self, request: Request, model: str) -> list[Step]:
        asked = msgspec.json.decode(request.body)["batch"]
        requests = asked["inputConfig"]["requests"]["requests"]
        lines = {each["metadata"]["key"]: each["request"] for each in requests}
        return self.gemini(self.add("gemini", model, asked["displayName"], lines))

    def gemini(self, batch: Batch) -> list[Step]:
        words = {"running": "RUNNING", "done": "SUCCEEDED", "cancelled": "CANCELLED"}
        state = self.state(batch)
        metadata: dict[str, Any] = {
            "displayName": batch.mark,
            "state": f"BATCH_STATE_{words[state]}",
            "createTime": _now(),
            "batchStats": {"requestCount": str(len(batch.lines))},
        }
        if state != "running":
            inlined = [self._inlined(batch, id) for id in batch.lines]
            kept = [each for each in inlined if each is not None]
            metadata["output"] = {"inlinedResponses": {"inlinedResponses": kept}}
        said = {"name": batch.id, "metadata": metadata, "done": state != "running"}
        return [Head(200, JSON), _json(said)]

    def _inlined(self, batch: Batch, id: str) -> Any:
        what = self.broken.get(id)
        if what == "absent" or batch.cancelled:
            return None
        if what is not None:
            return {"error": {"code": 3, "message": f"bad {id}"}, "metadata": {"key": id}}
        return {"response": _generated(id), "metadata": {"key": id}}


#: A step that never comes.
HOLD = b"\0hold"

_ONE = r"{} /v1/(?:batches|batch/jobs|messages/batches)/([\w-]+){}"
_ROUTES: list[tuple[str, Callable[..., list[Step]]]] = [
    (r"POST /v1/files", Provider.upload),
    (r"POST /v1/batches", Provider.create_openai),
    (r"POST /v1/batch/jobs", Provider.create_mistral),
    (r"POST /v1/messages/batches", Provider.create_anthropic),
    (r"POST /v1beta/models/([\w.-]+):batchGenerateContent", Provider.create_gemini),
    (r"GET /v1/files/([\w-]+)/content", Provider.content),
    (r"GET /v1/messages/batches/([\w-]+)/results", Provider.results_anthropic),
    (_ONE.format("POST", "/cancel"), Provider.cancel),
    (r"POST /v1beta/(batches/\d+):cancel", Provider.cancel),
    (_ONE.format("GET", ""), Provider.look),
    (r"GET /v1beta/(batches/\d+)", Provider.look),
    (r"GET /(?:v1/batches|v1/batch/jobs|v1/messages/batches|v1beta/batches)", Provider.list_all),
]


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _text(id: str) -> str:
    return msgspec.json.encode({"harbour": f"answer to {id}"}).decode()


def _chat(batch: Batch, id: str) -> Any:
    message = {"role": "assistant", "content": _text(id)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": batch.model} | {
        "choices": [choice],
        "usage": usage,
    }


def _message(batch: Batch, id: str) -> Any:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": batch.model,
        "content": [{"type": "text", "text": _text(id)}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1000, "output_tokens": 100},
    }


def _generated(id: str) -> Any:
    content = {"role": "model", "parts": [{"text": _text(id)}]}
    usage = {"promptTokenCount": 1000, "candidatesTokenCount": 100, "totalTokenCount": 1100}
    return {
        "candidates": [{"index": 0, "content": content, "finishReason": "STOP"}],
        "usageMetadata": usage,
    }


@contextmanager
def provider() -> Iterator[Provider]:
    """Serves on a thread of its own while open."""
    app, loop, ready = Provider(), asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        async with Server(app) as server:
            app.url = server.url
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="provider")
    thread.start()
    try:
        assert ready.wait(10)
        yield app
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
