"""Where an SDK's request goes, and who understands it there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit

from msgspec import Struct

from ...dialects.anthropic import FACE as ANTHROPIC
from ...dialects.cohere import FACE as COHERE
from ...dialects.gemini import FACE as GEMINI
from ...dialects.openai_chat import FACE as CHAT
from ...dialects.openai_responses import FACE as RESPONSES
from ...ports import Face, Secret

__all__ = ["KEY", "Place", "place", "without_key"]

#: The faces by the end of a request's path.
_FACES: Mapping[str, Face] = {
    "/chat/completions": CHAT,
    "/responses": RESPONSES,
    "/v1/messages": ANTHROPIC,
    "/v2/chat": COHERE,
}
#: Where Gemini's path begins, which holds the model too.
_MODEL = re.compile(r"/(models|tunedModels)/[^/:]+:(generateContent|streamGenerateContent)$")
#: Paths of Google's, whatever their host.
_GOOGLE = re.compile(r"/v\d+(alpha|beta)\d*/|/(models|tunedModels)/[^/:]+:[a-zA-Z]+$")
#: The header of a key that Google takes from the query, too.
KEY = "x-goog-api-key"


class Place(Struct, frozen=True, kw_only=True):
    """Where a request goes: to ``url``, which is ``base``, ``path`` and ``query``. ``home`` is
    the base at which its vendor is known. ``face`` understands the request; ``None`` if nobody
    here does."""

    url: str
    base: str
    home: str
    path: str
    query: tuple[tuple[str, str], ...]
    face: Face | None


@lru_cache(maxsize=512)
def place(method: str, url: str) -> Place:
    """A fragment stays here: mistralai writes one to tell its methods apart."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    face, path = _face(parts.path, query) if method == "POST" else (None, parts.path)
    base = origin + parts.path.removesuffix(path)
    return Place(
        url=url.partition("#")[0],
        base=base,
        # The versions of its API have one price and one name.
        home=re.sub(r"/v1(alpha)?$", "/v1beta", base) if face is GEMINI else base,
        path=path,
        query=query,
        face=face,
    )


def _face(path: str, query: tuple[tuple[str, str], ...]) -> tuple[Face | None, str]:
    """Who understands a request to ``path``, and the part of it that is the dialect's own."""
    for end, face in _FACES.items():
        if path.endswith(end):
            return face, end
    found = _MODEL.search(path)
    # Unless it wants events, a stream comes as one array, for which there is no writer.
    if found and (found[2] == "generateContent" or ("alt", "sse") in query):
        return GEMINI, found[0]
    return None, path


def without_key(url: str) -> tuple[str, Secret | None]:
    """``url`` without the key that Google's may hold: addresses are logged and kept."""
    if "key=" not in url:
        return url, None
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    key = next((value for name, value in query if name == "key"), None)
    if key is None or not _GOOGLE.search(parts.path):
        return url, None
    rest = urlencode([pair for pair in query if pair[0] != "key"])
    return parts._replace(query=rest).geturl(), Secret(key, "the key in the URL")
