"""What becomes of a stream that breaks off: an error, a resumption, or nothing anybody saw.

``hold`` stands directly round the sending of an attempt, ``RecoveryLayer`` round the fallback.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import Literal, get_args

from ..core import (
    Call,
    Handler,
    Interruption,
    Reply,
    Resumed,
    State,
    Step,
    Stream,
    is_content,
)
from ..errors import Fault, StreamCutError, TimeoutFault
from ..types import Event, Finish, LogprobsDelta, Metered, ReasoningDelta, Start, TextDelta, Usage
from .continuation import Succession, Way, obstacle, refuses, tokens_of
from .fallback import FallbackLayer, barred
from .retry import Retry, RetryBudget
from .splice import Diverged, Joint

__all__ = ["MODES", "Recovery", "RecoveryLayer", "hold"]

_log = logging.getLogger("seawall.recovery")

Recovery = Literal["error", "resume", "hold"]
"""``error``: the stream raises. ``resume``: another model goes on with it where that is safe.
``hold``: nothing is given out before the answer is whole."""

MODES: tuple[str, ...] = get_args(Recovery)


def hold(inner: Handler) -> Handler:
    """Hold each attempt's stream back until it is whole: what breaks off before is retried."""

    async def handler(call: Call) -> Reply:
        call.strict = True
        reply = await inner(call)
        if reply.stream is not None:
            # Before it can fail, so that the attempt is told what it had already cost.
            reply.stream.on_end(call.end)
            await reply.stream.hold()
        return reply

    return handler


class RecoveryLayer:
    """Takes a stream that was cut up again. ``retry`` and ``budgets`` bound how often a route
    that gave a part of the answer is asked for another."""

    def __init__(
        self,
        fallback: FallbackLayer,
        retry: Retry | None,
        budgets: dict[str, RetryBudget],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.fallback = fallback
        self._retry = retry
        self._budgets = budgets
        self._chance = chance

    def __call__(self, inner: Handler, /) -> Handler:
        first = self.fallback(inner)

        async def handler(call: Call) -> Reply:
            reply = await first(call)
            if reply.stream is None or reply.canned or call.route is None:
                return reply
            most = 1 if self._retry is None else self._retry.attempts
            routes = Succession(self.fallback.routes, call.route, most)
            return Reply(call, stream=_Resumable(call, reply.stream, self, inner, routes))

        return handler

    async def pause(self, asked: Call, way: Way) -> None:
        """Wait as before a retry of ``way``. Raises ``_Spent`` where there may be none."""
        now, name = asked.clock.now(), way.route.name
        if self._retry is None:
            raise _Spent("retries are off")
        again = self._retry.decide(
            asked.tried,
            # As if before the answer: that a part of it was given out is no reason against it here.
            StreamCutError("the stream was cut"),
            self._chance(),
            left=asked.left(),
            wall=asked.clock.time(),
            elapsed=asked.elapsed(),
        )
        if again.wait is None:
            raise _Spent(again.reason)
        if not self._budgets.setdefault(name, RetryBudget()).allow(self._retry, now):
            raise _Spent("the retry budget is spent")
        asked.waited, asked.wait_reason = again.wait, again.reason
        await asked.clock.sleep(again.wait)


class _Spent(Exception):
    """A route may not be asked again."""


class _Resumable(Stream):
    """A reply's stream, and that of whoever goes on with it."""

    def __init__(
        self, call: Call, first: Stream, layer: RecoveryLayer, inner: Handler, routes: Succession
    ) -> None:
        super().__init__(call)
        self._source = first
        self._layer = layer
        self._inner = inner
        self._routes = routes
        self._joint: Joint | None = None
        # Of what the present source did not write but was shown: characters and tokens.
        self._shown = (0, 0)
        self._rescue_under_way: Interruption | None = None
        self._committed = True

    async def _pull(self) -> int:
        try:
            events = await self._source.batch()
        except Fault as fault:
            await self._rescue(fault)
            return 0
        except BaseException:
            self._happen(Step.CANCEL)
            raise
        if self._over:
            return 0
        if self._joint is not None:
            events = self._news(events, self._source, self._joint)
        self._give(events)
        return 0

    def _give(self, events: Sequence[Event]) -> None:
        source = self._source
        self.damaged = source.damaged
        for event in events:
            self._event(event)
        if source.over and source.state is State.FINISHED:
            self._happen(Step.EOF)

    def _let_go(self, what: Step) -> None:
        self._source.cancel()

    def cancel(self) -> None:
        """Give up the rest. An attempt to go on ends before the call does: the call is over once
        whoever waits for it has been told."""
        if self._rescue_under_way is None:
            super().cancel()
        else:
            self._rescue_under_way.call_off()

    async def _rescue(self, fault: Fault) -> None:
        """Have somebody go on, or end with ``fault``."""
        if self._over:
            return
        under_way = self._rescue_under_way = Interruption()
        try:
            rescued = await self._resume(fault)
            if under_way.called:
                raise asyncio.CancelledError  # a transport took it for its own
        except BaseException:
            self._happen(Step.CANCEL)
            if not under_way.taken_back():
                raise
            return
        finally:
            self._rescue_under_way = None
        if not rescued:
            self._happen(Step.STALL if isinstance(fault, TimeoutFault) else Step.RESET, fault)

    async def _resume(self, fault: Fault) -> bool:
        ways, why = self._ways(fault)
        while ways:
            why = barred(self._call)
            if why:
                break
            way = ways.pop(0)
            try:
                await self._go_on(way, last=not ways)
                return True
            except Diverged as doubt:
                why = str(doubt)
                if way.prefill is not None:
                    ways = [self._routes.anew(way), *ways]
                else:
                    ways = [other for other in ways if other.prefill is not None]
            except Fault as later:
                why, ways = str(later), self._after(later, way, ways)
            except _Spent as spent:
                why = str(spent)
            except Exception as error:
                why, ways = f"{type(error).__name__}: {error}", []
            self._remark(fault, f"{way}: {why.removeprefix(way.route.name + ': ')}")
        self._remark(fault, f"the stream was not resumed: {why or 'no route is left'}")
        return False

    def _ways(self, fault: Fault) -> tuple[list[Way], str]:
        """How the answer may go on, or why it may not."""
        call = self._call
        assert call.route is not None
        try:
            why = obstacle(call, fault, self._seen, self._source.damaged)
        except Fault as unread:
            why = str(unread)
        if why:
            return [], why
        return self._routes.ways(call, call.route, silent=isinstance(fault, TimeoutFault)), ""

    def _after(self, fault: Fault, way: Way, ways: list[Way]) -> list[Way]:
        if refuses(way, fault):
            return [self._routes.anew(way), *ways]
        self._routes.drop(way.route)
        if fault.delivered:
            return ways
        left = [other.route for other in ways]
        able = self._layer.fallback.eligible(self._call, fault, way.route, left, first=False)
        return [other for other in ways if other.route in able]

    async def _go_on(self, way: Way, *, last: bool) -> None:
        call = self._call
        text = "".join(event.text for event in self._seen if type(event) is TextDelta)
        characters, tokens = self._shown
        tokens += tokens_of(self._source.seen, text[characters:])
        asked, joint = way.ask(call, text, tokens), way.joint(text)
        # What goes on is the same answer: its attempts are counted on.
        asked.tried = sum(made.model == way.route.name for made in call.decision.attempts)
        if way.parts:
            await self._layer.pause(asked, way)
        first_token = call.first_token
        try:
            reply = await self._inner(self._layer.fallback.fork(asked, way.route, last=last))
            assert reply.stream is not None
            events = await self._join(reply.stream, joint)
        finally:
            call.first_token = first_token  # the caller has had it
        self._take_over(way, reply.stream, joint, len(text))
        self._shown = (0, 0) if way.prefill is None else (len(text), tokens)
        self._give(events)

    async def _join(self, source: Stream, joint: Joint) -> list[Event]:
        """What ``source`` has to add, from where that is certain."""
        events: list[Event] = []
        try:
            while not joint.settled:
                events += self._news(await source.batch(), source, joint)
        except BaseException:
            source.cancel()
            raise
        return events

    def _take_over(self, way: Way, source: Stream, joint: Joint, offset: int) -> None:
        call, name = self._call, way.route.name
        call.route = way.route
        self._source, self._joint = source, joint
        self._routes.took_over(way.route)
        by: Literal["prefill", "repeat"] = "repeat" if way.prefill is None else "prefill"
        call.decision.resumed.append(Resumed(name, offset, by, round(call.elapsed(), 6)))
        _log.warning("%s goes on at character %d (%s)", name, offset, by)

    def _news(self, events: Sequence[Event], source: Stream, joint: Joint) -> list[Event]:
        """What of the ``events`` of a second answer belongs to the first."""
        news: list[Event] = []
        for event in events:
            if type(event) is TextDelta:
                text = joint.feed(event.text)
                if text:
                    news.append(TextDelta(text))
            elif type(event) is Metered:
                news.append(Metered(self._total(event.usage, source)))
            elif isinstance(event, (ReasoningDelta, LogprobsDelta)):
                self._call.note("reasoning or log probabilities of the continuation are left out")
            elif is_content(event) or type(event) is Finish:
                text = joint.end()
                news += [TextDelta(text), event] if text else [event]
            elif type(event) is not Start and joint.settled:
                news.append(event)
        return news

    def _total(self, usage: Usage, source: Stream) -> Usage:
        """Tokens of every attempt so far: what the whole answer took."""
        ended = self._call.usage
        if ended is None:
            return usage
        return ended if source.over else ended + usage

    def _remark(self, fault: Fault, text: str) -> None:
        self._call.note(text)
        fault.add_note(text)
