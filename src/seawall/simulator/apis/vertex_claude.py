"""Anthropic's messages at Google Cloud: the model stands in the path, and errors are Anthropic's.

Source: Anthropic's guide "Claude on Google Cloud", and the anthropic package, lib/vertex.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

import msgspec

from ...dialects.anthropic import AnthropicFace
from ...errors import BadRequestError
from ...ports import Head
from ...server import Request as Asked
from ...types import Request
from .anthropic import Anthropic
from .api import encode

__all__ = ["API"]

_ASKED = re.compile(
    r"/v1/projects/[^/]+/locations/[^/]+/publishers/anthropic/models/(?P<model>[^:]+)"
    r":(?:rawPredict|streamRawPredict)"
)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Face(AnthropicFace):
    """The dialect's own face, told the model that stands in the path."""

    def peek(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Head:
        return super().peek(path, headers, _named(path, body))

    def read(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Request:
        return super().read(path, headers, _named(path, body))


def _named(path: str, body: bytes) -> bytes:
    found = _ASKED.fullmatch(path)
    assert found is not None
    try:
        fields = _fields(body)
    except ValueError as error:
        raise BadRequestError(f"the request is not valid: {error}", status=400) from None
    if "anthropic_version" not in fields:
        raise BadRequestError("anthropic_version: Field required", status=400)
    del fields["anthropic_version"]
    return encode({"model": unquote(found["model"])} | fields)


class VertexClaude(Anthropic):
    name = "vertex_claude"
    face = _Face()

    def mine(self, request: Asked, /) -> bool:
        return self.asked(request.path) is not None

    def asked(self, path: str, /) -> str | None:
        return path if _ASKED.fullmatch(path) else None


API = VertexClaude()
