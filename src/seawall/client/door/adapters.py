"""The door as a transport of httpx or httpx2, asynchronous and not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import Any

from ...errors import ConnectionFault, Fault, TimeoutFault
from ..closing import close
from ..loop import post, run_in_loop
from .answers import Answer, Body
from .asked import Asked, asked
from .door import Door

__all__ = ["transports"]


@cache
def transports(library: ModuleType) -> tuple[type[Any], type[Any]]:
    """The transports of ``library`` (``httpx`` or ``httpx2``) that ask a ``Door``: the
    asynchronous one and the other. Made for each library since its client demands bodies that
    are instances of its own classes."""
    lib: Any = library

    class Refusal(lib.Response):
        """A reply that the SDK takes for a failed connection. Were its error raised while the
        SDK sends, it would send again; it asks a reply for its status, or what an error says,
        outside of that."""

        error: Exception

        def raise_for_status(self) -> Any:
            raise self.error

        @property
        def text(self) -> str:
            raise self.error

    def respond(question: Asked, answer: Answer, request: Any, streamed: type[Any]) -> Any:
        response = _response(lib.Response, answer, request, streamed)
        fault, sdk = answer.fault, question.sdk
        error = None if fault is None or sdk is None else sdk.error(fault, response)
        if fault is None or sdk is None or error is None:
            return response
        error.__cause__ = fault
        error.add_note(str(fault))
        if sdk.insists:
            raise error
        refusal = _response(Refusal, answer, request, streamed)
        refusal.error = error
        return refusal

    class AsyncBody(lib.AsyncByteStream):
        def __init__(self, body: Body, request: Any) -> None:
            self._body = body
            self._request = request

        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                while data := await self._body.next():
                    yield data
            except Fault as fault:
                raise _broken(lib, fault, self._request) from fault

        async def aclose(self) -> None:
            self._body.cancel()

    class SyncBody(lib.SyncByteStream):
        def __init__(self, body: Body, request: Any) -> None:
            self._body = body
            self._request = request

        def __iter__(self) -> Iterator[bytes]:
            try:
                while data := run_in_loop(self._body.next()):
                    yield data
            except Fault as fault:
                raise _broken(lib, fault, self._request) from fault

        def close(self) -> None:
            post(self._body.cancel)

    class AsyncTransport(lib.AsyncBaseTransport):
        def __init__(self, door: Door) -> None:
            self._door = door

        async def handle_async_request(self, request: Any) -> Any:
            question = _asked(lib, request, await request.aread(), self._door.package)
            try:
                answer = await self._door.ask(question)
            except Fault as fault:
                raise _broken(lib, fault, request) from fault
            return respond(question, answer, request, AsyncBody)

        async def aclose(self) -> None:
            await self._door.assembly.aclose()

    class SyncTransport(lib.BaseTransport):
        def __init__(self, door: Door) -> None:
            self._door = door

        def handle_request(self, request: Any) -> Any:
            question = _asked(lib, request, request.read(), self._door.package)
            try:
                answer = run_in_loop(self._door.ask(question))
            except Fault as fault:
                raise _broken(lib, fault, request) from fault
            return respond(question, answer, request, SyncBody)

        def close(self) -> None:
            close(self._door.assembly)

    return AsyncTransport, SyncTransport


def _asked(lib: Any, request: Any, body: bytes, package: str | None) -> Asked:
    timeout: Mapping[str, float | None] = request.extensions.get("timeout") or {}
    url = str(request.url)
    question = asked(request.method, url, request.headers.raw, body, timeout, package)
    if question.place.url != url:
        # The library logs it, and its errors hold it.
        request.url = lib.URL(question.place.url)
    return question


def _response(kind: Any, answer: Answer, request: Any, streamed: type[Any]) -> Any:
    body = answer.body
    if isinstance(body, bytes):
        return kind(answer.status, headers=answer.headers, content=body, request=request)
    stream = streamed(body, request)
    return kind(answer.status, headers=answer.headers, stream=stream, request=request)


def _broken(lib: Any, fault: Fault, request: Any) -> Exception:
    """A fault as the library's own exception, which the SDK knows."""
    if isinstance(fault, TimeoutFault):
        kind = {"connect": lib.ConnectTimeout, "pool": lib.PoolTimeout}.get(
            fault.phase, lib.ReadTimeout
        )
    elif isinstance(fault, ConnectionFault):
        kind = lib.ReadError if fault.delivered else lib.ConnectError
    else:
        kind = lib.RemoteProtocolError
    return kind(str(fault), request=request)
