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
from .sdks import connection_errors

__all__ = ["transports"]


@cache
def transports(library: ModuleType, sdk: str) -> tuple[type[Any], type[Any]]:
    """The transports of ``library`` (``httpx`` or ``httpx2``) that ask a ``Door`` for ``sdk``: the
    asynchronous one and the other. Made for each library since its client demands bodies that
    are instances of its own classes."""
    lib: Any = library
    error_for = connection_errors(sdk)

    class Refusal(lib.Response):
        """A reply that the SDK takes for a failed connection. Were its error raised while the
        SDK sends, it would send again; it asks a reply for its status outside of that."""

        error: Exception

        def raise_for_status(self) -> Any:
            raise self.error

    def respond(answer: Answer, request: Any, streamed: type[Any]) -> Any:
        error = None if answer.fault is None else error_for(answer.fault, request)
        if error is None:
            return _response(lib.Response, answer, request, streamed)
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
            question = _asked(request, await request.aread())
            try:
                answer = await self._door.ask(question)
            except Fault as fault:
                raise _broken(lib, fault, request) from fault
            return respond(answer, request, AsyncBody)

        async def aclose(self) -> None:
            await self._door.assembly.aclose()

    class SyncTransport(lib.BaseTransport):
        def __init__(self, door: Door) -> None:
            self._door = door

        def handle_request(self, request: Any) -> Any:
            question = _asked(request, request.read())
            try:
                answer = run_in_loop(self._door.ask(question))
            except Fault as fault:
                raise _broken(lib, fault, request) from fault
            return respond(answer, request, SyncBody)

        def close(self) -> None:
            close(self._door.assembly)

    return AsyncTransport, SyncTransport


def _asked(request: Any, body: bytes) -> Asked:
    timeout: Mapping[str, float | None] = request.extensions.get("timeout") or {}
    return asked(request.method, str(request.url), request.headers.raw, body, timeout)


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
