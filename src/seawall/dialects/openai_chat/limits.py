"""What a vendor does not take: refused before the call, or adapted with a note."""

from __future__ import annotations

import re
from base64 import b32encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Literal

from ...errors import UnsupportedError
from ...ports import Quirks
from ...types import Image, Part, Request, ToolResult

__all__ = ["keep_fields", "keep_within"]

#: Who says this says what holds anyway.
_DEFAULTS = {
    "n": 1,
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "logprobs": False,
    "presence_penalty": 0,
    "frequency_penalty": 0,
}
_NAMES = "messages[].name"


def keep_within(wire: dict[str, Any], request: Request, quirks: Quirks, notes: list[str]) -> None:
    """Bring ``wire``, the body of ``request``, within what the vendor takes. Raises
    ``UnsupportedError`` for what would be lost."""
    if quirks.images is not True:
        _check_images(request, quirks.images)
    if quirks.seed_field != "seed" and "seed" in wire:
        wire[quirks.seed_field] = wire.pop("seed")
    keep_fields(wire, quirks, notes)
    if quirks.tool_call_id_length is not None:
        _fit_ids(wire.get("messages", ()), quirks.tool_call_id_length, notes)


def keep_fields(wire: dict[str, Any], quirks: Quirks, notes: list[str]) -> None:
    """Leave out of ``wire``, the body of any request, what may be left out with a note. Raises
    ``UnsupportedError`` for a field the vendor does not take."""
    for name in quirks.left_out:
        if name in wire:
            del wire[name]
            notes.append(f"{name} was left out; this vendor does not take it")
    for name in quirks.unsupported:
        if name == _NAMES:
            if any("name" in message for message in wire.get("messages", ())):
                raise _refused(name)
        elif name in wire:
            _refuse_field(wire, name, notes)


def _refuse_field(wire: dict[str, Any], name: str, notes: list[str]) -> None:
    if name not in _DEFAULTS or wire[name] != _DEFAULTS[name]:
        raise _refused(name)
    del wire[name]
    notes.append(f"{name} was left out; what it asks for is what this vendor does")


def _refused(name: str) -> UnsupportedError:
    return UnsupportedError(f"{name} is not accepted here; leave it out or choose a route")


def _check_images(request: Request, allowed: Literal[False, "data"]) -> None:
    images = [part for part in _parts(request) if type(part) is Image]
    if images and not allowed:
        raise UnsupportedError("images are not looked at here; leave them out or choose a route")
    if any(image.data is None for image in images):
        raise UnsupportedError(
            "images are taken as data here, not from a URL; fetch it or choose a route"
        )


def _parts(request: Request) -> Iterable[Part]:
    for message in request.messages:
        for part in message.content:
            if type(part) is ToolResult:
                yield from part.content
            else:
                yield part


def _fit_ids(messages: Sequence[dict[str, Any]], length: int, notes: list[str]) -> None:
    """Calls made elsewhere have ids of another form. The same id always becomes the same one,
    so that calls and results still belong together."""
    fits = re.compile(rf"[A-Za-z0-9]{{{length}}}").fullmatch
    renamed = False
    for message in messages:
        for holder, key in _ids(message):
            if not fits(holder[key]):
                holder[key] = b32encode(sha256(holder[key].encode()).digest()).decode()[:length]
                renamed = True
    if renamed:
        notes.append(
            f"ids of tool calls were rewritten; this vendor takes {length} letters and digits"
        )


def _ids(message: dict[str, Any]) -> Iterable[tuple[dict[str, Any], str]]:
    if "tool_call_id" in message:
        yield message, "tool_call_id"
    for call in message.get("tool_calls", ()):
        yield call, "id"
