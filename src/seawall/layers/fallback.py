"""Fallback: an ordered chain of routes, and what to say when none of them answers."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ..core import Call, Handler, Refused, Reply, Route, given
from ..errors import (
    AuthenticationError,
    BadRequestError,
    ContentFilterError,
    ContextLengthError,
    Fault,
    PermissionDeniedError,
    UnsupportedError,
)
from ..operations import OperationRequest
from ..types import Choice, Message, Request, Response, Text
from .fit import fit

__all__ = ["FallbackLayer", "barred", "helps"]

_log = logging.getLogger("seawall.fallback")


def helps(fault: Fault, failed: Route, other: Route, *, first: bool) -> bool:
    """Whether ``other`` can answer what ``failed`` could not. A request that the first route
    refuses as bad is bad; one that only a later route refuses may still suit another."""
    if fault.delivered:
        return False
    if fault.reroute == "larger":
        return failed.window is None or other.window is None or other.window > failed.window
    if fault.reroute == "none":
        return not first and type(fault) is BadRequestError
    return True


class FallbackLayer:
    """Asks ``routes`` in order; ``missing`` are those that cannot be taken, and why. ``reply`` is
    the text given when no route is available; without it the first real fault is raised, and
    the others are named in its notes."""

    def __init__(
        self,
        routes: Sequence[Route],
        missing: Sequence[tuple[str, str]] = (),
        reply: str | None = None,
    ) -> None:
        self.routes = tuple(routes)
        self._missing = tuple(missing)
        self._reply = reply

    def __call__(self, inner: Handler, /) -> Handler:
        async def handler(call: Call) -> Reply:
            if not call.decision.candidates:  # a re-ask comes here again
                call.decision.candidates = [route.name for route in self.routes]
                call.decision.refused += [Refused(name, why) for name, why in self._missing]
            faults: list[Fault] = []
            left = list(self.routes)
            while left:
                route = left.pop(0)
                call.route = route
                try:
                    return await inner(self.fork(call, route, last=not left))
                except Fault as fault:
                    faults.append(fault)
                    first = route is self.routes[0]
                    left = self.eligible(call, fault, route, left, first=first)
                    if left:
                        _log.warning("%s; asking %s instead", fault, left[0].name)
            return await self._give_up(call, faults)

        return handler

    def fork(self, call: Call, route: Route, *, last: bool) -> Call:
        """The call as ``route`` is asked it; ``last`` if no other route can take over."""
        if call.original is not None and route.verbatim:
            child = call.fork(route)
        else:
            request, notes = fit(self._understood(call, route), route)
            for note in notes:
                call.note(note)
            child = call.fork(route, request)
        child.last_route = last
        if call.attempts_left is not None:
            child.attempts_left = call.attempts_left - len(call.decision.attempts)
        return child

    def _understood(self, call: Call, route: Route) -> Request | OperationRequest:
        try:
            return call.question
        except UnsupportedError as error:
            at = round(call.elapsed(), 6)
            call.decision.refused.append(Refused(route.name, str(error), at))
            raise

    def _alarm(self, call: Call, fault: Fault) -> None:
        if isinstance(fault, (AuthenticationError, PermissionDeniedError)):
            call.note(f"alarm: {fault}")
            _log.error("%s; check the key of this vendor", fault)

    def eligible(
        self, call: Call, fault: Fault, failed: Route, left: Sequence[Route], *, first: bool
    ) -> list[Route]:
        """Those of ``left`` that may answer what ``failed`` could not; see ``helps``."""
        self._alarm(call, fault)
        why = barred(call)
        able = [r for r in left if not why and helps(fault, failed, r, first=first)]
        for route in left:
            if route not in able:
                at = round(call.elapsed(), 6)
                reason = why or f"cannot help with {fault.kind} of {failed.name}"
                call.decision.refused.append(Refused(route.name, reason, at))
        return able

    async def _give_up(self, call: Call, faults: Sequence[Fault]) -> Reply:
        told = _telling(faults)
        if self._reply is not None and all(_is_outage(fault) for fault in faults):
            call.note(f"the configured fallback reply was given: {told}")
            message = Message("assistant", (Text(self._reply),))
            choice = Choice(message=message, finish_reason="stop")
            return await given(call, Response(choices=(choice,)), canned=True)
        for fault in faults:
            if fault is not told:
                told.add_note(f"also tried {fault}")
        raise told


def barred(call: Call) -> str:
    """Why nobody else may be asked, whatever went wrong; empty if somebody may."""
    left = call.left()
    if left is not None and left <= 0:
        return "no time is left (deadline.total)"
    return "the attempts granted by the caller are spent" if call.spent else ""


def _telling(faults: Sequence[Fault]) -> Fault:
    """The fault to raise: the one that stopped the chain, else the first route's, but not one
    of our own refusals while a provider had something to say."""
    if isinstance(faults[-1], ContentFilterError):
        return faults[-1]
    return next((fault for fault in faults if fault.blames != "nobody"), faults[0])


def _is_outage(fault: Fault) -> bool:
    """The caller's question is not to blame, nor is its content."""
    return not isinstance(fault, (BadRequestError, ContextLengthError, ContentFilterError))
