"""The call and its ends."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from ..errors import Fault, Phase, UnsupportedError
from ..folding import estimate_tokens
from ..operations import OperationRequest
from ..ports import Clock, Head, Quirks, Secret, Timeouts, Transport, Wire
from ..types import (
    Message,
    Price,
    Reasoning,
    Request,
    Text,
    Usage,
)
from .decision import Attempt, Decision
from .end import End
from .hush import hush
from .original import Original

__all__ = ["Call", "Route"]


# Ids are unique, not secret. A generator of our own, since applications seed the shared one.
_dice = random.Random()  # noqa: S311 - as said
os.register_at_fork(after_in_child=_dice.seed)


class Route(Struct, frozen=True, kw_only=True):
    """One place a call may go: a model of a vendor, and how to reach it.

    ``name`` is ``vendor/model``. ``headers`` go with every request, the key among them.
    ``window`` is the model's context in tokens, ``None`` when unknown. ``retired``: why it is
    not asked any more, empty if it is. ``verbatim``: it is the place a caller's request was
    written for, which goes there as it came.
    """

    name: str
    model: str
    wire: Wire
    transport: Transport
    base_url: str = ""
    headers: tuple[tuple[str, str | Secret], ...] = ()
    quirks: Quirks = Quirks()
    price: Price | None = None
    window: int | None = None
    retired: str = ""
    verbatim: bool = False


class Call:
    """One question on its way. A layer that asks again asks a ``fork()`` of it.

    The question is a ``request`` to chat, an ``original`` that becomes one when somebody has to
    understand it, or the request of another operation. ``face``: the dialect in whose words the
    caller wants the reply as it came.
    ``attempts_left``: how many more times providers may be asked, the present attempt
    included, when the caller or the retry policy sets a limit. ``last_route``: no other route
    can take over. ``strict``: a stream with unreadable events is no answer. ``limit``: the
    seconds that lead to ``deadline``. ``tried``: how often the route was asked for this answer
    before. ``waited``: the pause before the next attempt,
    ``wait_reason`` why.
    ``before_send`` is told of each attempt just before its bytes leave, and may refuse it.
    """

    __slots__ = (
        "_ends",
        "_request",
        "attempt",
        "attempts_left",
        "before_send",
        "clock",
        "cost",
        "cost_estimated",
        "deadline",
        "decision",
        "face",
        "first_token",
        "id",
        "last_route",
        "limit",
        "original",
        "parent",
        "route",
        "started",
        "strict",
        "tags",
        "timeouts",
        "tried",
        "usage",
        "wait_reason",
        "waited",
        "wall",
    )

    def __init__(
        self,
        request: Request | OperationRequest | Original,
        clock: Clock,
        *,
        timeouts: Timeouts | None = None,
        tags: Mapping[str, Any] | None = None,
        attempts_left: int | None = None,
    ) -> None:
        self._request: Request | OperationRequest | None = None
        self.original: Original | None = None
        self.face: str | None = None
        if isinstance(request, Original):
            self.original, self.face = request, request.face.name
        else:
            self._request = request
        self.clock = clock
        self.timeouts = timeouts or Timeouts()
        self.tags: Mapping[str, Any] = tags or {}
        self.started = clock.now()
        self.wall = clock.time()
        self.id = f"{int(self.wall * 1000):012x}{_dice.getrandbits(64):016x}"
        self.deadline: float | None = None
        self.limit: float | None = None
        self._bound(self.timeouts.start if self.stream else None)
        self.decision = Decision()
        self.route: Route | None = None
        self.last_route = True
        self.attempts_left: int | None = attempts_left
        self.parent: Call | None = None
        self.strict = False
        self.tried = 0
        self.attempt: Attempt | None = None
        self.first_token: float | None = None
        self.usage: Usage | None = None
        self.cost: int | None = None
        self.cost_estimated = False
        self.before_send: Callable[[Call], None] | None = None
        self.waited = 0.0
        self.wait_reason = ""
        self._ends: list[Callable[[End], None]] | None = []

    def fork(
        self, route: Route | None = None, request: Request | OperationRequest | None = None
    ) -> Call:
        """The same call for one attempt: its own ends, shared decision record and deadline."""
        child = Call.__new__(Call)
        child._request = request or self._request
        child.original = self.original if request is None else None
        child.face = self.face
        child.clock = self.clock
        child.timeouts = self.timeouts
        child.tags = self.tags
        child.started = self.started
        child.wall = self.wall
        child.id = self.id
        child.deadline = self.deadline
        child.limit = self.limit
        child.decision = self.decision
        child.route = route or self.route
        child.last_route = self.last_route
        child.attempts_left = self.attempts_left
        child.parent = self
        child.strict = self.strict
        child.tried = self.tried
        child.attempt = None
        child.first_token = None
        child.usage = None
        child.cost = None
        child.cost_estimated = False
        child.before_send = self.before_send
        child.waited = self.waited
        child.wait_reason = self.wait_reason
        child._ends = []
        return child

    @property
    def question(self) -> Request | OperationRequest:
        """What is asked. Raises ``UnsupportedError`` for an original that cannot be read."""
        if self._request is not None:
            return self._request
        assert self.original is not None
        return self.original.request

    @property
    def request(self) -> Request:
        """The question to chat. Raises ``UnsupportedError`` for an original that cannot be read,
        and ``TypeError`` for a call of another operation."""
        question = self.question
        if isinstance(question, OperationRequest):
            raise TypeError(f"the call asks for {question.operation}, not for chat")
        return question

    @property
    def stream(self) -> bool:
        """Whether the reply is wanted piece by piece."""
        if self.original is not None:
            return self.original.head.stream
        return isinstance(self._request, Request) and self._request.stream

    @property
    def head(self) -> Head:
        """What can be said of the question without reading an original."""
        if self.original is not None:
            return self.original.head
        request = self.request
        wanted = request.format
        return Head(
            model=request.model,
            stream=request.stream,
            choices=request.n or 1,
            structured=wanted is not None and wanted.type != "text",
        )

    def on_end(self, told: Callable[[End], None]) -> None:
        """Have ``told`` called when this call ends: once, synchronously, last registered first."""
        if self._ends is None:
            raise RuntimeError("the call has already ended")
        self._ends.append(told)

    def end(self, end: End) -> None:
        """End the call. Later ends are ignored: the first one counts."""
        ends, self._ends = self._ends, None
        if ends is None:
            return
        self._account(end)
        for told in reversed(ends):
            told(end)

    def _account(self, end: End) -> None:
        """Write down what the attempt used, here and in every call above it."""
        if self.attempt is None:
            return
        response = end.response
        given = response if end.answer is None else end.answer
        usage = given.usage if given is not None else None
        estimated = False
        choices = response.choices if response is not None else ()
        if usage is None and (choices or end.outcome in ("finished", "cut", "cancelled")):
            # The provider worked and bills, but its usage never came: say so and estimate.
            prompt = self._prompt_tokens()
            completion = -(-sum(_length(choice.message) for choice in choices) // 4)
            usage = Usage(
                prompt_tokens=prompt,
                completion_tokens=completion,
                total_tokens=prompt + completion,
            )
            estimated = True
        if usage is None:
            return
        price = self.route.price if self.route is not None else None
        cost = price.at(self.wall).cost(usage) if price is not None else None
        call: Call | None = self
        while call is not None:
            call.usage = usage if call.usage is None else call.usage + usage
            if cost is not None:
                call.cost = (call.cost or 0) + cost
            call.cost_estimated = call.cost_estimated or estimated
            call = call.parent

    def _prompt_tokens(self) -> int:
        try:
            question = self.question
            if isinstance(question, OperationRequest):
                return question.estimate_tokens()
            return estimate_tokens(question)
        except UnsupportedError:
            assert self.original is not None
            return len(self.original.body) // 4

    @property
    def model(self) -> str:
        """``vendor/model`` of the route, empty before one is chosen."""
        return "" if self.route is None else self.route.name

    def mark_first_token(self) -> None:
        """The first content has arrived: for this attempt and every call above it."""
        at = round(self.elapsed(), 6)
        if self.attempt is not None:
            self.attempt.first_token = round(at - self.attempt.at, 6)
        call: Call | None = self
        while call is not None:
            call.first_token = at
            if call.timeouts.start is not None:
                call._bound(None)
            call = call.parent

    def _bound(self, start: float | None) -> None:
        """Set the deadline: ``start`` seconds while a stream has not begun, else the total."""
        limit = self.timeouts.total
        if start is not None and (limit is None or start < limit):
            limit = start
        if limit is None or limit == math.inf:
            self.limit = self.deadline = None
        else:
            self.limit = limit
            self.deadline = self.started + limit

    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self.clock.now() - self.started

    @property
    def spent(self) -> bool:
        """Whether providers were asked as often as whoever made this call allowed."""
        return self.attempts_left is not None and len(self.decision.attempts) >= self.attempts_left

    def left(self) -> float | None:
        """Seconds until the total deadline."""
        return None if self.deadline is None else self.deadline - self.clock.now()

    def idle_due(self) -> tuple[float | None, Phase, float]:
        """When the reply's next piece must be there, which deadline that is, its seconds."""
        idle, due = self.timeouts.idle, self.deadline
        if idle is not None:
            at = self.clock.now() + idle
            if due is None or at < due:
                return at, "idle", idle
        return due, "total", self.limit or 0.0

    def blame(self, fault: Fault) -> None:
        """Write into ``fault`` where it happened, and take out what it must not repeat."""
        fault.model = fault.model or self.model
        fault.decision = self.decision
        headers = () if self.route is None else self.route.headers
        if self.original is not None:
            headers = (*headers, *self.original.headers)
        hush(fault, [value for _, value in headers if isinstance(value, Secret)])

    def note(self, text: str) -> None:
        """Write a remark into the decision record, once."""
        if text not in self.decision.notes:
            self.decision.notes.append(text)


def _length(message: Message) -> int:
    text = sum(len(part.text) for part in message.content if isinstance(part, (Text, Reasoning)))
    return text + sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
