"""Requests, both ways."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from msgspec import Struct

from ...errors import BadRequestError, UnsupportedError
from ...ports import Quirks
from ...types import Message, Opaque, Request, Text
from ..json_values import as_object, as_text, decode
from ..openai_chat.limits import keep_within
from .messages import CONTEXT, INSTRUCTIONS, read_messages, write_messages
from .tools import read_choice, read_format, read_tool, write_choice, write_format, write_tool
from .words import DIALECT, bag, own

__all__ = ["read_request", "write_request"]

_SCALARS = ("parallel_tool_calls", "temperature", "top_p", "top_logprobs", "user")
#: What chat completions has and this API has not.
_UNSAYABLE = ("presence_penalty", "frequency_penalty")
#: Log probabilities are asked for by name.
_LOGPROBS = "message.output_text.logprobs"


class _Wire(Struct):
    """The fields of a request that have a type of their own; checks a caller's request."""

    model: str
    input: str | list[dict[str, Any]] | None = None
    instructions: str | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    text: dict[str, Any] | None = None
    reasoning: dict[str, Any] | None = None
    include: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    max_output_tokens: int | None = None
    user: str | None = None
    stream: bool | None = None


_KNOWN = frozenset(_Wire.__struct_fields__)


def write_request(request: Request, quirks: Quirks, notes: list[str]) -> dict[str, Any]:
    """The request's JSON body. Raises ``UnsupportedError`` for what this API or this vendor
    cannot take."""
    _refuse_unsayable(request)
    unknown = own(request.extra)
    if request.seed is not None:
        notes.append("seed was left out; this dialect has no place for it")
    if unknown.get("background"):
        raise UnsupportedError("an answer in the background is not waited for; leave it out")
    said = write_messages(request.messages, quirks.system_role, unknown.get("store") is not False)
    notes += dict.fromkeys(said.notes)
    wire: dict[str, Any] = {"model": request.model}
    if said.instructions is not None:
        wire["instructions"] = said.instructions
    if said.items:
        wire["input"] = said.items
    wire |= said.context | _fields(request, quirks)
    for name, value in unknown.items():
        wire[name] = _merged(wire.get(name), value)
    keep_within(wire, request, quirks, notes)
    return wire


def _fields(request: Request, quirks: Quirks) -> dict[str, Any]:
    wire = {name: value for name in _SCALARS if (value := getattr(request, name)) is not None}
    if request.max_tokens is not None:
        wire["max_output_tokens"] = request.max_tokens
    if request.tools:
        wire["tools"] = [write_tool(tool) for tool in request.tools]
    if request.tool_choice is not None:
        wire["tool_choice"] = write_choice(request.tool_choice)
    if request.format is not None:
        wire["text"] = {"format": write_format(request.format, quirks)}
    if request.reasoning_effort is not None:
        wire["reasoning"] = {"effort": request.reasoning_effort}
    if request.logprobs:
        wire["include"] = [_LOGPROBS]
    if request.stream:
        wire["stream"] = True
    return wire


def _merged(said: Any, unknown: Any) -> Any:
    if isinstance(said, dict) and isinstance(unknown, dict):
        return cast("dict[str, Any]", unknown) | cast("dict[str, Any]", said)
    if isinstance(said, list) and isinstance(unknown, list):
        return [*cast("list[Any]", said), *cast("list[Any]", unknown)]
    return unknown


def _refuse_unsayable(request: Request) -> None:
    refused = [name for name in _UNSAYABLE if getattr(request, name) is not None]
    if request.stop:
        refused.append("stop")
    if request.n is not None and request.n != 1:
        refused.append("n")
    if refused:
        raise UnsupportedError(
            f"{DIALECT} has no {', '.join(refused)}; leave it out or choose a route"
        )


def read_request(body: bytes) -> Request:
    """A caller's request. Raises ``BadRequestError`` naming the field that is wrong."""
    try:
        raw = as_object(decode(body), "the body")
        return _read(msgspec.convert(raw, _Wire), raw)
    except ValueError as error:
        raise BadRequestError(f"the request is not valid: {error}", status=400) from None


def _read(wire: _Wire, raw: dict[str, Any]) -> Request:
    unknown = own(bag(raw, _KNOWN | set(CONTEXT)))
    choice = read_choice(wire.tool_choice)
    if choice is None and wire.tool_choice is not None:
        unknown["tool_choice"] = wire.tool_choice
    text, reasoning = wire.text or {}, wire.reasoning or {}
    wanted = read_format(text.get("format"))
    effort = as_text(reasoning.get("effort"), "reasoning.effort")
    include = wire.include or []
    for name, rest in (
        ("text", own(bag(text, ("format",) if wanted is not None else ()))),
        ("reasoning", own(bag(reasoning, ("effort",)))),
        ("include", [name for name in include if name != _LOGPROBS]),
    ):
        if rest:
            unknown[name] = rest
    return Request(
        model=wire.model,
        messages=_messages(wire, own(bag(raw, raw.keys() - set(CONTEXT)))),
        tools=tuple(read_tool(tool) for tool in wire.tools or ()),
        tool_choice=choice,
        format=wanted,
        max_tokens=wire.max_output_tokens,
        logprobs=True if _LOGPROBS in include else None,
        reasoning_effort=effort,
        stream=bool(wire.stream),
        extra={DIALECT: unknown} if unknown else {},
        **{name: getattr(wire, name) for name in _SCALARS},
    )


def _messages(wire: _Wire, context: dict[str, Any]) -> tuple[Message, ...]:
    given = wire.input
    said = (
        [Message("user", (Text(given),))] if isinstance(given, str) else read_messages(given or ())
    )
    if context:
        said.insert(0, Message("user", (Opaque(DIALECT, context),)))
    if wire.instructions is not None:
        mark = {DIALECT: {INSTRUCTIONS: True}}
        said.insert(0, Message("system", (Text(wire.instructions),), extra=mark))
    return tuple(said)
