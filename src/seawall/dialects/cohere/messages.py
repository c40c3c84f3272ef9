"""A request's messages, and the message of an answer, both ways.

The plan that a model makes before it calls tools (``tool_plan``) and the citations of an answer
are kept with the message, and go back with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from msgspec.structs import replace

from ...errors import UnsupportedError
from ...types import Image, Message, Opaque, Part, Reasoning, Refusal, Role, Text, ToolCall
from ...types import ToolResult as Result
from ..json_values import as_list, as_object
from .content import read_content, write_block, write_content
from .tools import read_call, write_call
from .words import DIALECT, bag, own

__all__ = ["MESSAGE", "read_message", "write_answer", "write_messages"]

_ROLES = ("system", "user", "assistant", "tool")
_INSTRUCTING = ("system", "developer")
#: The fields of a message that have a place of their own.
MESSAGE = frozenset({"role", "content", "tool_calls"})
#: What a turn may hold, beside what only this dialect knows.
_HOLDS: Mapping[str, tuple[type[Part], ...]] = {
    "system": (Text,),
    "user": (Text, Image),
    "assistant": (Text, Reasoning, Refusal),
    "tool": (Text,),
}


def read_message(raw: Mapping[str, Any]) -> Message:
    """One message. Raises ``ValueError`` saying what is wrong with it."""
    role = raw.get("role")
    if role not in _ROLES:
        raise ValueError(f"role is {role!r}; it must be one of {', '.join(_ROLES)}")
    content = tuple(read_content(raw.get("content")))
    if role == "tool":
        call_id = raw.get("tool_call_id")
        if not isinstance(call_id, str):
            raise ValueError("a tool message needs its tool_call_id")
        result = Result(call_id, cast("tuple[Text | Image | Opaque, ...]", content))
        return Message("tool", (result,), extra=bag(raw, MESSAGE | {"tool_call_id"}))
    calls = as_list(raw.get("tool_calls"), "tool_calls")
    asked = tuple(_whole(as_object(call, "tool_calls[]")) for call in calls)
    return Message(cast("Role", role), (*content, *asked), extra=bag(raw, MESSAGE))


def _whole(raw: Mapping[str, Any]) -> ToolCall:
    call = read_call(raw)
    return call if call.arguments else replace(call, arguments="{}")


def write_messages(
    messages: Sequence[Message], think: bool, notes: list[str]
) -> list[dict[str, Any]]:
    """The turns, the instructions ahead of them: the API takes them in no other place.
    ``think``: whether the model takes earlier reasoning back."""
    instructions: list[Part] = []
    extra: dict[str, Any] = {}
    wire: list[dict[str, Any]] = []
    for message in messages:
        if message.name is not None:
            notes.append(f"the name {message.name!r} of a message was left out; it has no place")
        if message.role not in _INSTRUCTING:
            wire.extend(_write_turn(message, think, notes))
            continue
        if wire:
            notes.append("instructions amid the conversation were sent ahead of it")
        instructions += _held("system", message.content)
        extra |= own(message.extra)
    said = write_content(instructions, notes)
    return [{"role": "system", "content": said} | extra, *wire] if said else wire


def _held(role: str, parts: Sequence[Part]) -> Sequence[Part]:
    for part in parts:
        if not isinstance(part, _HOLDS[role]) and not (
            type(part) is Opaque and part.dialect == DIALECT
        ):
            what = part.dialect if type(part) is Opaque else type(part).__name__
            raise UnsupportedError(f"a message of the {role} cannot hold {what} in {DIALECT}")
    return parts


def _write_turn(message: Message, think: bool, notes: list[str]) -> Iterable[dict[str, Any]]:
    if message.role == "tool":
        yield from _write_results(message, notes)
        return
    if message.role == "assistant":
        turn = _write_said(message, think, notes)
    else:
        content = write_content(_held(message.role, message.content), notes)
        turn = {"role": message.role, "content": content} | own(message.extra)
    if turn.get("content") or turn.get("tool_calls"):
        yield turn
    else:
        notes.append(f"an empty turn of the {message.role} was left out")


def _write_results(message: Message, notes: list[str]) -> Iterable[dict[str, Any]]:
    for part in message.content:
        if type(part) is not Result:
            raise UnsupportedError(f"a tool message cannot hold a {type(part).__name__}")
        if part.is_error:
            notes.append("a tool's error was sent as its plain text; there is no flag for it here")
        content = write_content(_held("tool", part.content), notes)
        wire = {"role": "tool", "tool_call_id": part.call_id, "content": content}
        yield wire | own(message.extra) | own(part.extra)


def _write_said(message: Message, think: bool, notes: list[str]) -> dict[str, Any]:
    said = [part for part in message.content if type(part) is not ToolCall]
    _held("assistant", said)
    kept = [part for part in said if type(part) is not Reasoning or (think and part.text)]
    if len(kept) < len(said):
        notes.append("earlier reasoning was left out; it is not taken back here")
    wire: dict[str, Any] = {"role": "assistant"}
    content = write_content(kept, notes)
    if content:
        wire["content"] = content
    if message.tool_calls:
        wire["tool_calls"] = [write_call(call, notes) for call in message.tool_calls]
    return wire | own(message.extra)


def write_answer(message: Message) -> dict[str, Any]:
    """The message of an answer, as this dialect's callers know it. What only another dialect
    understands stays behind."""
    blocks = [
        write_block(part, [])
        for part in message.content
        if type(part) is not ToolCall and not (type(part) is Opaque and part.dialect != DIALECT)
    ]
    wire: dict[str, Any] = {"role": "assistant"}
    if message.tool_calls:
        wire["tool_calls"] = [write_call(call, []) for call in message.tool_calls]
    if blocks or not message.tool_calls:
        # Callers look into the first block without asking whether there is one.
        wire["content"] = blocks or [{"type": "text", "text": ""}]
    return wire | own(message.extra)
