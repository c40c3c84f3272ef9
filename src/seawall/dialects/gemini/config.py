"""``generationConfig``, both ways: sampling, limits, the shape of the answer, thinking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ...errors import UnsupportedError
from ...types import Format, Request
from ..json_values import as_object
from .schemas import json_schema
from .words import bag, own, proto

__all__ = ["CONFIG_NAMES", "read_config", "write_config"]

#: What a request calls by another name than ``generationConfig``.
_NAMES = {
    "temperature": "temperature",
    "top_p": "topP",
    "max_tokens": "maxOutputTokens",
    "n": "candidateCount",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
#: By the names of a request, where in ``generationConfig`` they are said.
CONFIG_NAMES: Mapping[str, str] = _NAMES | {
    "stop": "stopSequences",
    "reasoning_effort": "thinkingConfig",
    "format": "responseMimeType",
}
_EFFORTS = ("minimal", "low", "medium", "high", "xhigh")
_JSON = "application/json"
_SCHEMAS = ("responseJsonSchema", "responseSchema")


class _Wire(Struct):
    """The fields that have a type of their own; checks a caller's request."""

    temperature: float | None = None
    topP: float | None = None
    maxOutputTokens: int | None = None
    candidateCount: int | None = None
    seed: int | None = None
    presencePenalty: float | None = None
    frequencyPenalty: float | None = None
    responseLogprobs: bool | None = None
    logprobs: int | None = None
    stopSequences: list[str] | None = None


_KNOWN = frozenset({*_Wire.__struct_fields__, "responseMimeType", "thinkingConfig", *_SCHEMAS})


def write_config(request: Request, formats: tuple[str, ...]) -> dict[str, Any]:
    """Raises ``UnsupportedError`` for what cannot be said here."""
    wire = {
        name: value
        for field, name in _NAMES.items()
        if (value := getattr(request, field)) is not None
    }
    if request.stop:
        wire["stopSequences"] = list(request.stop)
    if request.format is not None:
        wire |= _write_format(request.format, formats)
    if request.reasoning_effort is not None:
        wire["thinkingConfig"] = _write_effort(request.reasoning_effort)
    return wire


def _write_format(wanted: Format, formats: tuple[str, ...]) -> dict[str, Any]:
    if wanted.type not in formats:
        raise UnsupportedError(f"the format {wanted.type} is not served here")
    if wanted.type == "text":
        return {"responseMimeType": "text/plain"}
    wire: dict[str, Any] = {"responseMimeType": _JSON}
    if wanted.type == "json_schema" and wanted.schema is not None:
        told = {} if wanted.description is None else {"description": wanted.description}
        wire["responseJsonSchema"] = told | dict(wanted.schema)
    return wire | own(wanted.extra)


def _write_effort(effort: str) -> dict[str, Any]:
    if effort not in _EFFORTS:
        known = ", ".join(_EFFORTS)
        raise UnsupportedError(
            f"reasoning_effort is {effort!r}; here it is one of {known}, and which of them "
            "depends on the model"
        )
    return {"thinkingLevel": effort.upper()}


def read_config(raw: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of a request, and what of the object only this dialect can say."""
    config = proto(raw, "generationConfig")
    wire = msgspec.convert(config, _Wire)
    rest = own(bag(config, _KNOWN))
    fields = {field: getattr(wire, name) for field, name in _NAMES.items()}
    fields["stop"] = tuple(wire.stopSequences or ())
    fields["format"] = _read_format(config, rest)
    fields["reasoning_effort"] = _read_effort(config, rest)
    return fields, rest


def _read_format(config: Mapping[str, Any], rest: dict[str, Any]) -> Format | None:
    kind = config.get("responseMimeType")
    given = {name: config[name] for name in _SCHEMAS if config.get(name) is not None}
    if kind == "text/plain" and not given:
        return Format(type="text")
    if kind != _JSON:
        rest |= given | ({} if kind is None else {"responseMimeType": kind})
        return None
    if "responseJsonSchema" in given:
        schema = as_object(given["responseJsonSchema"], "responseJsonSchema")
    elif given:
        schema = json_schema(given["responseSchema"], "responseSchema")
    else:
        return Format(type="json_object")
    return Format(type="json_schema", schema=schema)


def _read_effort(config: Mapping[str, Any], rest: dict[str, Any]) -> str | None:
    thinking = proto(config.get("thinkingConfig"), "thinkingConfig")
    level = str(thinking.get("thinkingLevel", "")).lower()
    known = level in _EFFORTS
    kept = own(bag(thinking, ("thinkingLevel",) if known else ()))
    if kept:
        rest["thinkingConfig"] = kept
    return level if known else None
