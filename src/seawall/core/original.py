"""A caller's request as it came: read only when somebody has to understand it."""

from __future__ import annotations

from ..errors import BadRequestError, UnsupportedError
from ..ports import Draft, Face, Head, Headers, Secret
from ..types import Request

__all__ = ["Original"]


class Original:
    """The bytes of a request in the words of ``face``.

    ``headers``, the caller's credentials among them, and ``query`` go where the bytes go, and
    nowhere else.
    """

    __slots__ = ("_request", "body", "face", "head", "headers", "path", "query")

    def __init__(
        self,
        face: Face,
        head: Head,
        body: bytes,
        *,
        path: str,
        headers: tuple[tuple[str, str | Secret], ...] = (),
        query: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.face = face
        self.head = head
        self.body = body
        self.path = path
        self.headers = headers
        self.query = query
        self._request: Request | None = None

    @property
    def request(self) -> Request:
        """The request, read at the first asking. Raises ``UnsupportedError`` for one that its
        own dialect's reader does not understand: the provider it was written for may."""
        if self._request is None:
            try:
                self._request = self.face.read(self.path, _plain(self.headers), self.body)
            except BadRequestError as error:
                raise UnsupportedError(f"the request cannot be translated: {error}") from None
        return self._request

    def draft(self) -> Draft:
        """The request to be sent as it came. A stream is asked for its usage, without which
        nobody can say what it cost; whoever hands the reply on withholds what was not asked."""
        return Draft(
            path=self.path,
            body=self.face.metered(self.body, self.head),
            headers=self.headers,
            query=self.query,
        )


def _plain(headers: tuple[tuple[str, str | Secret], ...]) -> Headers:
    return Headers([(name, value) for name, value in headers if isinstance(value, str)])
