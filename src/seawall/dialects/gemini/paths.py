"""The model and the method, which stand in the path here: ``/models/{model}:{method}``."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from ...errors import BadRequestError, UnsupportedError

__all__ = ["method_of", "path_of", "target_of"]

_WHOLE, _STREAMED = "generateContent", "streamGenerateContent"
#: A model, or a tuned one under its full name; on Google Cloud they stand below a publisher.
_PATH = re.compile(
    rf"(?:.*/)?(?:models/([^/:]+)|(tunedModels/[^/:]+)):({_WHOLE}|{_STREAMED})(?:\?.*)?"
)


def method_of(stream: bool) -> str:
    return _STREAMED if stream else _WHOLE


def path_of(model: str, method: str) -> str:
    """Raises ``UnsupportedError`` for a name that no path can hold."""
    if not model or any(part in ("", ".", "..") for part in model.split("/")):
        raise UnsupportedError(f"the model {model!r} cannot stand in a URL")
    name = quote(model, safe="/")
    return f"/{name}:{method}" if "/" in model else f"/models/{name}:{method}"


def target_of(path: str) -> tuple[str, bool]:
    """The model, and whether a stream is wanted. Raises ``BadRequestError`` for another path."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise BadRequestError(
            f"the path {path!r} names no model and method; it must end as "
            f"/models/MODEL:{_WHOLE} or :{_STREAMED} does",
            status=404,
        )
    return unquote(found[1] or found[2]), found[3] == _STREAMED
