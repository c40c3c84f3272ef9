"""One asking of one route: its own ends, and its line in the decision record."""

from __future__ import annotations

from functools import partial

from ..core import Attempt, Call, End, Handler, Refused, Reply, run

__all__ = ["attempt"]


def attempt(inner: Handler) -> Handler:
    """Always present, directly outside what is done once an attempt (breaker, send)."""

    async def handler(call: Call) -> Reply:
        child = call.fork()
        record = Attempt(
            n=len(call.decision.attempts) + 1,
            model=call.model,
            at=round(call.elapsed(), 6),
            waited=round(call.waited, 6),
            wait_reason=call.wait_reason,
        )
        child.attempt = record
        call.decision.attempts.append(record)
        child.on_end(partial(_close, child, record))
        return await run(inner, child)

    return handler


def _close(call: Call, record: Attempt, end: End) -> None:
    fault = end.fault
    if fault is not None and fault.blames == "nobody":
        # Nothing was sent: the route was refused, not asked.
        call.decision.attempts.remove(record)
        call.decision.refused.append(Refused(record.model, str(fault), record.at))
        return
    record.took = round(call.elapsed() - record.at, 6)
    record.outcome = end.outcome
    if fault is not None:
        record.reason = str(fault)
        record.status = fault.status or record.status
        if end.outcome == "fault":
            record.outcome = fault.kind
