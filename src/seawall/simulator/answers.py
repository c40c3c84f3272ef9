"""What the simulated model says: the same to the same question, in the shape it asks for."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from ..errors import BadRequestError
from ..folding import estimate_tokens
from ..types import (
    Choice,
    Format,
    Message,
    Request,
    Response,
    Text,
    Tool,
    ToolCall,
    Usage,
)
from .samples import fits, sample

__all__ = ["TEXT", "Answer", "answer", "calls_tools", "finished", "tokens"]

Answer = Callable[[Request], "str | Message | Response | Awaitable[str | Message | Response]"]
"""Says what to answer: text, a message (for tool calls), or a whole response."""

TEXT = "High water at Trieste is at noon, and the sea has 14 °C 🌊."

_CHOICES = 128
_TOKEN = re.compile(r"\s*\w{1,12}|\s*[^\w\s]|\s+")


def tokens(text: str) -> list[str]:
    """``text`` in pieces, roughly as a model's tokenizer cuts it. Joined they are the text."""
    return _TOKEN.findall(text)


def answer(request: Request, text: str, calls: int = 1, ids: str = "call_") -> Message:
    """The fixed answer to ``request``: ``text``, or a JSON value or tool calls (``calls`` of
    them, whose ids begin with ``ids``) that the request's schemas allow. Raises
    ``BadRequestError`` for a wrong schema."""
    tools = _wanted(request)
    if tools:
        made = [_call(tools[n % len(tools)], f"{ids}{n + 1}", text) for n in range(calls)]
        return Message("assistant", tuple(made))
    wanted = request.format
    if wanted is not None and wanted.type != "text":
        text = _json(wanted, text)
    return Message("assistant", (Text(text),))


def calls_tools(request: Request) -> bool:
    """Whether the answer to ``request`` is tool calls."""
    return bool(_wanted(request))


def _wanted(request: Request) -> list[Tool]:
    """The tools this request has the model call. Without a tool choice they are called until
    there is a result, which then is answered."""
    tools = [tool for tool in request.tools if type(tool) is Tool]
    choice = request.tool_choice
    mode = "auto" if choice is None else choice.mode
    if mode == "none" or (mode == "auto" and _has_result(request)):
        return []
    if choice is not None and choice.mode == "tool":
        named = [tool for tool in tools if tool.name == choice.name]
        if not named:
            raise BadRequestError(
                f"tool_choice names {choice.name!r}, which is not among the tools", status=400
            )
        return named
    return tools


def _has_result(request: Request) -> bool:
    return bool(request.messages) and request.messages[-1].role == "tool"


def _call(tool: Tool, id_: str, text: str) -> ToolCall:
    arguments = sample(tool.parameters or {"type": "object"}, text)
    return ToolCall(id_, tool.name, msgspec.json.encode(arguments).decode())


def _json(wanted: Format, text: str) -> str:
    """``text`` itself where it is what is wanted, else a value made up."""
    schema: Any = wanted.schema or {"type": "object"}
    try:
        if fits(msgspec.json.decode(text), schema):
            return text
    except msgspec.DecodeError:
        pass
    value = sample(schema, text) if wanted.schema else {"answer": text}
    return msgspec.json.encode(value).decode()


def finished(said: str | Message | Response, request: Request, id_: str, wall: float) -> Response:
    """``said`` as the whole response ``id_`` of the request's model, cut at its ``stop`` and
    ``max_tokens``, in ``n`` choices, its tokens counted. ``wall``: epoch seconds. Raises
    ``BadRequestError`` for more choices than the API gives."""
    if isinstance(said, Response):
        return said
    count = 1 if request.n is None else request.n
    if not 1 <= count <= _CHOICES:
        raise BadRequestError(f"n is {count}; it must be 1 to {_CHOICES}", status=400, param="n")
    message = Message("assistant", (Text(said),)) if isinstance(said, str) else said
    message, reason, used = _limited(message, request)
    choices = tuple(
        Choice(index=index, message=message, finish_reason=reason) for index in range(count)
    )
    prompt, completion = estimate_tokens(request), used * count
    return Response(
        id=id_,
        model=request.model,
        created=int(wall),
        choices=choices,
        usage=Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=prompt + completion,
        ),
    )


def _limited(message: Message, request: Request) -> tuple[Message, str, int]:
    """The message as far as the request lets it go, why it ends, and its tokens."""
    calls = message.tool_calls
    if calls:
        return message, "tool_calls", sum(len(tokens(c.name + c.arguments)) for c in calls)
    text = message.text
    for mark in request.stop:
        text = text.partition(mark)[0] if mark else text
    pieces = tokens(text)
    if request.max_tokens is not None and len(pieces) > request.max_tokens:
        pieces = pieces[: max(0, request.max_tokens)]
        return _said(message, "".join(pieces)), "length", len(pieces)
    return _said(message, text), "stop", len(pieces)


def _said(message: Message, text: str) -> Message:
    if text == message.text:
        return message
    rest = tuple(part for part in message.content if type(part) is not Text)
    return replace(message, content=(Text(text), *rest))
