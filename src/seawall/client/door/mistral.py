"""The openai_chat face with the ways of Mistral, which the mistralai SDK is used to.

Its API knows no ``stream_options`` and refuses what it does not know. In a stream tool calls come
whole, and the usage with the chunk that has the finish, unasked. Sources: Mistral's documentation
and the types of mistralai 3.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from msgspec.structs import replace

from ...dialects.json_values import as_list, as_object, decode, encode
from ...dialects.openai_chat import FACE as CHAT
from ...dialects.openai_chat.calls import write_call
from ...dialects.openai_chat.faults import complaint
from ...dialects.openai_chat.streams import StreamWriter
from ...dialects.openai_chat.usage import write_usage
from ...errors import BadRequestError, Fault
from ...ports import Face, Head, Headers
from ...types import Event, Finish, Metered, Request, Response, ToolCall, ToolCallDelta, Usage

__all__ = ["FACE"]


class _Mistral:
    """Towards the mistralai SDK."""

    name = CHAT.name

    def peek(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Head:
        return replace(CHAT.peek(path, headers, body), include_usage=True)

    def read(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Request:
        try:
            said = as_object(decode(body), "the body")
            _usual(said)
        except (ValueError, RecursionError) as error:
            raise BadRequestError(f"the request is not valid: {error}", status=400) from None
        return CHAT.read(path, headers, encode(said))

    def metered(self, body: bytes, head: Head, /) -> bytes:
        return body

    def write(self, response: Response, /) -> bytes:
        return CHAT.write(response)

    def writer(self, head: Head, /) -> StreamWriter:
        return _Writer(head.model, True, complaint)

    def complain(self, fault: Fault, /) -> tuple[int, Headers, bytes]:
        return CHAT.complain(fault)


def _usual(said: dict[str, Any]) -> None:
    """Put what Mistral calls by names of its own into the usual words, and leave out what the SDK
    writes though it says nothing."""
    if "random_seed" in said:
        said["seed"] = said.pop("random_seed")
    if said.get("tool_choice") == "any":
        said["tool_choice"] = "required"
    if said.get("safe_prompt") is False:
        del said["safe_prompt"]
    for raw in as_list(said.get("messages"), "messages"):
        message = as_object(raw, "messages[]")
        if message.get("prefix") is False:
            del message["prefix"]
        for call in as_list(message.get("tool_calls"), "tool_calls"):
            as_object(call, "tool_calls[]").pop("index", None)
        content = message.get("content")
        for part in cast("list[Any]", content) if isinstance(content, list) else ():
            piece = as_object(part, "content[]")
            if isinstance(piece.get("image_url"), str):
                piece["image_url"] = {"url": piece["image_url"]}


class _Writer(StreamWriter):
    """Writes tool calls whole, and the finish and the usage in one chunk, which is the last."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._calls: dict[int, dict[int, ToolCall]] = {}
        self._finishes: list[Finish] = []
        self._usage: Usage | None = None

    def event(self, event: Event, /) -> bytes:
        if type(event) is ToolCallDelta:
            calls = self._calls.setdefault(event.choice, {})
            calls[event.index] = _grown(calls.get(event.index), event)
        elif type(event) is Finish:
            self._finishes.append(event)
        elif type(event) is Metered:
            self._usage = event.usage
        else:
            return super().event(event)
        return b""

    def relay(self, frame: bytes, events: Sequence[Event], /) -> bytes:
        kinds = {type(event) for event in events}
        if ToolCallDelta in kinds or (Finish in kinds) != (Metered in kinds) or self._calls:
            return b"".join([self.event(event) for event in events])
        return super().relay(frame, events)

    def end(self) -> bytes:
        last = [self._last(finish) for finish in self._finishes]
        usage = {} if self._usage is None else {"usage": write_usage(self._usage)}
        return (self._chunk(last, usage) if last or usage else b"") + super().end()

    def _last(self, finish: Finish) -> dict[str, Any]:
        delta: dict[str, Any] = {"content": ""}
        calls = self._calls.get(finish.choice)
        if calls:
            delta["tool_calls"] = [{"index": at} | write_call(calls[at]) for at in sorted(calls)]
        return {"index": finish.choice, "delta": delta, "finish_reason": finish.reason}


def _grown(before: ToolCall | None, piece: ToolCallDelta) -> ToolCall:
    if before is None:
        return ToolCall(piece.id or "", piece.name or "", piece.arguments, piece.extra)
    return ToolCall(before.id, before.name, before.arguments + piece.arguments, before.extra)


FACE: Face = _Mistral()
