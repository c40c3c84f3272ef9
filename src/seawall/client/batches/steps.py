"""The requests that a batch takes, with the policies of every other call."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from msgspec.structs import replace

from ...core import Call, Handler, Reply, Route, Watch, ask, expire, run, send
from ...errors import ConnectionFault, Fault, MalformedReplyError, OverloadedError, TimeoutFault
from ...operations import OperationAnswer, OperationRequest
from ...ports import (
    Draft,
    Framer,
    Headers,
    Inbound,
    Operation,
    Outbound,
    Quirks,
    Reader,
    Timeouts,
    Transport,
    Wire,
)
from ...types import Request, Response
from ..assemble import Assembly
from ..options import CallPolicies

__all__ = ["Download", "Steps", "refused"]

_OPERATION = "batch"
#: Bytes a second at which an upload is expected to be taken at the least.
_SLOWEST = 250_000
_ERROR_BODY = 64 * 1024


class _Step(OperationRequest, frozen=True, kw_only=True):
    draft: Draft


class _Said(OperationAnswer, frozen=True, kw_only=True):
    body: bytes


class _StepCodec:
    def encode(self, request: _Step, quirks: Quirks, /) -> Draft:
        return request.draft

    def decode(self, body: bytes, request: _Step, /) -> _Said:
        return _Said(body=body)


class _StepWire:
    """``inner``, which can be asked a draft as it stands, too."""

    def __init__(self, inner: Wire) -> None:
        self._inner = inner
        self.name = inner.name
        self.operations: Mapping[str, Operation] = {_OPERATION: _StepCodec()}

    def encode(self, request: Request, quirks: Quirks, /) -> Draft:
        return self._inner.encode(request, quirks)

    def decode(self, body: bytes, /) -> Response:
        return self._inner.decode(body)

    def framer(self) -> Framer:
        return self._inner.framer()

    def reader(self) -> Reader:
        return self._inner.reader()

    def fault(self, status: int, headers: Mapping[str, str], body: bytes, /) -> Fault:
        return self._inner.fault(status, headers, body)


class _Unlimited:
    """Replies of any length: those of a batch are as long as the batch. What submits one is sent
    once."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    async def __call__(self, outbound: Outbound, /) -> Inbound:
        once = outbound.method != "GET"
        return await self._inner(replace(outbound, stream=True, once=once))

    async def aclose(self) -> None:
        await self._inner.aclose()


_Step.operation = _OPERATION


class Download:
    """A reply that is read as it comes. ``read`` gives its next bytes, ``b""`` at its end; what
    breaks it off is raised as a ``Fault``."""

    def __init__(self, call: Call, inbound: Inbound) -> None:
        self._call = call
        self._inbound = inbound
        self._watch = Watch(call.clock, call.timeouts.idle)

    async def read(self) -> bytes:
        idle = self._call.timeouts.idle
        due = None if idle is None else self._call.clock.now() + idle
        self._watch.arm(due, partial(expire, self._inbound, "idle", idle or 0.0))
        data = await self._inbound.read()
        self._watch.rest()
        return data

    def close(self) -> None:
        self._watch.close()
        self._inbound.abort()


class _Opened(OperationAnswer, frozen=True, kw_only=True):
    download: Download


class Steps:
    """What can be asked of ``route``'s vendor about its batches."""

    def __init__(self, assembly: Assembly, route: Route, policies: CallPolicies) -> None:
        wire, transport = _StepWire(route.wire), _Unlimited(route.transport)
        self.route = replace(route, wire=wire, transport=transport)
        self.policies = policies
        self._assembly = assembly

    async def ask(self, draft: Draft) -> tuple[bytes, Headers]:
        """The whole answer to a question that may be asked again."""
        return await self._ask(draft, send, self.policies.deadline)

    async def load(self, draft: Draft, *, again: bool) -> bytes:
        """The answer to a large question, which gets time for its size. Unless it may be asked
        ``again``, it is only where the first was refused for certain."""
        deadline = _longer(self.policies.deadline, len(draft.body) / _SLOWEST)
        body, _ = await self._ask(draft, send if again else _once, deadline)
        return body

    async def open(self, draft: Draft) -> Download:
        """The answer, to be read as it comes."""
        deadline = replace(self.policies.deadline, total=None)
        answer = (await self._run(draft, _open, deadline)).answer
        assert isinstance(answer, _Opened)
        return answer.download

    async def _ask(
        self, draft: Draft, sender: Handler, deadline: Timeouts
    ) -> tuple[bytes, Headers]:
        reply = await self._run(draft, sender, deadline)
        assert isinstance(reply.answer, _Said)
        return reply.answer.body, reply.headers

    async def _run(self, draft: Draft, sender: Handler, deadline: Timeouts) -> Reply:
        handler = self._assembly.handler([self.route], (), self.policies, sender)
        step = _Step(model=self.route.model, draft=draft)
        return await run(handler, Call(step, self._assembly.clock, timeouts=deadline))


def _longer(deadline: Timeouts, seconds: float) -> Timeouts:
    first, total = deadline.first_byte, deadline.total
    return replace(
        deadline,
        first_byte=None if first is None else first + seconds,
        total=None if total is None else total + seconds,
    )


async def _once(call: Call) -> Reply:
    """``send``, whose faults are only retried where nothing was accepted for certain."""
    try:
        return await send(call)
    except Fault as fault:
        fault.retry = fault.retry and refused(fault)
        raise


def refused(fault: Fault) -> bool:
    """Whether ``fault`` means that a submission was not accepted, for certain. A server that is
    overloaded and says when to come back has accepted nothing."""
    if fault.blames == "nobody" or (isinstance(fault, ConnectionFault) and fault.unsent):
        return True
    if isinstance(fault, TimeoutFault):
        return fault.phase in ("connect", "pool")
    status = fault.status or 0
    if isinstance(fault, OverloadedError):
        return status == 529 or fault.after is not None or fault.until is not None
    return 300 <= status < 500 and status != 408


async def _open(call: Call) -> Reply:
    """``send`` for a reply that is not read here."""
    route, question = call.route, call.question
    assert route is not None
    assert isinstance(question, _Step)
    watch = Watch(call.clock, call.timeouts.idle)
    try:
        inbound = await ask(call, route, question.draft, watch)
    finally:
        watch.close()
    download = Download(call, inbound)
    if 200 <= inbound.status < 300:
        if not inbound.headers.get("content-type", "").startswith("text/html"):
            return Reply(call, answer=_Opened(download=download), headers=inbound.headers)
        download.close()
        raise MalformedReplyError(
            "the reply is an HTML page; is base_url the API's address?", status=inbound.status
        )
    body = b""
    try:
        while len(body) < _ERROR_BODY and (data := await download.read()):
            body += data
    finally:
        download.close()
    raise route.wire.fault(inbound.status, inbound.headers, body)
