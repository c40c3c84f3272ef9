"""From what a caller writes to a ``Request``: text, dicts in OpenAI's shape, or our types."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from ..dialects.openai_chat.messages import read_message
from ..dialects.openai_chat.requests import read_choice, read_format, read_tool
from ..errors import BadRequestError
from ..types import Extra, Format, Message, Opaque, Request, Text, Tool, ToolChoice

__all__ = ["PARAMETERS", "Messages", "build"]

Messages = str | Message | Mapping[str, Any] | Sequence[Message | Mapping[str, Any]]


#: Request fields a caller sets as they are, and what they may hold.
_PLAIN: dict[str, type | tuple[type, ...]] = {
    "parallel_tool_calls": bool,
    "temperature": (int, float),
    "top_p": (int, float),
    "max_tokens": int,
    "seed": int,
    "n": int,
    "presence_penalty": (int, float),
    "frequency_penalty": (int, float),
    "logprobs": bool,
    "top_logprobs": int,
    "reasoning_effort": str,
    "user": str,
}
_SHAPED = ("system", "tools", "tool_choice", "response_format", "stop", "extra")

#: Every option that becomes a part of the request.
PARAMETERS = frozenset({*_PLAIN, *_SHAPED})


def build(
    messages: Messages,
    options: Mapping[str, Any],
    *,
    model: str,
    stream: bool,
    wanted: Format | None,
) -> Request:
    """The request. An option that is ``None`` is the provider's default. Raises
    ``BadRequestError`` naming what cannot be understood."""
    try:
        turns = tuple(_messages(messages))
        fields: dict[str, Any] = {}
        for name, value in options.items():
            if value is None:
                continue
            if name in _PLAIN:
                fields[name] = _plain(name, value)
            elif name == "system":
                if not isinstance(value, str):
                    raise _unfit(name, value)
                turns = (Message("system", (Text(value),)), *turns)
            elif name in _SHAPED:
                field, shaped = _shaped(name, value)
                fields[field] = shaped
        if not turns:
            raise ValueError("there are no messages")
        if wanted is not None:
            fields["format"] = wanted
        return Request(model=model, messages=turns, stream=stream, **fields)
    except ValueError as error:
        raise BadRequestError(f"the request is not valid: {error}") from None


def _plain(name: str, value: Any) -> Any:
    allowed = _PLAIN[name]
    if not isinstance(value, allowed) or (isinstance(value, bool) and allowed is not bool):
        raise _unfit(name, value)
    if isinstance(value, float) and not math.isfinite(value):
        raise _unfit(name, value)
    return value


def _unfit(name: str, value: Any) -> ValueError:
    return ValueError(f"{name} is {value!r}, a {type(value).__name__}")


def _shaped(name: str, value: Any) -> tuple[str, Any]:
    if name == "tools":
        return "tools", tuple(_tool(tool) for tool in _several(name, value))
    if name == "tool_choice":
        return "tool_choice", _choice(value)
    if name == "response_format":
        return "format", _format(value)
    if name == "extra":
        return "extra", _extra(value)
    stops = (value,) if isinstance(value, str) else tuple(_several(name, value))
    if not all(isinstance(stop, str) for stop in stops):
        raise _unfit(name, value)
    return "stop", stops


def _extra(value: Any) -> Extra:
    if isinstance(value, Mapping):
        dialects = cast("Mapping[str, Any]", value)
        if all(isinstance(fields, Mapping) for fields in dialects.values()):
            return dialects
    raise ValueError("extra holds fields by dialect, such as {'openai_chat': {...}}")


def _several(name: str, value: Any) -> Iterable[Any]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise _unfit(name, value)
    return cast("Iterable[Any]", value)


def _messages(given: Messages) -> Iterable[Message]:
    if isinstance(given, str):
        yield Message("user", (Text(given),))
    elif isinstance(given, Message):
        yield given
    elif not isinstance(given, list) and isinstance(given, Mapping):
        yield read_message(given)
    else:
        for index, message in enumerate(_turns(given)):
            # Asking whether a dict is a Mapping costs more than reading it.
            plain = cast("Mapping[str, Any]", message) if type(message) is dict else None
            yield _message(message, index) if plain is None else read_message(plain)


def _turns(given: Any) -> Iterable[Any]:
    if type(given) is list:
        return cast("list[Any]", given)
    if isinstance(given, (bytes, bytearray)):
        raise ValueError(f"messages is {bytes(given[:40])!r}; decode it to text")
    if not isinstance(given, Iterable):
        raise ValueError(f"messages is {given!r}; give text, a message or several")
    return cast("Iterable[Any]", given)


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


def _choice(given: Any) -> ToolChoice:
    if isinstance(given, ToolChoice):
        return given
    known = isinstance(given, (str, dict))
    choice = read_choice(cast("str | dict[str, Any]", given)) if known else None
    if choice is None:
        raise ValueError(f"tool_choice {given!r} is not understood")
    return choice


def _format(given: Any) -> Format:
    if isinstance(given, Format):
        return given
    wanted = read_format(cast("dict[str, Any]", given)) if isinstance(given, dict) else None
    if wanted is None:
        raise ValueError(f"response_format {given!r} is not understood")
    return wanted
