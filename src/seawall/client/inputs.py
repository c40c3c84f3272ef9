"""From what a caller writes to a ``Request``: text, dicts in OpenAI's shape, or our types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec
from msgspec import Struct

from ..dialects.openai_chat.messages import read_message
from ..dialects.openai_chat.requests import read_choice, read_format, read_tool
from ..errors import BadRequestError
from ..types import Format, Message, Opaque, Request, Text, Tool, ToolChoice

__all__ = ["Messages", "Parameters", "build"]

Messages = str | Message | Mapping[str, Any] | Sequence[Message | Mapping[str, Any]]


class Parameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a call may set besides its messages. ``None``: the provider's default."""

    system: str | None = None
    tools: Sequence[Any] = ()
    tool_choice: Any = None
    response_format: Any = None
    parallel_tool_calls: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: str | Sequence[str] = ()
    seed: int | None = None
    n: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning_effort: str | None = None
    user: str | None = None
    extra: Mapping[str, Mapping[str, Any]] = {}


_SCALARS = frozenset(Parameters.__struct_fields__) - {
    "system",
    "tools",
    "tool_choice",
    "response_format",
    "stop",
}


def build(
    messages: Messages, parameters: Parameters, *, model: str, stream: bool, wanted: Format | None
) -> Request:
    """The request. Raises ``BadRequestError`` naming what cannot be understood."""
    given = parameters
    try:
        turns = tuple(_messages(messages))
        if given.system is not None:
            turns = (Message("system", (Text(given.system),)), *turns)
        if not turns:
            raise ValueError("there are no messages")
        return Request(
            model=model,
            messages=turns,
            tools=tuple(_tool(tool) for tool in given.tools),
            tool_choice=_choice(given.tool_choice),
            format=wanted or _format(given.response_format),
            stop=(given.stop,) if isinstance(given.stop, str) else tuple(given.stop),
            stream=stream,
            **{name: getattr(given, name) for name in _SCALARS},
        )
    except (ValueError, msgspec.ValidationError) as error:
        raise BadRequestError(f"the request is not valid: {error}") from None


def _messages(given: Messages) -> Iterable[Message]:
    if isinstance(given, str):
        yield Message("user", (Text(given),))
    elif isinstance(given, Message):
        yield given
    elif isinstance(given, Mapping):
        yield read_message(given)
    else:
        for index, message in enumerate(given):
            yield _message(message, index)


def _message(given: Any, index: int) -> Message:
    if isinstance(given, Message):
        return given
    if isinstance(given, Mapping):
        return read_message(cast("Mapping[str, Any]", given))
    raise ValueError(f"messages[{index}] is a {type(given).__name__}; give a dict or a Message")


def _tool(given: Any) -> Tool | Opaque:
    if isinstance(given, (Tool, Opaque)):
        return given
    if isinstance(given, dict):
        return read_tool(cast("dict[str, Any]", given))
    raise ValueError(f"a tool is a {type(given).__name__}; give a dict or a Tool")


def _choice(given: Any) -> ToolChoice | None:
    if given is None or isinstance(given, ToolChoice):
        return given
    choice = read_choice(given)
    if choice is None:
        raise ValueError(f"tool_choice {given!r} is not understood")
    return choice


def _format(given: Any) -> Format | None:
    if given is None or isinstance(given, Format):
        return given
    wanted = read_format(cast("dict[str, Any]", given)) if isinstance(given, dict) else None
    if wanted is None:
        raise ValueError(f"response_format {given!r} is not understood")
    return wanted
