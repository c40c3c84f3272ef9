"""The content of messages and of tool results, both ways."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...errors import UnsupportedError
from ...types import Image, Opaque, Part, Text
from ..json_values import as_list, as_object, as_text
from .words import DIALECT, bag, own

__all__ = ["read_content", "write_content"]

_DATA_URL = re.compile(r"data:([\w.+/-]+);base64,(.*)", re.DOTALL)


def read_content(content: Any) -> tuple[Text | Image | Opaque, ...]:
    """Raises ``ValueError`` saying what is wrong with it."""
    if content is None or content == "":
        return ()
    if isinstance(content, str):
        return (Text(content),)
    parts = enumerate(as_list(content, "content"))
    return tuple(_read_part(as_object(part, f"content[{at}]")) for at, part in parts)


def _read_part(raw: dict[str, Any]) -> Text | Image | Opaque:
    kind = raw.get("type")
    if kind == "input_text" and isinstance(raw.get("text"), str):
        return Text(raw["text"], bag(raw, ("type", "text")))
    url = raw.get("image_url") if kind == "input_image" else None
    if not isinstance(url, str) or raw.get("file_id") is not None:
        return Opaque(DIALECT, raw)
    detail = as_text(raw.get("detail"), "input_image.detail")
    extra = bag(raw, ("type", "image_url", "detail"))
    inline = _DATA_URL.fullmatch(url)
    if inline is None:
        return Image(url=url, detail=detail, extra=extra)
    return Image(data=inline[2], media_type=inline[1], detail=detail, extra=extra)


def write_content(parts: Sequence[Part]) -> str | list[dict[str, Any]]:
    """Plain text as a string, the short form. Raises ``UnsupportedError``."""
    if not parts:
        return ""
    if len(parts) == 1 and type(parts[0]) is Text and not own(parts[0].extra):
        return parts[0].text
    return list(map(_write_part, parts))


def _write_part(part: Part) -> dict[str, Any]:
    if type(part) is Text:
        return {"type": "input_text", "text": part.text} | own(part.extra)
    if type(part) is Image:
        # The reference has a default for the detail, the package's types demand one.
        detail = part.detail or "auto"
        fields = {"type": "input_image", "image_url": _url(part), "detail": detail}
        return fields | own(part.extra)
    if type(part) is Opaque and part.dialect == DIALECT:
        return dict(part.raw)
    what = f"content of {part.dialect}" if type(part) is Opaque else f"a {type(part).__name__}"
    raise UnsupportedError(f"{what} cannot be said here in {DIALECT}")


def _url(image: Image) -> str:
    if image.data is not None:
        if image.media_type is None:
            raise UnsupportedError("an image given as data needs its media_type, as image/png")
        return f"data:{image.media_type};base64,{image.data}"
    if image.url is None:
        raise UnsupportedError("an image needs a url, or data and a media_type")
    return image.url
