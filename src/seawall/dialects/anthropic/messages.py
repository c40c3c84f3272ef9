"""A request's messages and its system prompt, both ways.

Instructions stand before the conversation, in ``system``. Results of tools are blocks of a
user's turn, all those of one turn together; here they are messages of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, cast

from ...errors import UnsupportedError
from ...types import Extra, Message, Opaque, Part, Role, Text, ToolResult
from .blocks import read_content, write_content
from .words import DIALECT, bag, own

__all__ = ["read_messages", "read_system", "write_messages"]

_ROLES = ("user", "assistant", "system")
_INSTRUCTING = ("system", "developer")


def read_system(raw: Any) -> tuple[Message, ...]:
    """The system prompt, a string or blocks, as the first message."""
    parts = read_content(raw, "system")
    return (Message("system", parts),) if parts else ()


def read_messages(raw: Mapping[str, Any]) -> Iterable[Message]:
    """The turns one message amounts to. Raises ``ValueError`` saying what is wrong with it."""
    role = raw.get("role")
    if role not in _ROLES:
        raise ValueError(f"role is {role!r}; it must be one of {', '.join(_ROLES)}")
    extra: Extra = bag(raw, ("role", "content"))
    parts = read_content(raw.get("content"))
    if role != "user" or not any(type(part) is ToolResult for part in parts):
        yield Message(cast("Role", role), parts, extra=extra)
        return
    for results, run in groupby(parts, lambda part: type(part) is ToolResult):
        yield Message("tool" if results else "user", tuple(run), extra=extra)
        extra = {}


def write_messages(
    messages: Sequence[Message], in_place: bool, notes: list[str]
) -> tuple[str | list[dict[str, Any]], list[dict[str, Any]]]:
    """The system prompt and the turns. ``in_place``: instructions amid the conversation stay
    where they are, which only the newer models take; else they join the others, with a note."""
    instructions: list[Part] = []
    wire: list[dict[str, Any]] = []
    before: Message | None = None
    for message in messages:
        if message.role in _INSTRUCTING and not (before and in_place):
            if before:
                notes.append("instructions amid the conversation were sent ahead of it")
            instructions += _instructions(message)
            continue
        turn = _write_turn(message, notes)
        if turn is None:
            continue
        if before and before.role == message.role == "tool":
            wire[-1]["content"] += turn["content"]
        else:
            wire.append(turn)
        before = message
    return write_content(instructions, notes), wire


def _instructions(message: Message) -> tuple[Part, ...]:
    for part in message.content:
        if type(part) is not Text and not (type(part) is Opaque and part.dialect == DIALECT):
            raise UnsupportedError(f"a system prompt cannot hold a {type(part).__name__} here")
    return message.content


def _write_turn(message: Message, notes: list[str]) -> dict[str, Any] | None:
    """``None`` for a turn that says nothing, which is not accepted."""
    if message.name is not None:
        notes.append(f"the name {message.name!r} of a message was left out; it has no place here")
    extra = own(message.extra)
    parts = message.content
    if message.role == "tool" and any(type(part) is not ToolResult for part in parts):
        raise UnsupportedError("a tool message can hold nothing but results")
    if message.role == "assistant":
        parts = _cited(parts, extra.pop("citations", None))
    content = write_content(parts, notes)
    if not content:
        notes.append(f"an empty turn of the {message.role} was left out")
        return None
    role = {"tool": "user", "developer": "system"}.get(message.role, message.role)
    return {"role": role, "content": content} | extra


def _cited(parts: tuple[Part, ...], citations: Any) -> tuple[Part, ...]:
    """A streamed answer's citations belong to its one text."""
    if citations is None:
        return parts
    return tuple(
        Text(part.text, {**part.extra, DIALECT: own(part.extra) | {"citations": citations}})
        if type(part) is Text
        else part
        for part in parts
    )
