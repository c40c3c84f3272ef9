"""The innermost handler: encode, carry, decode. One attempt, one route."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from urllib.parse import urlencode

from msgspec.structs import replace

from ..errors import Fault, MalformedReplyError, Phase, TimeoutFault, UnsupportedError
from ..folding import unfold
from ..operations import OperationAnswer, OperationRequest
from ..ports import Draft, Headers, Inbound, Operation, Outbound, Secret
from ..types import Event, Request, Response
from .call import Call, Route
from .clock import Watch, expire
from .hopeless import check_texts, check_window, gone
from .reply import Reply
from .wire_stream import WireStream

__all__ = ["ATTEMPTS_HEADER", "DEADLINE_HEADER", "ask", "given", "send"]

#: Nested layers read these, so that attempts and deadlines never multiply.
ATTEMPTS_HEADER = "x-seawall-attempts-left"
DEADLINE_HEADER = "x-seawall-deadline-ms"

_ERROR_BODY = 64 * 1024
_ERROR_BODY_SECONDS = 5.0


async def send(call: Call) -> Reply:
    """Ask ``call.route`` once. Raises the fault the provider or the network caused."""
    route = call.route
    if route is None:
        raise RuntimeError("no route was chosen for the call")
    if route.retired:
        raise gone(route)
    draft = _draft(call, route)
    for note in draft.notes:
        call.note(note)
    watch = Watch(call.clock, call.timeouts.idle)
    inbound: Inbound | None = None
    reply: Reply | None = None
    try:
        inbound = await ask(call, route, draft, watch)
        if not 200 <= inbound.status < 300:
            raise await _fault(call, route, inbound, watch)
        if call.stream and not _is_json(inbound):
            reply = await _stream(call, route, inbound, watch)
            return reply
        return await _whole(call, route, inbound, watch)
    except Fault:
        raise
    except BaseException:
        if inbound is not None:
            inbound.abort()
        raise
    finally:
        if reply is None:
            watch.close()


def _draft(call: Call, route: Route) -> Draft:
    if route.verbatim and call.original is not None:
        return call.original.draft()
    question = call.question
    if isinstance(question, OperationRequest):
        draft = _operation(route, question).encode(question, route.quirks)
        remark = check_texts(question, route)
        if remark:
            call.note(remark)
        return draft
    draft = route.wire.encode(question, route.quirks)
    check_window(question, route, draft)
    return draft


def _operation(route: Route, request: OperationRequest) -> Operation:
    found = route.wire.operations.get(request.operation)
    if found is None:
        raise UnsupportedError(
            f"the dialect {route.wire.name} has no {request.operation}; ask another vendor"
        )
    return found


async def ask(call: Call, route: Route, draft: Draft, watch: Watch) -> Inbound:
    """Have the transport ask, under the deadlines for the first byte and for the whole call,
    once whoever keeps records has been told. ``watch`` rests afterwards."""
    task: asyncio.Task[Any] | None = asyncio.current_task()
    if task is None:
        raise RuntimeError("a call needs a running task")
    limits = call.timeouts
    now = call.clock.now()
    phase: Phase = "total"
    due, limit = call.deadline, call.limit
    if limits.first_byte is not None and (due is None or now + limits.first_byte < due):
        phase, due, limit = "first_byte", now + limits.first_byte, limits.first_byte
    outbound = _outbound(call, route, draft)
    if call.before_send is not None:
        call.before_send(call)
    cancelling = task.cancelling()
    watch.arm(due, task.cancel)
    try:
        inbound = await route.transport(outbound)
    except asyncio.CancelledError:
        if watch.fired and task.uncancel() <= cancelling:
            raise TimeoutFault(phase, limit or 0.0) from None
        raise
    finally:
        watch.rest()
    if call.attempt is not None:
        call.attempt.status = inbound.status
        headers = inbound.headers
        call.attempt.request_id = (
            headers.get("x-request-id")
            or headers.get("request-id")
            or headers.get("x-amzn-requestid")
        )
    return inbound


def _outbound(call: Call, route: Route, draft: Draft) -> Outbound:
    headers: list[tuple[str, str | Secret]] = [*draft.headers, *route.headers]
    if call.attempts_left is not None:
        headers.append((ATTEMPTS_HEADER, str(call.attempts_left)))
    left = call.left()
    if left is not None:
        headers.append((DEADLINE_HEADER, str(max(0, int(left * 1000)))))
    url = route.base_url + draft.path
    if draft.query:
        url += "?" + urlencode(draft.query)
    return Outbound(
        method=draft.method,
        url=url,
        headers=tuple(headers),
        body=draft.body,
        stream=call.stream,
        connect_timeout=call.timeouts.connect,
    )


def _is_json(inbound: Inbound) -> bool:
    """Some servers answer a streamed question in one piece."""
    return inbound.headers.get("content-type", "").startswith("application/json")


async def _fault(call: Call, route: Route, inbound: Inbound, watch: Watch) -> Fault:
    """The provider's error as a fault. A body that is late or broken is done without."""
    body = bytearray()
    due = call.clock.now() + _ERROR_BODY_SECONDS
    watch.arm(due if call.deadline is None else min(due, call.deadline), inbound.abort)
    try:
        while len(body) < _ERROR_BODY and (data := await inbound.read()):
            body += data
        inbound.release()
    except Fault:
        pass
    fault = route.wire.fault(inbound.status, inbound.headers, bytes(body))
    fault.dialect = route.wire.name
    if call.attempt is not None and fault.request_id is not None:
        call.attempt.request_id = fault.request_id
    return fault


async def _whole(call: Call, route: Route, inbound: Inbound, watch: Watch) -> Reply:
    _refuse_page(inbound)
    body = await _body(call, inbound, watch)
    question = call.question if call.original is None else None
    response: Response | OperationAnswer
    try:
        if isinstance(question, OperationRequest):
            response = _operation(route, question).decode(body, question)
        else:
            response = route.wire.decode(body)
    except ValueError as error:
        kind, what = inbound.headers.get("content-type", "no content type"), _what(question)
        raise MalformedReplyError(
            f"the reply is no {route.wire.name} {what}: {error} ({kind}, {len(body)} bytes)",
            status=inbound.status,
            headers=inbound.headers,
            body=body,
        ) from None
    if isinstance(response, OperationAnswer):
        return Reply(call, answer=response, headers=inbound.headers)
    call.mark_first_token()
    if call.stream:
        return await given(call, response, headers=inbound.headers)
    same = call.face == route.wire.name
    return Reply(call, response=response, headers=inbound.headers, body=body if same else None)


def _what(question: Request | OperationRequest | None) -> str:
    return question.operation if isinstance(question, OperationRequest) else "response"


async def given(
    call: Call, response: Response, *, canned: bool = False, headers: Headers | None = None
) -> Reply:
    """A reply out of a complete response, as a stream if the call asked for one."""
    if not call.stream:
        return Reply(call, response=response, canned=canned)
    # It is all there, whether or not it says why it ends.
    choices = tuple(
        choice if choice.finish_reason else replace(choice, finish_reason="stop")
        for choice in response.choices
    )
    reader = _Given(unfold(replace(response, choices=choices)))
    stream = WireStream(call, _Spent(), _Unframed(), reader, Watch(call.clock))
    await stream.prime()
    return Reply(call, stream=stream, canned=canned, headers=headers)


async def _body(call: Call, inbound: Inbound, watch: Watch) -> bytes:
    pieces: list[bytes] = []
    while True:
        due, phase, seconds = call.idle_due()
        watch.arm(due, partial(expire, inbound, phase, seconds))
        data = await inbound.read()
        if not data:
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.append(data)


async def _stream(call: Call, route: Route, inbound: Inbound, watch: Watch) -> Reply:
    _refuse_page(inbound)
    same = call.face == route.wire.name
    stream = WireStream(call, inbound, route.wire.framer(), route.wire.reader(), watch, keep=same)
    await stream.prime()
    return Reply(call, stream=stream, headers=inbound.headers)


def _refuse_page(inbound: Inbound) -> None:
    if inbound.headers.get("content-type", "").startswith("text/html"):
        inbound.abort()
        raise MalformedReplyError(
            "the reply is an HTML page; is base_url the API's address?",
            status=inbound.status,
            headers=inbound.headers,
        )


class _Spent:
    """An inbound whose body was read already: the stream made of it has one frame."""

    status = 200
    headers = Headers()

    def __init__(self) -> None:
        self._left = [b"", b"whole"]

    async def read(self) -> bytes:
        return self._left.pop()

    def release(self) -> None: ...

    def abort(self, fault: Fault | None = None, /) -> None: ...


class _Unframed:
    def feed(self, data: bytes, /) -> list[bytes]:
        return [data]

    def end(self) -> list[bytes]:
        return []


class _Given:
    """A reader that was given its events."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events
        self.done = False

    def feed(self, frame: bytes, /) -> list[Event]:
        return self._events
