"""The ledger layer: every call is written down before it is sent and again before it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from operator import attrgetter
from typing import Any

from ..core import Call, End, Handler, Reply
from ..errors import LedgerError, UnsupportedError
from ..folding import estimate_tokens
from ..operations import OperationRequest
from ..ports import Recorder
from ..records import Attempted, Content, CostState, Ended, Started
from ..types import Message, Price, Request

__all__ = ["LedgerLayer"]

_PARAMETERS = (
    "temperature",
    "top_p",
    "max_tokens",
    "stop",
    "seed",
    "n",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
    "parallel_tool_calls",
    "tool_choice",
    "format",
    "tools",
    "user",
    "extra",
)
_values = attrgetter(*_PARAMETERS)
_DEFAULTS = _values(Request(model="", messages=()))


class LedgerLayer:
    """Outermost, once a call. ``conceal`` applies the ``content`` setting to what was said.

    ``start`` is written just before the first attempt's bytes leave, so that no call that may
    cost money is unknown after a crash; a call that never sent anything is written whole at its
    end. Raises ``LedgerError`` from the recorder, which refuses the call.
    """

    def __init__(
        self, recorder: Recorder, content: Content, conceal: Callable[[Any, Content], Any]
    ) -> None:
        self._recorder = recorder
        self._content: Content = content
        self._conceal = conceal

    def __call__(self, inner: Handler, /) -> Handler:
        async def handler(call: Call) -> Reply:
            entry = _Entry(call, self._recorder, self._content, self._conceal)
            call.before_send = entry.before_send
            call.on_end(entry.ended)
            return await inner(call)

        return handler


class _Entry:
    """One call's line in the ledger while the call is under way."""

    __slots__ = ("_call", "_conceal", "_content", "_recorder", "_started")

    def __init__(
        self,
        call: Call,
        recorder: Recorder,
        content: Content,
        conceal: Callable[[Any, Content], Any],
    ) -> None:
        self._call = call
        self._recorder = recorder
        self._content: Content = content
        self._conceal = conceal
        self._started = False

    def before_send(self, attempt: Call) -> None:
        call, route = self._call, attempt.route
        price = None if route is None else route.price
        price = None if price is None else price.at(call.wall)
        if not self._started:
            self._start(attempt.model, price)
            return
        self._recorder.attempt(
            Attempted(
                id=call.id,
                n=len(call.decision.attempts),
                model=attempt.model,
                at=call.clock.time(),
                price=price,
            )
        )

    def _start(self, route: str, price: Price | None) -> None:
        call, tags = self._call, self._call.tags
        request = _question(call)
        said, parameters, tokens = _asked(request)
        self._recorder.start(
            Started(
                id=call.id,
                at=call.wall,
                requested=request.model,
                operation=request.operation,
                route=route,
                price=price,
                candidates=call.decision.candidates,
                feature=tags.get("feature", ""),
                tags=tags.get("tags"),
                prompt_name=tags.get("prompt"),
                prompt_version=tags.get("prompt_version"),
                system_hash=_system_hash(said),
                parameters=parameters,
                messages=self._conceal(said, self._content),
                content=self._content,
                stream=call.stream,
                prompt_tokens_estimate=tokens,
            )
        )
        self._started = True

    def ended(self, end: End) -> None:
        if sys.is_finalizing():
            # A stream that nobody closed, collected when the interpreter is on its way out: a
            # recorder that starts a thread now would hang. The call will count as interrupted.
            return
        # The call and this entry hold each other: let go, so that no collector has to.
        self._call.before_send = None
        if not self._started:
            try:
                self._start("", None)
            except LedgerError as error:
                # Nothing was sent, and the caller is told why already.
                self._call.note(f"the call was not recorded: {error}")
                return
        self._recorder.end(self._record(end))

    def _record(self, end: End) -> Ended:
        call = self._call
        usage, response, attempts = call.usage, end.response, call.decision.attempts
        given = response if end.answer is None else end.answer.recorded()
        last = attempts[-1] if attempts else None
        answered = last is not None and end.outcome in ("finished", "cut", "cancelled")
        record = Ended(
            id=call.id,
            at=call.clock.time(),
            outcome=end.outcome,
            model=(call.model or last.model) if last is not None and answered else "",
            response=self._conceal(given, self._content),
            finish_reason=response.finish_reason if response is not None else None,
            cost_nano_usd=call.cost,
            cost_state=_cost_state(call),
            latency=round(call.elapsed(), 6),
            first_token=call.first_token,
            attempts=len(attempts),
            decision=call.decision,
            damaged=end.damaged,
            canned=end.outcome == "fallback_reply",
            request_id=last.request_id if last is not None else None,
        )
        if end.fault is not None:
            record.error_kind, record.error_message = end.fault.kind, str(end.fault)
        if usage is not None:
            record.prompt_tokens = usage.prompt_tokens
            record.completion_tokens = usage.completion_tokens
            record.total_tokens = usage.total_tokens
            record.cached_tokens = usage.cached_tokens
            record.cache_write_tokens = usage.cache_write_tokens
            record.reasoning_tokens = usage.reasoning_tokens
        return record


def _cost_state(call: Call) -> CostState:
    if call.cost is None:
        return "unknown"
    return "estimated" if call.cost_estimated else "exact"


def _question(call: Call) -> Request | OperationRequest:
    """What was asked. Of an original that cannot be read, its bytes."""
    try:
        return call.question
    except UnsupportedError:
        original, head = call.original, call.head
        assert original is not None
        body = {original.face.name: {"body": original.body.decode(errors="replace")}}
        return Request(model=head.model, messages=(), stream=head.stream, extra=body)


def _asked(
    request: Request | OperationRequest,
) -> tuple[Sequence[Message], Mapping[str, Any], int]:
    """What was said, how it was asked, and about how many tokens it has."""
    if isinstance(request, OperationRequest):
        return request.said(), request.parameters(), request.estimate_tokens()
    return request.messages, _parameters(request), estimate_tokens(request)


def _parameters(request: Request) -> Mapping[str, Any]:
    values = _values(request)
    if values == _DEFAULTS:
        return {}
    return {
        name: value
        for name, value, default in zip(_PARAMETERS, values, _DEFAULTS, strict=True)
        if value != default
    }


def _system_hash(said: Sequence[Message]) -> str | None:
    texts = [m.text for m in said if m.role in ("system", "developer")]
    return sha256("\n".join(texts).encode()).hexdigest() if texts else None
