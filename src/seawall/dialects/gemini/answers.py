"""The parts of a model's turn, both ways: in a request, in an answer, in a stream.

Text may carry fields of its own, a ``thoughtSignature`` above all. They are kept in the message's
unknown field ``parts`` as parts of empty text, which is how streams bring them too: a list that
grows from piece to piece, and stays behind when the conversation goes on elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...errors import UnsupportedError
from ...types import Extra, Message, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from ..json_values import as_text
from .calls import as_args, read_call, unsigned, write_call
from .media import write_media
from .words import DIALECT, bag, own, proto

__all__ = ["PARTS", "Ids", "answer_message", "read_text", "write_answer", "write_thought"]

#: The unknown field of a message that holds what came with its texts.
PARTS = "parts"

#: The id of a ``functionCall``, made if it has none.
Ids = Callable[[Mapping[str, Any]], str]


def read_text(raw: Mapping[str, Any]) -> Reasoning | tuple[str, dict[str, Any]] | None:
    """A thought, or a text and what came with it; ``None`` for a part that is neither."""
    text = as_text(raw.get("text"), "text")
    if text is None and "thoughtSignature" in raw and "functionCall" not in raw:
        text = "" if not bag(raw, ("thought", "thoughtSignature", "text")) else None
    if text is None:
        return None
    rest = own(bag(raw, ("text", "thought")))
    if not raw.get("thought"):
        return text, rest
    signature = as_text(rest.pop("thoughtSignature", None), "thoughtSignature")
    # Whose signature it is must be known when the conversation has been elsewhere.
    extra: Extra = {DIALECT: {"thought": True} | rest} if rest or signature else {}
    return Reasoning(text, signature, extra)


def answer_message(
    content: Mapping[str, Any], parts: Sequence[Mapping[str, Any]], ids: Ids
) -> Message:
    """A model's turn, its parts in canonical order."""
    thoughts: list[Part] = []
    body: list[Part] = []
    calls: list[Part] = []
    marks: list[Mapping[str, Any]] = []
    for raw in parts:
        if "functionCall" in raw:
            calls.append(read_call(raw, ids(proto(raw["functionCall"], "functionCall"))))
            continue
        said = read_text(raw)
        if said is None:
            body.append(Opaque(DIALECT, raw))
        elif type(said) is Reasoning:
            thoughts += [said] if said.text or said.extra else []
        elif type(said) is tuple:
            text, rest = said
            body += [Text(text)] if text else []
            marks += [{"text": ""} | rest] if rest else []
    fields = own(bag(content, ("role", "parts")))
    if marks:
        fields[PARTS] = marks
    extra: Extra = {DIALECT: fields} if fields else {}
    return Message("assistant", (*thoughts, *body, *calls), extra=extra)


def write_answer(
    parts: Sequence[Part], marks: Sequence[Any], show_reasoning: bool, notes: list[str]
) -> list[dict[str, Any]]:
    """Raises ``UnsupportedError`` for what a model's turn cannot hold here."""
    wire: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    for part in parts:
        if type(part) is ToolCall:
            calls.append(_write_call(part, not calls, notes))
        elif type(part) is Reasoning:
            wire += [write_thought(part)] if show_reasoning else []
        elif isinstance(part, (Text, Refusal)):
            wire.append({"text": part.text} | (own(part.extra) if type(part) is Text else {}))
        else:
            wire.append(write_media(part, notes))
    return [*wire, *marks, *calls]


def write_thought(part: Reasoning) -> dict[str, Any]:
    fields = own(part.extra)
    signed = {"thoughtSignature": part.signature} if fields and part.signature else {}
    return {"text": part.text, "thought": True} | signed | fields


def _write_call(call: ToolCall, first: bool, notes: list[str]) -> dict[str, Any]:
    args = as_args(call.arguments)
    if args is None:
        raise UnsupportedError(
            f"the arguments of the call {call.id!r} of {call.name} are no JSON object, which "
            f"{DIALECT} wants; leave the call out or choose a route"
        )
    if first and unsigned(call.extra):
        notes.append("a tool call without a signature was sent as one of another model")
    return write_call(call, args, sign=first)
