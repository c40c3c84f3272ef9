"""Requests, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec import Struct

from ...errors import BadRequestError, UnsupportedError
from ...ports import Quirks
from ...types import Format, Message, Request, Text
from ..json_values import as_object, as_text, decode, encode
from ..openai_chat.limits import keep_within
from .messages import read_messages, read_system, write_messages
from .schemas import enforced
from .tools import read_choice, read_tool, write_choice, write_tool
from .words import DIALECT, bag, own

__all__ = ["MAX_TOKENS", "read_request", "write_request"]

#: The cap of an answer for which the caller names none; the API wants one. Every current model
#: takes it, and an answer as long still arrives within ten minutes when it is not streamed.
MAX_TOKENS = 16_384

_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_OFF = {"type": "disabled"}
_IN_WORDS = (
    "Answer with one JSON object and nothing else: no prose, no code fence. "
    "It must be valid against this JSON Schema: "
)
#: What a request of this dialect has no field for, and the value that asks for nothing.
_UNSAYABLE: tuple[tuple[str, Any], ...] = (
    ("n", 1),
    ("presence_penalty", 0),
    ("frequency_penalty", 0),
    ("logprobs", False),
    ("top_logprobs", 0),
)


class _Wire(Struct):
    """The fields of a request that have a type of their own; checks a caller's request."""

    model: str
    messages: list[dict[str, Any]]
    max_tokens: int | None = None
    system: str | list[dict[str, Any]] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: dict[str, Any] | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    metadata: dict[str, Any] | None = None
    output_config: dict[str, Any] | None = None
    thinking: dict[str, Any] | None = None
    stream: bool | None = None


_KNOWN = frozenset(_Wire.__struct_fields__)


def write_request(request: Request, quirks: Quirks, notes: list[str]) -> dict[str, Any]:
    """The request's JSON body. Raises ``UnsupportedError`` for what it cannot say."""
    _refuse(request, notes)
    wanted, shown = _write_format(request.format, notes)
    asked = (*shown, *request.messages)
    system, messages = write_messages(asked, quirks.system_role == "system", notes)
    if not messages:
        raise UnsupportedError("a question needs a message besides its instructions here")
    unknown = own(request.extra)
    wire: dict[str, Any] = {"model": request.model, "messages": messages}
    wire["max_tokens"] = _cap(request.max_tokens, unknown, notes)
    if system:
        wire["system"] = system
    for name in ("temperature", "top_p"):
        if getattr(request, name) is not None:
            wire[name] = getattr(request, name)
    if request.stop:
        wire["stop_sequences"] = list(request.stop)
    if request.tools:
        wire["tools"] = [write_tool(tool) for tool in request.tools]
    choice = write_choice(request)
    if choice is not None:
        wire["tool_choice"] = choice
    if request.user is not None:
        wire["metadata"] = {"user_id": request.user}
    if request.seed is not None:
        notes.append("seed was left out; this dialect has none, and no answer is sure to repeat")
    wire |= _thinking(request.reasoning_effort, notes)
    if wanted is not None:
        wire.setdefault("output_config", {})["format"] = wanted
    if request.stream:
        wire["stream"] = True
    _merge_unknown(wire, unknown)
    keep_within(wire, request, quirks, notes)
    return wire


def _refuse(request: Request, notes: list[str]) -> None:
    for name, nothing in _UNSAYABLE:
        value = getattr(request, name)
        if value is not None and value != nothing:
            raise UnsupportedError(f"{name} cannot be said in {DIALECT}; leave it out")
        if value is not None:
            notes.append(f"{name} was left out; what it asks for is what happens here")
    if request.temperature is not None and not 0 <= request.temperature <= 1:
        raise UnsupportedError(f"temperature is {request.temperature}; here it is from 0 to 1")
    if any(not stop.strip() for stop in request.stop):
        raise UnsupportedError("a stop sequence of nothing but blanks is not accepted here")


def _cap(given: int | None, unknown: Mapping[str, Any], notes: list[str]) -> int:
    """Thinking is part of the output, so a budget for it comes on top of the default."""
    if given is not None:
        return given
    thinking = unknown.get("thinking")
    fields = cast("dict[str, Any]", thinking) if isinstance(thinking, dict) else {}
    budget = fields.get("budget_tokens")
    cap = MAX_TOKENS + (budget if isinstance(budget, int) else 0)
    notes.append(f"max_tokens was set to {cap}, as the API wants one")
    return cap


def _thinking(effort: str | None, notes: list[str]) -> dict[str, Any]:
    if effort is None:
        return {}
    if effort == "none":
        return {"thinking": _OFF}
    if effort == "minimal":
        notes.append("reasoning_effort 'minimal' was sent as 'low', the least there is")
        effort = "low"
    if effort not in _EFFORTS:
        known = ", ".join(_EFFORTS)
        raise UnsupportedError(f"reasoning_effort is {effort!r}; here it is none, {known}")
    return {"output_config": {"effort": effort}}


def _write_format(
    wanted: Format | None, notes: list[str]
) -> tuple[dict[str, Any] | None, tuple[Message, ...]]:
    """The format to be enforced, or instructions where that cannot be."""
    if wanted is None or wanted.type == "text":
        return None, ()
    if wanted.type == "json_object" or wanted.schema is None:
        raise UnsupportedError(f"{DIALECT} enforces a JSON Schema, not just any JSON: give one")
    try:
        schema = enforced(wanted.schema, notes)
    except ValueError as error:
        notes.append(f"the schema cannot be enforced ({error}); it was put into the instructions")
        told = _IN_WORDS + encode(wanted.schema).decode()
        return None, (Message("system", (Text(told),)),)
    if wanted.description is not None:
        schema.setdefault("description", wanted.description)
    return {"type": "json_schema", "schema": schema} | own(wanted.extra), ()


def _merge_unknown(wire: dict[str, Any], unknown: Mapping[str, Any]) -> None:
    for name, value in unknown.items():
        said = wire.get(name)
        if said is not None and name in ("metadata", "output_config"):
            value = as_object(value, name) | said
        wire[name] = value


def read_request(body: bytes) -> Request:
    """A caller's request. Raises ``BadRequestError`` naming the field that is wrong."""
    try:
        raw = as_object(decode(body), "the body")
        return _read(msgspec.convert(raw, _Wire), raw)
    except ValueError as error:
        raise BadRequestError(f"the request is not valid: {error}", status=400) from None


def _read(wire: _Wire, raw: dict[str, Any]) -> Request:
    unknown = own(bag(raw, _KNOWN))
    config, metadata = dict(wire.output_config or {}), dict(wire.metadata or {})
    effort = as_text(config.pop("effort", None), "output_config.effort")
    wanted, user = _read_format(config), as_text(metadata.pop("user_id", None), "metadata.user_id")
    if wire.thinking == _OFF and effort is None:
        effort = "none"
    elif wire.thinking is not None:
        unknown["thinking"] = wire.thinking
    if config:
        unknown["output_config"] = config
    if metadata:
        unknown["metadata"] = metadata
    choice, parallel = read_choice(wire.tool_choice)
    turns = (turn for message in wire.messages for turn in read_messages(message))
    return Request(
        model=wire.model,
        messages=(*read_system(wire.system), *turns),
        tools=tuple(read_tool(tool) for tool in wire.tools or ()),
        tool_choice=choice,
        parallel_tool_calls=parallel,
        format=wanted,
        temperature=wire.temperature,
        top_p=wire.top_p,
        max_tokens=wire.max_tokens,
        stop=tuple(wire.stop_sequences or ()),
        reasoning_effort=effort,
        user=user,
        stream=bool(wire.stream),
        extra={DIALECT: unknown} if unknown else {},
    )


def _read_format(config: dict[str, Any]) -> Format | None:
    """Takes the format out of ``config`` if it is one that others can be asked for."""
    raw = config.get("format")
    if raw is None:
        return None
    fields = as_object(raw, "output_config.format")
    if fields.get("type") != "json_schema":
        return None
    del config["format"]
    return Format(
        type="json_schema",
        schema=as_object(fields.get("schema"), "output_config.format.schema"),
        extra=bag(fields, ("type", "schema")),
    )
