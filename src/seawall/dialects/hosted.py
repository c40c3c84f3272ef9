"""A dialect at a place that is not its own: a cloud that has the model in the path, the version in
the body, or the account in both. What differs is data; what is asked and answered is the dialect's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ..errors import Fault, UnsupportedError
from ..operations import OperationAnswer
from ..ports import Draft, Framer, Operation, Quirks, Reader, Wire
from ..types import Request, Response

__all__ = ["Hosted", "Hosting"]

#: What may stand in a path's segment (RFC 3986, 3.3). A server that cuts parameters off would not
#: see what follows a semicolon.
_SAFE = "-._~!$&'()*+,=:@"
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Hosting(Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """Where a request goes, and what of it changes on the way.

    ``path``, ``stream_path`` (if streams have one of their own): templates in which ``{path}`` is
    the dialect's and ``{model}`` the model's name; a vendor's variables are filled in before.
    ``query``: parameters that are added. ``body``: fields that are added; ``without``: fields that
    are taken out. ``bare``: headers that are not sent; ``moved``: headers whose values, parted by
    commas, become a list in the body, by the name of its field.
    """

    path: str = "{path}"
    stream_path: str = ""
    query: dict[str, str] = {}
    body: dict[str, Any] = {}
    without: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    moved: dict[str, str] = {}

    def place(self, draft: Draft, model: str, stream: bool) -> Draft:
        """``draft`` as it is sent there. Raises ``UnsupportedError`` for a model whose name no
        path can hold."""
        template = self.stream_path if stream and self.stream_path else self.path
        if not model and "{path}" in template:
            template = "{path}"  # what is asked of no model, such as a list of them
        moved = {name.lower(): field for name, field in self.moved.items()}
        body = dict(self.body)
        headers: list[Any] = []
        for name, value in draft.headers:
            field = moved.get(name.lower())
            if field is not None:
                body[field] = [part.strip() for part in str(value).split(",")]
            elif name.lower() not in self.bare:
                headers.append((name, value))
        return replace(
            draft,
            path=template.replace("{model}", _segment(model, template)).replace(
                "{path}", draft.path
            ),
            query=(*self.query.items(), *draft.query),
            headers=tuple(headers),
            body=self._edited(draft.body, body),
        )

    def _edited(self, body: bytes, added: Mapping[str, Any]) -> bytes:
        if not body or not (added or self.without):
            return body
        fields: dict[str, Any] = {**added, **_fields(body)}
        for name in self.without:
            fields.pop(name, None)
        return msgspec.json.encode(fields)


def _segment(model: str, template: str) -> str:
    if "{model}" in template and (not model or model in (".", "..")):
        raise UnsupportedError(f"the model {model!r} cannot stand in a URL")
    return quote(model, safe=_SAFE)


class Hosted:
    """``Wire`` of ``inner``'s dialect at the place that ``hosting`` describes."""

    def __init__(self, inner: Wire, hosting: Hosting) -> None:
        self._inner = inner
        self._hosting = hosting
        self.name = inner.name

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            name: _HostedOperation(inner, self._hosting)
            for name, inner in self._inner.operations.items()
        }

    def encode(self, request: Request, quirks: Quirks, /) -> Draft:
        draft = self._inner.encode(request, quirks)
        return self._hosting.place(draft, request.model, request.stream)

    def decode(self, body: bytes, /) -> Response:
        return self._inner.decode(body)

    def framer(self) -> Framer:
        return self._inner.framer()

    def reader(self) -> Reader:
        return self._inner.reader()

    def fault(self, status: int, headers: Mapping[str, str], body: bytes, /) -> Fault:
        return self._inner.fault(status, headers, body)


class _HostedOperation:
    def __init__(self, inner: Operation, hosting: Hosting) -> None:
        self._inner = inner
        self._hosting = hosting

    def encode(self, request: Any, quirks: Quirks, /) -> Draft:
        return self._hosting.place(self._inner.encode(request, quirks), request.model, False)

    def decode(self, body: bytes, request: Any, /) -> OperationAnswer:
        return self._inner.decode(body, request)
