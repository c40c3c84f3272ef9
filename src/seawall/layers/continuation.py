"""How a stream that was cut is taken up again: whether, by whom, and by what question."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from ..core import Call, Route, is_content
from ..errors import BadRequestError, Fault, UnsupportedError
from ..ports import Prefill
from ..types import Event, Message, Metered, Request, Text, TextDelta
from .splice import Continued, Joint, Repeated

__all__ = ["Succession", "Way", "obstacle", "refuses", "tokens_of"]


class Way(Struct, frozen=True):
    """One way to go on: ``route`` is shown what was given out (``prefill``) or asked anew.
    ``parts``: how many parts of the answer it gave already."""

    route: Route
    prefill: Prefill | None = None
    parts: int = 0

    def __str__(self) -> str:
        how = "asked anew" if self.prefill is None else "shown the text so far"
        return f"{self.route.name} did not go on ({how})"

    def ask(self, call: Call, text: str, tokens: int) -> Call:
        """``call`` for the rest of an answer whose ``text``, of so many ``tokens``, was given
        out already."""
        if self.prefill is None:
            return call.fork()
        return call.fork(request=_prefilled(call.request, text, tokens, self))

    def joint(self, text: str) -> Joint:
        """What finds where the answer to that goes on."""
        if self.prefill is None or self.prefill.echo:
            return Repeated(text)
        return Continued(text)


def _prefilled(request: Request, text: str, tokens: int, way: Way) -> Request:
    wanted, dialect = way.prefill or Prefill(), way.route.wire.name
    begun = Message("assistant", (Text(text),))
    if wanted.message:
        begun = replace(begun, extra={dialect: wanted.message})
    extra = request.extra
    if wanted.request:
        extra = {**extra, dialect: {**extra.get(dialect, {}), **wanted.request}}
    cap = request.max_tokens
    return replace(
        request,
        messages=(*request.messages, begun),
        max_tokens=None if cap is None else max(1, cap - tokens),
        extra=extra,
    )


def obstacle(call: Call, fault: Fault, seen: Sequence[Event], damaged: int) -> str:
    """Why a stream cut by ``fault`` cannot be taken up again; empty if it can. Only plain text
    can: of anything else nobody knows where a second model's answer would join the first."""
    request = call.request
    if type(fault).reroute != "any":
        return f"{fault.kind} is nothing another attempt could mend"
    if (request.n or 1) > 1 or request.logprobs:
        return "several answers or log probabilities were asked for"
    if request.format is not None and request.format.type != "text":
        return "structured output was under way"
    if damaged:
        return "an event that may have held text was unreadable"
    for event in seen:
        if is_content(event) and type(event) is not TextDelta:
            return f"more than text was under way ({type(event).__struct_config__.tag})"
        if type(event) is TextDelta and event.choice:
            return "several answers were under way"
    return ""


def refuses(way: Way, fault: Fault) -> bool:
    """Whether ``fault`` may only mean that the route takes no answer that was begun."""
    return way.prefill is not None and type(fault) in (BadRequestError, UnsupportedError)


def tokens_of(source: Sequence[Event], text: str) -> int:
    """Tokens of a cut stream: as it metered them, else one for four characters."""
    for event in reversed(source):
        if type(event) is Metered and event.usage.completion_tokens:
            return event.usage.completion_tokens
    return math.ceil(len(text) / 4)


class Succession:
    """Which routes may go on with one answer: first those after the one that gave it, which
    were never asked; then those that were cut themselves, the last one last. Each may give
    ``most`` parts of it, and none that was silent or has failed otherwise."""

    def __init__(self, routes: Sequence[Route], answering: Route, most: int) -> None:
        at = next(at for at, route in enumerate(routes) if route is answering)
        self._fresh = list(routes[at + 1 :])
        self._cut: list[Route] = []
        self._most = most
        self._parts = Counter({answering.name: 1})
        self._without_prefill: set[str] = set()

    def ways(self, call: Call, failed: Route, *, silent: bool) -> list[Way]:
        """The ways left after ``failed`` was cut, or stalled (``silent``)."""
        self.drop(failed)
        if not silent:
            self._cut.append(failed)
        refused = {refusal.model for refusal in call.decision.refused}
        return [
            Way(route, self._prefill(call, route), self._parts[route.name])
            for route in (*self._fresh, *self._cut)
            if route.name not in refused and self._parts[route.name] < self._most
        ]

    def _prefill(self, call: Call, route: Route) -> Prefill | None:
        wanted, messages = route.quirks.prefill, call.request.messages
        if not wanted or route.name in self._without_prefill:
            return None
        if messages and messages[-1].role == "assistant":
            # The caller began the answer himself: nobody knows whose part a reply repeats.
            return None
        return Prefill() if wanted is True else wanted

    def anew(self, way: Way) -> Way:
        """The same route, asked anew from now on."""
        self._without_prefill.add(way.route.name)
        return Way(way.route)

    def took_over(self, route: Route) -> None:
        """``route`` goes on with the answer."""
        self._parts[route.name] += 1

    def drop(self, route: Route) -> None:
        """``route`` is not to be asked any more."""
        self._fresh = [other for other in self._fresh if other is not route]
        self._cut = [other for other in self._cut if other is not route]
