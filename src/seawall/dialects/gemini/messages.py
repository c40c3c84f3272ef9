"""The contents of a request and its system instruction, both ways.

Instructions stand before the conversation, in ``systemInstruction``. Results of functions are
parts of a user's turn, all those of one turn together; here they are messages of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from ...errors import UnsupportedError
from ...types import Extra, Message, Part, Reasoning, Refusal, Text, ToolResult
from .answers import answer_message, write_answer
from .calls import read_result, write_result
from .media import read_media, write_media
from .transcript import Transcript
from .words import bag, each, own, proto

__all__ = ["read_messages", "read_system", "write_messages"]

_INSTRUCTING = ("system", "developer")
_USERS = ("user", "function", "tool", None)


def read_system(raw: Any) -> tuple[Message, ...]:
    """The system instruction, contents or a mere string, as the first message."""
    if raw is None:
        return ()
    if isinstance(raw, str):
        return (Message("system", (Text(raw),)),)
    content = proto(raw, "systemInstruction")
    parts = tuple(_read_part(part) for part in _parts(content))
    return (Message("system", parts, extra=bag(content, ("role", "parts"))),)


def read_messages(contents: Any) -> Iterable[Message]:
    """Raises ``ValueError`` saying what is wrong with them."""
    transcript = Transcript()
    for raw in each(contents, "contents"):
        if isinstance(raw, str):
            yield Message("user", (Text(raw),))
            continue
        content = proto(raw, "contents[]")
        role = content.get("role")
        if role == "model":
            yield answer_message(content, _parts(content), transcript.call)
        elif role in _USERS:
            yield from _read_turn(content, transcript)
        else:
            raise ValueError(f"role is {role!r}; it must be user or model")


def _parts(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [proto(part, "parts[]") for part in each(content.get("parts"), "parts")]


def _read_turn(content: Mapping[str, Any], transcript: Transcript) -> Iterable[Message]:
    """What a user's turn holds: results of functions, and what the user says."""
    extra: Extra = bag(content, ("role", "parts"))
    parts = _parts(content)
    if not any(map(_answers, parts)):
        yield Message("user", _spoken(parts), extra=extra)
        return
    for answering, run in groupby(parts, _answers):
        if answering:
            yield Message("tool", tuple(_result(part, transcript) for part in run), extra=extra)
        else:
            yield Message("user", _spoken(run), extra=extra)
        extra = {}


def _answers(part: Mapping[str, Any]) -> bool:
    return "functionResponse" in part


def _result(part: Mapping[str, Any], transcript: Transcript) -> ToolResult:
    id_, known = transcript.result(proto(part["functionResponse"], "functionResponse"))
    return read_result(part, id_, known)


def _spoken(parts: Iterable[Mapping[str, Any]]) -> tuple[Part, ...]:
    return tuple(_read_part(part) for part in parts if part != {"text": ""})


def _read_part(raw: Mapping[str, Any]) -> Part:
    if isinstance(raw.get("text"), str) and not raw.get("thought"):
        return Text(raw["text"], bag(raw, ("text", "thought")))
    return read_media(raw)


def write_messages(
    messages: Sequence[Message], show_reasoning: bool, notes: list[str]
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """The system instruction, if there is one, and the contents."""
    system: dict[str, Any] | None = None
    contents: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    before = ""
    for message in messages:
        if message.name is not None:
            notes.append(f"the name {message.name!r} of a message was left out; it has no place")
        if message.role in _INSTRUCTING:
            if contents:
                notes.append("instructions amid the conversation were sent ahead of it")
            parts = [*(system or {}).get("parts", ()), *_write_spoken(message, notes)]
            system = (system or {}) | {"parts": parts} | own(message.extra)
            continue
        content = _write_turn(message, names, show_reasoning, notes)
        if before == message.role == "tool":
            # As many results as there were calls must stand in one turn.
            contents[-1]["parts"] += content["parts"]
        else:
            contents.append(content)
        before = message.role
    return system, contents


def _write_turn(
    message: Message, names: dict[str, str], show_reasoning: bool, notes: list[str]
) -> dict[str, Any]:
    role, fields = "user", own(message.extra)
    if message.role == "assistant":
        names |= {call.id: call.name for call in message.tool_calls}
        role = "model"
        _note_lost(message, show_reasoning, notes)
        parts = write_answer(message.content, fields.pop("parts", ()), show_reasoning, notes)
    elif message.role == "tool":
        parts = [_write_result(part, names, notes) for part in message.content]
    else:
        parts = _write_spoken(message, notes)
    return {"role": role, "parts": parts or [{"text": ""}]} | fields


def _note_lost(message: Message, show_reasoning: bool, notes: list[str]) -> None:
    for part in message.content:
        if type(part) is Reasoning and not show_reasoning:
            notes.append("earlier reasoning was left out; this vendor does not take it back")
        elif type(part) is Reasoning and part.signature is not None and not own(part.extra):
            notes.append("a reasoning block's signature was left out; another provider made it")
        elif type(part) is Refusal:
            notes.append("an earlier refusal was sent as text, which is all there is for it here")


def _write_result(part: Part, names: Mapping[str, str], notes: list[str]) -> dict[str, Any]:
    if type(part) is not ToolResult:
        raise UnsupportedError("a tool message can hold nothing but results")
    return write_result(part, names.get(part.call_id), notes)


def _write_spoken(message: Message, notes: list[str]) -> list[dict[str, Any]]:
    return [
        {"text": part.text} | own(part.extra) if type(part) is Text else write_media(part, notes)
        for part in message.content
    ]
