"""Images, and whatever else is given as bytes or by address, both ways.

``{"inlineData": {"mimeType", "data"}}`` and ``{"fileData": {"mimeType", "fileUri"}}``. An address
is that of an uploaded file, or since January 2026 any public or signed one ("File input methods").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from mimetypes import guess_type
from typing import Any
from urllib.parse import urlsplit

from ...errors import UnsupportedError
from ...types import Image, Opaque
from ..json_values import as_text
from .words import DIALECT, bag, own, proto

__all__ = ["read_media", "write_media"]

_DATA_URL = re.compile(r"data:([\w.+/-]+);base64,(.*)", re.DOTALL)
#: The official client writes the alphabet for URLs, other providers read the usual one.
_USUAL = str.maketrans("-_", "+/")


def read_media(raw: Mapping[str, Any]) -> Image | Opaque:
    """An image, or what else the part holds as it came."""
    for kind, field in (("inlineData", "data"), ("fileData", "fileUri")):
        if raw.get(kind) is None:
            continue
        inner = proto(raw[kind], kind)
        media_type = as_text(inner.get("mimeType"), f"{kind}.mimeType")
        value = as_text(inner.get(field), f"{kind}.{field}")
        if value is None or not (media_type or "").startswith("image/"):
            break
        fields = own(bag(raw, (kind,)))
        rest = own(bag(inner, ("mimeType", field)))
        if rest:
            fields[kind] = rest
        extra = {DIALECT: fields} if fields else {}
        if kind == "inlineData":
            return Image(data=value.translate(_USUAL), media_type=media_type, extra=extra)
        return Image(url=value, media_type=media_type, extra=extra)
    return Opaque(DIALECT, raw)


def write_media(part: Any, notes: list[str]) -> dict[str, Any]:
    """Raises ``UnsupportedError`` for what cannot be said here."""
    if type(part) is Image:
        return _write_image(part, notes)
    if type(part) is Opaque and part.dialect == DIALECT:
        return dict(part.raw)
    what = f"content of {part.dialect}" if type(part) is Opaque else f"a {type(part).__name__}"
    raise UnsupportedError(f"{what} cannot be said here in {DIALECT}")


def _write_image(image: Image, notes: list[str]) -> dict[str, Any]:
    fields = own(image.extra)
    if image.detail not in (None, "auto"):
        notes.append("an image's detail was left out; this API sets it for all images at once")
    inline = _DATA_URL.fullmatch(image.url or "")
    data, media_type = (inline[2], inline[1]) if inline else (image.data, image.media_type)
    kind, inner = "inlineData", {"mimeType": media_type, "data": data}
    if data is None:
        if image.url is None:
            raise UnsupportedError("an image needs a url, or data and a media_type")
        media_type = media_type or guess_type(urlsplit(image.url).path)[0]
        kind, inner = "fileData", {"mimeType": media_type, "fileUri": image.url}
    if media_type is None:
        raise UnsupportedError(
            f"an image needs its media_type in {DIALECT}, as image/png; give it, as neither its "
            "data nor its address tells"
        )
    return {kind: inner | fields.pop(kind, {})} | fields
