"""Requests, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ...errors import BadRequestError, UnsupportedError
from ...ports import Quirks
from ...types import Request
from ..json_values import as_object, decode
from ..openai_chat.limits import keep_within
from .formats import read_format, write_format
from .messages import read_message, write_messages
from .tools import read_choice, read_tools, write_tools
from .words import DIALECT, bag, own

__all__ = ["read_request", "write_request"]

_OFF, _ON = {"type": "disabled"}, {"type": "enabled"}
#: Fields of one meaning, and their names here.
_FIELDS = (
    ("max_tokens", "max_tokens"),
    ("temperature", "temperature"),
    ("top_p", "p"),
    ("seed", "seed"),
    ("presence_penalty", "presence_penalty"),
    ("frequency_penalty", "frequency_penalty"),
    ("logprobs", "logprobs"),
)
#: What a request of this dialect has no field for, and the value that asks for nothing.
_UNSAYABLE: tuple[tuple[str, Any], ...] = (("n", 1), ("top_logprobs", 0))
#: Fields that go from 0 to 1 (reference: chat, its maxima).
_SHARES = ("temperature", "presence_penalty", "frequency_penalty")
_LEAST_P, _MOST_P, _MOST_STOPS = 0.01, 0.99, 5


class _Wire(Struct):
    """The fields of a request that have a type of their own; checks a caller's request."""

    model: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None
    strict_tools: bool | None = None
    tool_choice: str | None = None
    response_format: dict[str, Any] | None = None
    max_tokens: int | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    p: float | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    thinking: dict[str, Any] | None = None
    stream: bool | None = None


_KNOWN = frozenset(_Wire.__struct_fields__)


def write_request(request: Request, quirks: Quirks, notes: list[str]) -> dict[str, Any]:
    """The request's JSON body. Raises ``UnsupportedError`` for what it cannot say."""
    _refuse(request, notes)
    wanted, shown = write_format(request, notes)
    messages = write_messages(
        (*shown, *request.messages), think=bool(quirks.reasoning_field), notes=notes
    )
    if all(message["role"] == "system" for message in messages):
        raise UnsupportedError("a question needs a message besides its instructions here")
    wire: dict[str, Any] = {"model": request.model, "messages": messages}
    wire |= write_tools(request, notes)
    if wanted is not None:
        wire["response_format"] = wanted
    for ours, theirs in _FIELDS:
        if getattr(request, ours) is not None:
            wire[theirs] = getattr(request, ours)
    if request.top_p is not None:
        wire["p"] = _p(request.top_p, notes)
    if request.stop:
        wire["stop_sequences"] = list(request.stop)
    if request.user is not None:
        notes.append("user was left out; this API has no place for it")
    wire |= own(request.extra)
    if request.reasoning_effort is not None:
        wire["thinking"] = _thinking(request.reasoning_effort, wire.get("thinking"), notes)
    if request.stream:
        wire["stream"] = True
    keep_within(wire, request, quirks, notes)
    return wire


def _refuse(request: Request, notes: list[str]) -> None:
    for name, nothing in _UNSAYABLE:
        value = getattr(request, name)
        if value is not None and value != nothing:
            raise UnsupportedError(f"{name} cannot be said in {DIALECT}; leave it out")
        if value is not None:
            notes.append(f"{name} was left out; what it asks for is what happens here")
    for name in _SHARES:
        value = getattr(request, name)
        if value is not None and not 0 <= value <= 1:
            raise UnsupportedError(f"{name} is {value}; here it is from 0 to 1")
    if len(request.stop) > _MOST_STOPS:
        raise UnsupportedError(f"{len(request.stop)} stop sequences; here 5 are the most")
    if request.parallel_tool_calls is None or not request.tools:
        return
    if not request.parallel_tool_calls:
        raise UnsupportedError(
            "parallel_tool_calls cannot be switched off here; leave it out or choose a route"
        )
    notes.append("parallel_tool_calls was left out; what it asks for is what happens here")


def _p(given: float, notes: list[str]) -> float:
    if not 0 <= given <= 1:
        raise UnsupportedError(f"top_p is {given}; it is from 0 to 1")
    p = min(max(given, _LEAST_P), _MOST_P)
    if p != given:
        notes.append(f"top_p {given:g} was sent as {p:g}, the nearest there is")
    return p


def _thinking(effort: str, told: Any, notes: list[str]) -> dict[str, Any]:
    """``told``: what the caller said of it in this dialect's own words."""
    if effort == "none":
        return dict(_OFF)
    notes.append(f"reasoning_effort {effort!r} was sent as thinking; here it is only on or off")
    return as_object(told or {}, "thinking") | _ON


def read_request(body: bytes) -> Request:
    """A caller's request. Raises ``BadRequestError`` naming the field that is wrong."""
    try:
        raw = as_object(decode(body), "the body")
        return _read(msgspec.convert(raw, _Wire), raw)
    except ValueError as error:
        raise BadRequestError(f"the request is not valid: {error}", status=400) from None


def _read(wire: _Wire, raw: Mapping[str, Any]) -> Request:
    unknown = own(bag(raw, _KNOWN))
    if wire.thinking is not None and wire.thinking != _OFF:
        unknown["thinking"] = wire.thinking
    if wire.strict_tools is not None and not wire.tools:
        unknown["strict_tools"] = wire.strict_tools
    known = {ours: getattr(wire, theirs) for ours, theirs in _FIELDS}
    return Request(
        model=wire.model,
        messages=tuple(map(read_message, wire.messages)),
        tools=read_tools(wire.tools or (), wire.strict_tools),
        tool_choice=read_choice(wire.tool_choice),
        format=read_format(wire.response_format),
        stop=tuple(wire.stop_sequences or ()),
        reasoning_effort="none" if wire.thinking == _OFF else None,
        stream=bool(wire.stream),
        extra={DIALECT: unknown} if unknown else {},
        **known,
    )
