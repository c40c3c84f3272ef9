"""Tool calls, whole and in pieces, both ways.

A call of a function is ``{"id", "type": "function", "function": {"name", "arguments"}}``, that
of a custom tool ``{"id", "type": "custom", "custom": {"name", "input"}}``. A type other than
``function`` is kept in ``extra``, and with it whatever else only this dialect knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...types import Extra, ToolCall, ToolCallDelta
from ..call_ids import CallIds
from .words import DIALECT, as_object, as_text, bag, encode, own

__all__ = ["Calls", "read_call", "read_piece", "write_call"]


def read_piece(raw: Mapping[str, Any]) -> tuple[str, str | None, Extra]:
    """Name, arguments and unknown fields of a call or of a piece of one."""
    kind, text = ("custom", "input") if "custom" in raw else ("function", "arguments")
    inner = as_object(raw.get(kind) or {}, f"tool_calls[].{kind}")
    extra = own(bag(raw, ("index", "id", kind)))
    if kind == "custom":
        extra["type"] = "custom"
    elif extra.get("type") == "function":
        del extra["type"]
    rest = own(bag(inner, ("name", text)))
    if rest:
        extra[kind] = rest
    name = as_text(inner.get("name"), f"tool_calls[].{kind}.name")
    return name or "", _arguments(inner.get(text)), {DIALECT: extra} if extra else {}


def _arguments(value: Any) -> str | None:
    """Some servers send the arguments as an object and not as its text."""
    if isinstance(value, (dict, list)):
        return encode(value).decode()
    return as_text(value, "tool_calls[].function.arguments")


def read_call(raw: Mapping[str, Any]) -> ToolCall:
    name, arguments, extra = read_piece(raw)
    if not name and "type" not in own(extra):
        raise ValueError("a tool call has no function name")
    id_ = as_text(raw.get("id"), "tool_calls[].id") or ""
    return ToolCall(id_, name, "{}" if arguments is None else arguments, extra)


def write_call(call: ToolCall | ToolCallDelta) -> dict[str, Any]:
    extra = own(call.extra)
    kind = extra.pop("type", "function")
    key, text = ("custom", "input") if kind == "custom" else ("function", "arguments")
    inner: dict[str, Any] = {} if call.name is None else {"name": call.name}
    inner |= {text: call.arguments} | extra.pop(key, {})
    wire: dict[str, Any] = {"id": call.id, "type": kind} if call.id is not None else {}
    if kind in ("function", "custom") or call.name:
        wire[key] = inner
    return wire | extra


class Calls:
    """The tool calls of one choice: which of them a piece belongs to, and an id for each.

    Servers leave out the index, send the id with every piece, or give all parallel
    calls index 0 (Gemini): a piece with another id *and* a name begins another call.
    """

    __slots__ = ("_ids", "_latest", "_sent")

    def __init__(self, choice: int) -> None:
        self._ids = CallIds(choice)
        self._sent: dict[int, str] = {}
        self._latest: dict[int | None, int] = {}

    def place(self, given: Any, id_: str, name: str, answer: str) -> tuple[int, str | None]:
        """The index of the piece's call, and that call's id if the piece is its first.
        ``answer``: the id of the whole."""
        index = given if isinstance(given, int) and given >= 0 else None
        known = self._find(index, id_, name)
        if known is not None:
            return known, None
        ours = index if index is not None and index not in self._sent else self._next()
        self._sent[ours] = id_
        self._latest[index] = self._latest[None] = ours
        return ours, self._ids.take(id_, answer)

    def _find(self, index: int | None, id_: str, name: str) -> int | None:
        latest = self._latest.get(index)
        if latest is None:
            return None
        if index is None and id_:
            return next((ours for ours, sent in self._sent.items() if sent == id_), None)
        if not name:
            return latest
        # A name alone, repeated under one index, is a server's habit; without an index it can
        # only be another call.
        return None if index is None or (id_ and id_ != self._sent[latest]) else latest

    def _next(self) -> int:
        return max(self._sent, default=-1) + 1
