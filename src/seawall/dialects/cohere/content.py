"""Content blocks, both ways.

A document that a tool answered with is a text, so that any provider can be told of it: the JSON of
its ``data``. What else it says, and that it was one, is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ...errors import UnsupportedError
from ...types import Image, Opaque, Part, Reasoning, Refusal, Text
from ..json_values import as_list, as_object, as_text, decode, encode
from .words import DIALECT, bag, own

__all__ = ["read_block", "read_content", "write_block", "write_content"]

_DATA_URL = re.compile(r"data:([\w.+/-]+);base64,(.*)", re.DOTALL)
_DOCUMENT = "document"


def read_content(content: Any, where: str = "content") -> Iterable[Part]:
    """A string or a list of blocks. Raises ``ValueError`` for anything else."""
    if content is None or isinstance(content, str):
        if content:
            yield Text(content)
        return
    for index, raw in enumerate(as_list(content, where)):
        part = read_block(as_object(raw, f"{where}[{index}]"))
        if type(part) is not Text or part.text or part.extra:
            yield part


def read_block(raw: dict[str, Any]) -> Part:
    read = _READ.get(str(raw.get("type")))
    part = None if read is None else read(raw)
    return Opaque(DIALECT, raw) if part is None else part


def _read_text(raw: Mapping[str, Any]) -> Part | None:
    text = raw.get("text")
    return Text(text, bag(raw, ("type", "text"))) if isinstance(text, str) else None


def _read_thinking(raw: Mapping[str, Any]) -> Part | None:
    text = raw.get("thinking")
    if not isinstance(text, str):
        return None
    return Reasoning(text, extra=bag(raw, ("type", "thinking")))


def _read_image(raw: Mapping[str, Any]) -> Part | None:
    image = as_object(raw.get("image_url"), "image_url")
    url, detail = image.get("url"), as_text(image.get("detail"), "image_url.detail")
    if not isinstance(url, str):
        raise ValueError("image_url.url is missing")
    extra = own(bag(raw, ("type", "image_url")))
    inner = own(bag(image, ("url", "detail")))
    if inner:
        extra["image_url"] = inner
    kept = {DIALECT: extra} if extra else {}
    inline = _DATA_URL.fullmatch(url)
    if inline is None:
        return Image(url=url, detail=detail, extra=kept)
    return Image(data=inline[2], media_type=inline[1], detail=detail, extra=kept)


def _read_document(raw: Mapping[str, Any]) -> Part | None:
    document = as_object(raw.get(_DOCUMENT), _DOCUMENT)
    data = document.get("data")
    extra = own(bag(raw, (_DOCUMENT,)))
    extra[_DOCUMENT] = own(bag(document, ("data",)))
    if isinstance(data, str):
        # The place of the text, which says that it was one and no object.
        extra[_DOCUMENT]["data"] = ""
        return Text(data, {DIALECT: extra})
    return Text(encode(as_object(data, "document.data")).decode(), {DIALECT: extra})


_READ: Mapping[str, Callable[[Mapping[str, Any]], Part | None]] = {
    "text": _read_text,
    "thinking": _read_thinking,
    "image_url": _read_image,
    "document": _read_document,
}


def write_content(parts: Sequence[Part], notes: list[str]) -> str | list[dict[str, Any]]:
    """The blocks of ``parts``, or a plain string. Empty texts say nothing."""
    said = [part for part in parts if type(part) is not Text or part.text or own(part.extra)]
    if not said:
        return ""
    if len(said) == 1 and type(said[0]) is Text and not own(said[0].extra):
        return said[0].text
    return [write_block(part, notes) for part in said]


def write_block(part: Part, notes: list[str]) -> dict[str, Any]:
    if type(part) is Text:
        extra = own(part.extra)
        if extra.get("type") == _DOCUMENT:
            return _write_document(part.text, extra)
        return {"type": "text", "text": part.text} | extra
    if type(part) is Image:
        return _write_image(part)
    if type(part) is Reasoning:
        if part.signature is not None:
            notes.append("a reasoning block's signature was left out; this dialect has none")
        return {"type": "thinking", "thinking": part.text} | own(part.extra)
    if type(part) is Refusal:
        notes.append("an earlier refusal was sent as plain text; this dialect has no part for it")
        return {"type": "text", "text": part.text}
    if type(part) is Opaque and part.dialect == DIALECT:
        return dict(part.raw)
    what = f"content of {part.dialect}" if type(part) is Opaque else f"a {type(part).__name__}"
    raise UnsupportedError(f"{what} cannot be said here in {DIALECT}")


def _write_document(text: str, extra: dict[str, Any]) -> dict[str, Any]:
    """Its text may have been changed on the way, and be no object any more."""
    document = dict(extra[_DOCUMENT])
    whole = "data" in document or not _is_object(text)
    document["data"] = text if whole else msgspec.Raw(text.encode())
    return extra | {_DOCUMENT: document}


def _is_object(text: str) -> bool:
    try:
        return isinstance(decode(text.encode()), dict)
    except ValueError:
        return False


def _write_image(part: Image) -> dict[str, Any]:
    url = part.url
    if part.data is not None:
        if part.media_type is None:
            raise UnsupportedError("an image given as data needs its media_type, as image/png")
        url = f"data:{part.media_type};base64,{part.data}"
    if url is None:
        raise UnsupportedError("an image needs a url, or data and a media_type")
    image: dict[str, Any] = {"url": url}
    if part.detail is not None:
        image["detail"] = part.detail
    extra = own(part.extra)
    return {"type": "image_url", "image_url": image | extra.pop("image_url", {})} | extra
