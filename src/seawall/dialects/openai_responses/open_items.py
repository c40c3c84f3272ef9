"""Items of an answer while they are written: how each begins, grows and ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from ...types import ToolCall, ToolCallDelta
from .items import CALLS
from .responses import call_item, message_item, reasoning_item, text_part
from .words import OUR_THOUGHT

__all__ = ["OpenCall", "OpenItem", "OpenMessage", "OpenReasoning"]

Events = Iterable[dict[str, Any]]


class OpenItem(Protocol):
    """``close`` gives the events that end the item, ``whole`` the item itself."""

    def close(self, status: str) -> Events: ...
    def whole(self, status: str) -> dict[str, Any]: ...


def _added(at: int, item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": at, "item": item}


def _done(at: int, item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": at, "item": item}


class OpenMessage:
    """Texts and refusals; a part begins where the other kind ends."""

    def __init__(self, at: int, name: str) -> None:
        self._at = at
        self._id = f"msg_{name}"
        self._parts: list[tuple[str, list[str], list[Any]]] = []

    def add(self, kind: str, text: str, logprobs: Sequence[Any] = ()) -> Events:
        if not self._parts:
            yield _added(self._at, message_item(self._id, [], "in_progress"))
        if not self._parts or self._parts[-1][0] != kind:
            self._parts.append((kind, [], []))
            part = _part(self._parts[-1])
            yield {"type": "response.content_part.added", **self._place(), "part": part}
        _, texts, tokens = self._parts[-1]
        texts.append(text)
        delta: dict[str, Any] = {**self._place(), "delta": text}
        if kind == "output_text":
            delta["logprobs"] = list(logprobs)
            tokens += logprobs
        yield {"type": f"response.{kind}.delta", **delta}

    def _place(self, part: int | None = None) -> dict[str, Any]:
        at = len(self._parts) - 1 if part is None else part
        return {"item_id": self._id, "output_index": self._at, "content_index": at}

    def close(self, status: str) -> Events:
        for at, known in enumerate(self._parts):
            kind, part, place = known[0], _part(known), self._place(at)
            said = {name: value for name, value in part.items() if name not in _OF_THE_PART}
            yield {"type": f"response.{kind}.done", **place, **said}
            yield {"type": "response.content_part.done", **place, "part": part}
        yield _done(self._at, self.whole(status))

    def whole(self, status: str) -> dict[str, Any]:
        return message_item(self._id, [_part(part) for part in self._parts], status)


_OF_THE_PART = ("type", "annotations")


def _part(part: tuple[str, list[str], list[Any]]) -> dict[str, Any]:
    kind, texts, tokens = part
    text = "".join(texts)
    return {"type": kind, "refusal": text} if kind == "refusal" else text_part(text, tokens)


class OpenReasoning:
    """Another provider's reasoning, told as a summary."""

    def __init__(self, at: int, name: str) -> None:
        self._at = at
        self._id = f"{OUR_THOUGHT}{name}"
        self._texts: list[str] = []
        self._place = {"item_id": self._id, "output_index": at, "summary_index": 0}

    def add(self, text: str) -> Events:
        if not self._texts:
            item: dict[str, Any] = reasoning_item(self._id, "", "in_progress") | {"summary": []}
            yield _added(self._at, item)
            part = {"type": "summary_text", "text": ""}
            yield {"type": "response.reasoning_summary_part.added", **self._place, "part": part}
        self._texts.append(text)
        yield {"type": "response.reasoning_summary_text.delta", **self._place, "delta": text}

    def close(self, status: str) -> Events:
        text = "".join(self._texts)
        part = {"type": "summary_text", "text": text}
        yield {"type": "response.reasoning_summary_text.done", **self._place, "text": text}
        yield {"type": "response.reasoning_summary_part.done", **self._place, "part": part}
        yield _done(self._at, self.whole(status))

    def whole(self, status: str) -> dict[str, Any]:
        return reasoning_item(self._id, "".join(self._texts), status)


class OpenCall:
    """A call of a function, or of a tool that takes free text."""

    def __init__(self, at: int, first: ToolCallDelta) -> None:
        self._at = at
        self._call = ToolCall(first.id or "", first.name or "", "", first.extra)
        self._texts: list[str] | None = None
        item = call_item(self._call, "in_progress")
        self._field = CALLS.get(item["type"], "arguments")
        stem = item["type"] if self._field == "input" else "function_call"
        self._stem = f"response.{stem}_{self._field}"
        self._place = {"item_id": item["id"], "output_index": at}

    def add(self, arguments: str) -> Events:
        if self._texts is None:
            self._texts = []
            yield _added(self._at, self.whole("in_progress"))
        if arguments:
            self._texts.append(arguments)
            yield {"type": f"{self._stem}.delta", **self._place, "delta": arguments}

    def close(self, status: str) -> Events:
        item = self.whole(status)
        yield {"type": f"{self._stem}.done", **self._place, self._field: item[self._field]}
        yield _done(self._at, item)

    def whole(self, status: str) -> dict[str, Any]:
        return call_item(self._call, status) | {self._field: "".join(self._texts or ())}
