"""The provider the documentation talks to: each dialect at its path on loopback, with fixed
answers."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import msgspec

from doc_batches import DocBatches
from seawall.dialects import anthropic, cohere, gemini, openai_chat, openai_responses
from seawall.folding import unfold
from seawall.ports import Face
from seawall.types import Choice, Message, Part, Request, Response, Text, ToolCall, Usage

_FACES: dict[bytes, Face] = {
    b"/v1/messages": anthropic.FACE,
    b"/v1/responses": openai_responses.FACE,
    b"/v2/chat": cohere.FACE,
}
#: Where clouds have the model in the path instead of the body.
_CLAUDE_IN_THE_PATH = (b"/invoke", b":rawPredict")
_USAGE = Usage(prompt_tokens=12, completion_tokens=3, total_tokens=15)


@contextlib.contextmanager
def provider(port: int = 0) -> Iterator[str]:
    """Serve on a thread of its own while open. Gives the base URL."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(_serve, "127.0.0.1", port))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


async def _stop(server: asyncio.Server) -> None:
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            start = await reader.readuntil(b"\r\n\r\n")
            head, path = start.lower(), start.split(b" ")[1]
            if head.startswith(b"get "):
                held = _batches.answer("GET", path.decode(), b"")
                if held is not None:
                    writer.write(_http(held, "application/json"))
                    continue
                writer.write(
                    _http(b'{"object":"list","data":[{"id":"gpt-4o-mini"}]}', "application/json")
                )
                continue
            length = next(
                line for line in head.split(b"\r\n") if line.startswith(b"content-length")
            )
            body = await reader.readexactly(int(length.partition(b":")[2]))
            if path.endswith(_CLAUDE_IN_THE_PATH):
                path, body = b"/v1/messages", _with_a_model(body)
            beside = _beside(path, body)
            writer.write(beside or _answer(_face(path), path.decode(), body))
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
        return
    finally:
        writer.close()


def _beside(path: bytes, body: bytes) -> bytes | None:
    """The answer of an operation that has no face."""
    batched = _batches.answer("POST", path.decode(), body)
    if batched is not None:
        return _http(batched, "application/json")
    if not path.endswith((b"/embeddings", b"/rerank")):
        return None
    asked = msgspec.json.decode(body)
    if path.endswith(b"/rerank"):
        ranks = range(len(asked["documents"]))
        answer = {"results": [{"index": at, "relevance_score": float(at)} for at in ranks]}
    else:
        texts = range(len(asked["input"]))
        answer = {"data": [{"index": at, "embedding": [1.0, at]} for at in texts]}
    usage = {"prompt_tokens": 12, "total_tokens": 12}
    return _http(msgspec.json.encode({**answer, "usage": usage}), "application/json")


def _with_a_model(body: bytes) -> bytes:
    """A cloud's request as its dialect has it."""
    return msgspec.json.encode({"model": "claude", **msgspec.json.decode(body)})


def _face(path: bytes) -> Face:
    if b"enerateContent" in path:
        return gemini.FACE
    return _FACES.get(path, openai_chat.FACE)


def _answer(face: Face, path: str, body: bytes) -> bytes:
    request, head = face.read(path, {}, body), face.peek(path, {}, body)
    response = _respond(request)
    if not head.stream:
        return _http(face.write(response), "application/json")
    stream = face.writer(head)
    events = b"".join(stream.event(event) for event in unfold(response))
    return _http(events + stream.end(), "text/event-stream")


def _respond(request: Request) -> Response:
    parts: tuple[Part, ...] = (Text("Trieste"),)
    reason = "stop"
    if request.tools:
        parts = (ToolCall("call_1", "weather", '{"harbour": "Trieste"}'),)
        reason = "tool_calls"
    elif request.format is not None and request.format.schema is not None:
        parts = (Text(msgspec.json.encode(_instance(request.format.schema)).decode()),)
    choice = Choice(message=Message("assistant", parts), finish_reason=reason)
    return Response(id="doc-1", model=request.model, choices=(choice,), usage=_USAGE)


def _ask(body: bytes) -> bytes:
    face, path = openai_chat.FACE, "/v1/chat/completions"
    return face.write(_respond(face.read(path, {}, body)))


_batches = DocBatches(_ask)


def _instance(schema: Any, root: Any = None) -> Any:
    """Something the schema allows."""
    root = root or schema
    if "$ref" in schema:
        return _instance(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return {name: _instance(inner, root) for name, inner in schema["properties"].items()}
    return {"string": "Trieste", "integer": 3, "number": 1.5, "array": [], "boolean": True}[
        schema["type"]
    ]


def _http(body: bytes, kind: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body
