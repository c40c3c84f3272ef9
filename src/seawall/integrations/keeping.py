"""What another library's messages cannot say, kept beside them so that it comes back.

A signature of a thought, the id of an item, content only one dialect knows: without them a
provider refuses the next turn, or thinks anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..types import Message, Reasoning, Refusal, Text, ToolCall

__all__ = ["keep", "kept"]


def keep(message: Message) -> dict[str, Any] | None:
    """``message`` as plain data, if there is more in it than text, thoughts and tool calls say."""
    if not message.extra and all(_plain(part) for part in message.content):
        return None
    return msgspec.to_builtins(message)


def _plain(part: Any) -> bool:
    if isinstance(part, Reasoning) and part.signature is not None:
        return False
    return isinstance(part, (Text, Reasoning, Refusal, ToolCall)) and not getattr(part, "extra", 0)


def kept(stored: Any, text: str, calls: Sequence[str]) -> Message | None:
    """The message that was stored, unless its text or its tool calls (``calls``: their ids) were
    changed since: then what the other library has is what counts."""
    if not isinstance(stored, dict):
        return None
    try:
        message = msgspec.convert(stored, Message)
    except msgspec.ValidationError:
        return None
    same = message.text == text and [call.id for call in message.tool_calls] == list(calls)
    return message if same else None
