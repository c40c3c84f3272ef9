"""The batch API of the provider that the documentation talks to: every batch is done at once."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

__all__ = ["DocBatches"]


class DocBatches:
    """OpenAI's; ``ask`` answers the body of one request."""

    def __init__(self, ask: Callable[[bytes], bytes]) -> None:
        self._ask = ask
        self._files: dict[str, bytes] = {}
        self._batches: dict[str, bytes] = {}

    def answer(self, method: str, path: str, body: bytes) -> bytes | None:
        """The body of the reply, ``None`` for a path that is none of these."""
        parts = path.partition("?")[0].strip("/").split("/")[1:]
        if method == "POST" and parts == ["files"]:
            return self._upload(body)
        if method == "POST" and parts == ["batches"]:
            return self._submit(body)
        if len(parts) >= 2 and parts[0] == "batches":
            return self._batches.get(parts[1])
        if len(parts) == 3 and parts[0] == "files":
            return self._files.get(parts[1])
        return None

    def _upload(self, body: bytes) -> bytes:
        form = body.split(body.partition(b"\r\n")[0])
        id = f"file-{len(self._files) + 1}"
        self._files[id] = form[2].partition(b"\r\n\r\n")[2]
        return msgspec.json.encode({"id": id, "object": "file"})

    def _submit(self, body: bytes) -> bytes:
        asked = msgspec.json.decode(body)
        lines = self._files[asked["input_file_id"]].split(b"\n")
        answers = [self._line(line) for line in lines if line.strip()]
        id = f"batch_{len(self._batches) + 1}"
        self._files[f"{id}-output"] = b"\n".join(answers)
        self._batches[id] = msgspec.json.encode(
            {
                "id": id,
                "object": "batch",
                "status": "completed",
                "metadata": asked["metadata"],
                "output_file_id": f"{id}-output",
            }
        )
        return self._batches[id]

    def _line(self, line: bytes) -> bytes:
        asked = msgspec.json.decode(line)
        body = msgspec.Raw(self._ask(msgspec.json.encode(asked["body"])))
        answered = {"status_code": 200, "body": body}
        return msgspec.json.encode({"custom_id": asked["custom_id"], "response": answered})
