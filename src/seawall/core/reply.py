"""The answer to a call."""

from __future__ import annotations

from typing import Any

from ..operations import OperationAnswer
from ..ports import Headers
from ..types import Message, Response, ToolCall, Usage
from .call import Call
from .decision import Decision, Resumed
from .stream import Stream

__all__ = ["Reply"]

_NO_HEADERS = Headers()


class Reply:
    """The answer to a call.

    ``model`` is the ``vendor/model`` that answered, ``decision`` how it came to that,
    ``cost`` nano-USD or ``None`` when the model's price is unknown. ``damaged`` counts events
    of the stream that were unreadable and skipped; ``notes`` say what was adapted. ``output``
    is the validated value when one was asked for. ``canned`` marks the configured fallback
    reply, which no model wrote. ``headers`` are the provider's; ``body`` is a whole answer as it
    came, if it came in the words of the caller's ``face``. ``answer`` is what an operation beside
    chat gave; ``response`` is empty then.
    """

    __slots__ = (
        "_call",
        "answer",
        "body",
        "canned",
        "damaged",
        "headers",
        "notes",
        "output",
        "response",
        "stream",
    )

    def __init__(
        self,
        call: Call,
        *,
        response: Response | None = None,
        stream: Stream | None = None,
        canned: bool = False,
        headers: Headers | None = None,
        body: bytes | None = None,
        answer: OperationAnswer | None = None,
    ) -> None:
        self._call = call
        self.answer = answer
        self.response = response or Response()
        self.stream = stream
        self.damaged = 0
        self.notes: tuple[str, ...] = ()
        self.output: Any = None
        self.canned = canned
        # Not "or": whether there are any is found by taking them all apart.
        self.headers = _NO_HEADERS if headers is None else headers
        self.body = body

    @property
    def id(self) -> str:
        return self._call.id

    @property
    def model(self) -> str:
        route = self._call.route
        return "" if route is None or self.canned else route.name

    @property
    def decision(self) -> Decision:
        return self._call.decision

    @property
    def resumed(self) -> tuple[Resumed, ...]:
        """Where the stream was cut and taken up again, and by which model."""
        return tuple(self._call.decision.resumed)

    @property
    def usage(self) -> Usage | None:
        """Tokens of every billed attempt of the call."""
        return self._top().usage

    @property
    def cost(self) -> int | None:
        return self._top().cost

    @property
    def cost_estimated(self) -> bool:
        return self._top().cost_estimated

    def _top(self) -> Call:
        call = self._call
        while call.parent is not None:
            call = call.parent
        return call

    @property
    def text(self) -> str:
        return self.response.text

    @property
    def message(self) -> Message:
        return self.response.message

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return self.response.tool_calls

    @property
    def finish_reason(self) -> str | None:
        return self.response.finish_reason

    def __repr__(self) -> str:
        return f"<Reply {self.id} from {self.model or 'no model'}: {self.text[:60]!r}>"
