"""Fitting a request to a route: the best means the vendor offers for the same wish."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from ..core import Route
from ..operations import OperationRequest
from ..types import Extra, Format, Message, Request, Text

__all__ = ["fit"]


def fit(
    request: Request | OperationRequest, route: Route
) -> tuple[Request | OperationRequest, tuple[str, ...]]:
    """``request`` as ``route`` can take it, and notes on what was adapted.

    A JSON Schema that the vendor cannot enforce becomes its JSON mode, or a plain question, with
    the schema in the instructions; the answer is validated all the same.
    """
    request = replace(request, model=route.model)
    left = _left_behind(request.extra, route)
    if isinstance(request, OperationRequest):
        return request, left
    wanted, served = request.format, route.quirks.formats
    if wanted is None or wanted.type in served:
        return request, left
    means = "json_object" if "json_object" in served else None
    note = f"{route.name} does not serve {wanted.type}; asked for it in the instructions"
    messages = _instruct(request.messages, wanted)
    shape = Format(type="json_object") if means else None
    return replace(request, messages=messages, format=shape), (note, *left)


def _left_behind(extra: Extra, route: Route) -> tuple[str, ...]:
    """Fields that only another dialect knows do not go along, and nobody should have to guess."""
    return tuple(
        f"{route.name} is not told {', '.join(sorted(fields))}, which only {dialect} knows"
        for dialect, fields in extra.items()
        if fields and dialect != route.wire.name
    )


def _instruct(messages: tuple[Message, ...], wanted: Format) -> tuple[Message, ...]:
    text = "Answer with one JSON object and nothing else: no prose, no code fence."
    if wanted.schema is not None:
        schema = msgspec.json.encode(wanted.schema).decode()
        text += f" It must be valid against this JSON Schema: {schema}"
    if messages and messages[0].role in ("system", "developer"):
        first = replace(messages[0], content=(*messages[0].content, Text("\n\n" + text)))
        return (first, *messages[1:])
    return (Message("system", (Text(text),)), *messages)
