"""The input: a conversation as a list of items, both ways.

What a model said is one message of the assistant's here, and several items there. Where the
parts of the message do not say all of them, the items stay in its ``extra`` and go back word for
word, unless somebody has changed the parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from ...errors import UnsupportedError
from ...types import Extra, Message, Opaque, Reasoning, Refusal, Role, Text, ToolCall, ToolResult
from ..json_values import as_object
from .content import read_content, write_content
from .items import CALLS, kind_of, parts_of
from .words import DIALECT, OUR_THOUGHT, OUTPUT, bag, own

__all__ = ["CONTEXT", "INSTRUCTIONS", "ours_apart", "read_messages", "write_call", "write_messages"]

#: Marks a system message that came, and leaves, as the request's ``instructions``.
INSTRUCTIONS = "instructions"

#: Fields of a request that name what only the provider knows of a conversation. They stand in
#: it as a message that nobody else can say, lest another be asked without its beginning.
CONTEXT = ("previous_response_id", "conversation", "prompt")

_SPEAKERS = ("system", "developer", "user", "assistant")
_RESULTS = ("function_call_output", "custom_tool_call_output")
#: Items of the model's own, beside its messages and whatever ends in ``_call``. Others are the
#: caller's, and somebody's who knows them.
_MODELS = frozenset({"reasoning", "mcp_list_tools", "mcp_approval_request", "program"})


def read_messages(items: Sequence[Any]) -> list[Message]:
    """The messages ``items`` amount to. Raises ``ValueError`` naming the item that is wrong."""
    messages: list[Message] = []
    answer: list[dict[str, Any]] = []
    for at, given in enumerate(items):
        item = as_object(given, f"input[{at}]")
        if _is_answer(item):
            answer.append(item)
            continue
        messages += _answered(answer)
        answer = []
        messages.append(_read_item(item, at))
    return [*messages, *_answered(answer)]


def _is_answer(item: Mapping[str, Any]) -> bool:
    kind = kind_of(item)
    if kind == "message":
        return item.get("role") == "assistant"
    return kind in _MODELS or kind.endswith("_call")


def _answered(items: Sequence[Mapping[str, Any]]) -> Iterable[Message]:
    if items:
        message = Message("assistant", parts_of(items))
        said, _ = write_answer(message)
        extra: Extra = {} if said == items else {DIALECT: {OUTPUT: list(items)}}
        yield Message("assistant", message.content, extra=extra)


def _read_item(item: dict[str, Any], at: int) -> Message:
    kind = kind_of(item)
    if kind == "message":
        role = item.get("role")
        if role not in _SPEAKERS:
            raise ValueError(
                f"input[{at}].role is {role!r}; it must be one of {', '.join(_SPEAKERS)}"
            )
        extra = bag(item, ("type", "role", "content"))
        return Message(cast("Role", role), read_content(item.get("content")), extra=extra)
    if kind in _RESULTS and isinstance(item.get("call_id"), str):
        known = {"call_id", "output"}
        extra = bag(item, known | {"type"} if kind == _RESULTS[0] else known)
        result = ToolResult(item["call_id"], read_content(item.get("output")), extra=extra)
        return Message("tool", (result,))
    return Message("user", (Opaque(DIALECT, item),))


class Written:
    """The input of a request: its ``items``, ``instructions``, ``context`` and ``notes``."""

    def __init__(self, system_role: str | None, stored: bool) -> None:
        self.items: list[dict[str, Any]] = []
        self.instructions: str | None = None
        self.context: dict[str, Any] = {}
        self.notes: list[str] = []
        self._system_role = system_role
        self._stored = stored
        self._free: set[str] = set()

    def add(self, message: Message) -> None:
        if message.name is not None:
            self.notes.append("a message's name was left out; this dialect has no place for it")
        if message.role == "assistant":
            self._answer(message)
        elif message.role == "tool":
            self.items.extend(map(self._result, message.content))
        elif own(message.extra).get(INSTRUCTIONS) is True:
            self.instructions = (self.instructions or "") + message.text
        else:
            self._said(message)

    def _said(self, message: Message) -> None:
        parts = message.content
        only = parts[0] if len(parts) == 1 else None
        if type(only) is Opaque and _is_item(only):
            if only.raw.keys() <= set(CONTEXT):
                self.context |= only.raw
            else:
                self.items.append(dict(only.raw))
            return
        role = message.role if message.role == "user" else self._system_role or message.role
        self.items.append({"role": role, "content": write_content(parts)} | own(message.extra))

    def _answer(self, message: Message) -> None:
        items = as_they_came(message)
        if items is None:
            items, notes = write_answer(message)
            self.notes += notes
        else:
            items = [item for item in items if self._sayable(item)]
        for item in items:
            if item.get("type") == "custom_tool_call":
                self._free.add(str(item.get("call_id")))
        self.items += items

    def _sayable(self, item: Mapping[str, Any]) -> bool:
        if item.get("type") != "reasoning":
            return True
        if _is_ours(item):
            self.notes.append("another provider's reasoning was left out")
            return False
        if not self._stored and not item.get("encrypted_content"):
            self.notes.append(
                "reasoning was left out: it was not stored, and came without its encrypted_content"
            )
            return False
        return True

    def _result(self, part: Any) -> dict[str, Any]:
        if type(part) is not ToolResult:
            raise UnsupportedError(f"a tool message cannot hold a {type(part).__name__}")
        if part.is_error:
            self.notes.append(
                "a tool's error was sent as its plain text; this dialect has no error flag"
            )
        kind = _RESULTS[1] if part.call_id in self._free else _RESULTS[0]
        item = {"type": kind, "call_id": part.call_id, "output": write_content(part.content)}
        return item | own(part.extra)


def _is_item(part: Opaque) -> bool:
    """Whether ``part`` is an item of its own, and not content of a message."""
    kind = str(part.raw.get("type") or "")
    return part.dialect == DIALECT and not kind.startswith("input_")


def write_messages(messages: Sequence[Message], system_role: str | None, stored: bool) -> Written:
    """``stored``: whether the provider keeps its answers. Raises ``UnsupportedError``."""
    written = Written(system_role, stored)
    for message in messages:
        written.add(message)
    return written


def as_they_came(message: Message) -> list[dict[str, Any]] | None:
    """The items of a message of the assistant's, if they are known and it still says them."""
    items = own(message.extra).get(OUTPUT)
    if not isinstance(items, list):
        return None
    if not all(isinstance(item, dict) for item in cast("list[Any]", items)):
        return None
    given = cast("list[dict[str, Any]]", items)
    try:
        return given if parts_of(given) == message.content else None
    except ValueError:
        return None


def write_answer(message: Message) -> tuple[list[dict[str, Any]], list[str]]:
    """An answer's items in a request, made of its parts, and what had to be adapted."""
    items: list[dict[str, Any]] = []
    notes: list[str] = []
    text = ""
    for part in message.content:
        if type(part) is Text:
            text += part.text
        elif type(part) is Refusal:
            text += part.text
            notes.append("a refusal was sent back as plain text")
        elif type(part) is ToolCall:
            items.append(write_call(part))
        elif type(part) is Reasoning:
            notes.append("earlier reasoning was left out; only the model that had it can use it")
        elif type(part) is Opaque and part.dialect == DIALECT:
            items.append(dict(part.raw))
        else:
            what = part.dialect if type(part) is Opaque else f"a {type(part).__name__}"
            raise UnsupportedError(f"an answer in {DIALECT} cannot hold {what}")
    if text or not items:
        items.insert(0, {"role": "assistant", "content": text})
    return items, notes


def write_call(call: ToolCall) -> dict[str, Any]:
    extra = own(call.extra)
    kind = extra.pop("type", "function_call")
    item = {
        "type": kind,
        "call_id": call.id,
        "name": call.name,
        CALLS.get(kind, "arguments"): call.arguments,
    }
    return item | extra


def ours_apart(items: Any) -> Any:
    """``items`` without the reasoning that we made of another provider's."""
    if not isinstance(items, list):
        return items
    return [item for item in cast("list[Any]", items) if not _is_ours(item)]


def _is_ours(item: Any) -> bool:
    fields = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
    return str(fields.get("id")).startswith(OUR_THOUGHT)
