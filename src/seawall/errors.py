"""Everything that can go wrong, drawn once.

::

    SeawallError
    ├── ConfigError                 a setting is wrong: names source, key and remedy
    ├── LedgerError                 the call could not be recorded, so it was not made
    ├── ClosedError                 the client was closed
    ├── CallNotFoundError           no call of the ledger, or more than one, has this id
    ├── ExtractError                no JSON can be had from a text without guessing
    └── Fault                       a call did not succeed
        ├── BadRequestError         400, 413, 422: the question itself is refused
        │   ├── ContextLengthError  the question does not fit the model's context
        │   └── UnsupportedError    this route cannot express or serve the question
        ├── AuthenticationError     401
        ├── PermissionDeniedError   403
        ├── NotFoundError           404: no such model or path
        ├── ConflictError           409
        ├── ContentFilterError      a provider's safety system refused
        ├── RateLimitError          429
        │   └── QuotaExceededError  429 that waiting does not cure (credit, plan)
        ├── ProviderError           5xx, and a status nobody expects
        │   └── OverloadedError     503, 529
        ├── ConnectionFault         no connection, or a reset before the answer
        ├── TimeoutFault            a deadline passed; ``phase`` says which
        ├── MalformedReplyError     a body or stream that is not what the dialect promises
        ├── StreamCutError          a stream ended before its finish
        ├── CircuitOpenError        the breaker refuses; says when it probes next
        ├── QueueFullError          too many calls wait for a bounded resource
        ├── UnansweredError         an item of a batch that got no answer; ``code`` says why
        ├── UnknownSubmissionError  a batch may have been accepted, or not; carries its handle
        └── OutputError             the answer never met its schema; carries the raw text

Each fault knows: ``retry`` (may the same route be asked again?), ``reroute``
(which other route can help: ``any``, ``larger`` context, or ``none``) and ``after`` (seconds
the provider asked us to wait), and whom it ``blames``: the ``provider``, its ``limit`` on us,
the ``caller``, or ``nobody`` (nothing was sent). Policies ask the fault; they never look at a
status.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

__all__ = [
    "AuthenticationError",
    "BadRequestError",
    "Blame",
    "CallNotFoundError",
    "CircuitOpenError",
    "ClosedError",
    "ConfigError",
    "ConflictError",
    "ConnectionFault",
    "ContentFilterError",
    "ContextLengthError",
    "ExtractError",
    "Fault",
    "LedgerError",
    "MalformedReplyError",
    "NotFoundError",
    "OutputError",
    "OverloadedError",
    "PermissionDeniedError",
    "Phase",
    "ProviderError",
    "QueueFullError",
    "QuotaExceededError",
    "RateLimitError",
    "Reroute",
    "SeawallError",
    "StreamCutError",
    "TimeoutFault",
    "UnansweredError",
    "UnknownSubmissionError",
    "Unread",
    "UnsupportedError",
]

Reroute = Literal["any", "larger", "none"]
Blame = Literal["provider", "limit", "caller", "nobody"]
Unread = Literal["absent", "truncated", "unreadable", "ambiguous"]
Phase = Literal["connect", "first_byte", "first_token", "idle", "total", "pool"]


class SeawallError(Exception):
    """Base of everything Seawall raises on purpose."""


class ConfigError(SeawallError):
    """A setting is wrong. ``source`` is a file or variable, ``key`` the setting's dotted path."""

    def __init__(self, problem: str, *, source: str = "", key: str = "", remedy: str = "") -> None:
        self.source, self.key, self.remedy = source, key, remedy
        where = ": ".join(part for part in (source, key) if part)
        message = f"{where}: {problem}" if where else problem
        super().__init__(f"{message}. {remedy}" if remedy else message)


class LedgerError(SeawallError):
    """The ledger cannot take the call, so the call was refused before anything was sent."""


class ClosedError(SeawallError):
    """The client was used after ``close()``."""


class CallNotFoundError(SeawallError, LookupError):
    """No call of the ledger, or more than one, has this id."""


class ExtractError(SeawallError, ValueError):
    """No JSON can be had from a text without changing what it says.

    ``reason``: ``absent``, ``truncated``, ``unreadable`` or ``ambiguous``. ``position``: the
    index of the character where it shows. ``alternatives``: the values between which the text
    leaves the choice.
    """

    def __init__(
        self,
        problem: str,
        *,
        reason: Unread,
        position: int,
        remedy: str,
        alternatives: tuple[Any, ...] = (),
    ) -> None:
        self.problem = problem
        self.reason: Unread = reason
        self.position = position
        self.remedy = remedy
        self.alternatives = alternatives
        super().__init__(f"{problem} (at character {position}). {remedy}")


class Fault(SeawallError):
    """A call did not succeed.

    Attributes
    ----------
    status: HTTP status, when the provider gave one.
    after: seconds the provider asked to wait, or ``None``.
    until: epoch second the provider asked to wait for, or ``None``.
    retry: whether the same route may be asked again.
    reroute: which other route can help.
    code, param: the provider's own words, when it gave some.
    request_id: the provider's id of the request.
    headers: headers of the reply, lower-case names.
    body: the first 2,000 bytes of the provider's error body.
    model: ``vendor/model`` that failed, filled in by the attempt.
    dialect: whose words ``body`` is in, empty if the provider said nothing.
    delivered: whether the caller had already been given a part of the answer.
    decision: the call's decision record, filled in when the call ends.
    """

    retry: bool = False
    reroute: Reroute = "none"
    blames: Blame = "caller"
    kind: ClassVar[str] = "fault"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        after: float | None = None,
        retry: bool | None = None,
        reroute: Reroute | None = None,
        code: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.after = after
        self.until: float | None = None
        self.code = code
        self.param = param
        self.request_id = request_id
        self.headers: Mapping[str, str] = headers or {}
        self.body = body[:2000]
        self.model = ""
        self.dialect = ""
        self.delivered = False
        self.decision: Any = None
        if retry is not None:
            self.retry = retry
        if reroute is not None:
            self.reroute = reroute

    def __str__(self) -> str:
        where = f"{self.model}: " if self.model else ""
        status = f" (HTTP {self.status})" if self.status else ""
        return f"{where}{self.message}{status}"


class BadRequestError(Fault):
    kind = "bad_request"


class ContextLengthError(BadRequestError):
    kind = "context_length"
    reroute = "larger"


class UnsupportedError(BadRequestError):
    """This route cannot carry the request; another may. Nothing was sent."""

    blames = "nobody"
    kind = "unsupported"
    reroute = "any"


class AuthenticationError(Fault):
    kind = "authentication"
    reroute = "any"


class PermissionDeniedError(Fault):
    kind = "permission_denied"
    reroute = "any"


class NotFoundError(Fault):
    kind = "not_found"
    reroute = "any"


class ConflictError(Fault):
    kind = "conflict"
    retry = True
    reroute = "any"


class ContentFilterError(Fault):
    kind = "content_filter"


class RateLimitError(Fault):
    blames = "limit"
    kind = "rate_limit"
    retry = True
    reroute = "any"


class QuotaExceededError(RateLimitError):
    kind = "quota_exceeded"
    retry = False


class ProviderError(Fault):
    blames = "provider"
    kind = "provider_error"
    retry = True
    reroute = "any"


class OverloadedError(ProviderError):
    kind = "overloaded"


class ConnectionFault(Fault):
    """``unsent``: there was no connection, so nothing of the request was sent."""

    blames = "provider"
    unsent: bool = False
    kind = "connection"
    retry = True
    reroute = "any"


class TimeoutFault(Fault):
    """``phase``: ``connect``, ``first_byte``, ``first_token``, ``idle``, ``total`` or ``pool``."""

    blames = "provider"
    kind = "timeout"
    retry = True
    reroute = "any"

    def __init__(self, phase: Phase, seconds: float, message: str = "", **rest: Any) -> None:
        self.phase: Phase = phase
        self.seconds = seconds
        super().__init__(message or _TIMEOUT[phase].format(seconds=seconds), **rest)
        if phase == "pool":
            self.blames = "nobody"


_TIMEOUT: dict[str, str] = {
    "connect": "no connection within {seconds:g} s (deadline.connect)",
    "first_byte": "no reply within {seconds:g} s (deadline.first_byte)",
    "first_token": "no token within {seconds:g} s (deadline.first_token)",
    "idle": "the reply stalled for {seconds:g} s (deadline.idle)",
    "total": "the call did not end within {seconds:g} s (deadline.total)",
    "pool": "no free connection within {seconds:g} s; raise the limit or lower the concurrency",
}


class MalformedReplyError(Fault):
    blames = "provider"
    kind = "malformed_reply"
    retry = True
    reroute = "any"


class StreamCutError(Fault):
    blames = "provider"
    kind = "stream_cut"
    retry = True
    reroute = "any"


class CircuitOpenError(Fault):
    """The breaker of this route is open. ``after``: seconds until it probes next."""

    blames = "nobody"
    kind = "circuit_open"
    reroute = "any"


class QueueFullError(Fault):
    blames = "nobody"
    kind = "queue_full"
    retry = True
    reroute = "any"


class UnansweredError(Fault):
    """An item of a batch has no answer. ``code``: ``expired``, ``cancelled``, ``failed`` (the
    whole batch was), or ``missing`` (the results do not hold it). It was not paid for."""

    blames = "provider"
    kind = "unanswered"
    retry = True
    reroute = "any"


class UnknownSubmissionError(Fault):
    """The answer to a batch's submission never came: it may run, and cost, or not.

    It is not submitted again. ``handle``: what ``batch_of`` takes to look for it.
    """

    blames = "provider"
    kind = "unknown_submission"

    def __init__(self, message: str, *, handle: str, **rest: Any) -> None:
        self.handle = handle
        super().__init__(message, **rest)


class OutputError(Fault):
    """The answer did not meet its schema after every re-ask.

    ``raw`` is the model's last text, ``errors`` what was wrong with it.
    """

    kind = "output"

    def __init__(
        self, message: str, *, raw: str, errors: tuple[str, ...] = (), **rest: Any
    ) -> None:
        self.raw = raw
        self.errors = errors
        super().__init__(message, **rest)
