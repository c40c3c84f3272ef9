"""What is written down about a call, in the order it happens: started, attempted, ended.

Each record is one JSON object; ``type`` says which. ``at`` is seconds since the epoch, money
is integer nano-USD, times are seconds. A field that keeps its default is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Raw, Struct

from .types import Price

__all__ = ["Attempted", "Content", "CostState", "Ended", "Record", "RecordedOutcome", "Started"]

Content = Literal["full", "hashed", "none"]
CostState = Literal["exact", "estimated", "unknown"]
RecordedOutcome = Literal["finished", "cut", "cancelled", "fault", "fallback_reply"]

# Written: anything that encodes to JSON. Read back: its bytes as they stand in the journal, so
# that importing a record parses no content.
if TYPE_CHECKING:
    JSON = Any
else:
    JSON = Raw


class Started(Struct, kw_only=True, omit_defaults=True, tag="started"):
    """A call is about to send its first bytes.

    ``id`` sorts by time: its first 12 hex digits are the milliseconds of ``at``. ``route`` is
    the ``vendor/model`` asked first and ``price`` its price; with ``prompt_tokens_estimate``
    they give a call that never ended its estimated cost. ``content`` says how ``messages`` (and
    later the response) were treated before they came here. ``operation``: ``chat``, or what else
    was asked for.
    """

    id: str
    at: float
    requested: str
    operation: str = "chat"
    route: str = ""
    candidates: Sequence[str] = ()
    feature: str = ""
    tags: JSON = None
    prompt_name: str | None = None
    prompt_version: str | None = None
    system_hash: str | None = None
    parameters: JSON = None
    messages: JSON = None
    content: Content = "full"
    stream: bool = False
    prompt_tokens_estimate: int = 0
    price: Price | None = None


class Attempted(Struct, kw_only=True, omit_defaults=True, tag="attempted"):
    """Attempt ``n`` (the first is 1, and told by ``Started``) is about to send its bytes."""

    id: str
    n: int
    model: str
    at: float
    price: Price | None = None


class Ended(Struct, kw_only=True, omit_defaults=True, tag="ended"):
    """A call is over. ``model`` is the ``vendor/model`` that answered, empty if none did.

    ``cost_nano_usd`` is ``None`` exactly when ``cost_state`` is ``unknown``. ``first_token`` and
    ``latency`` count from the start of the call. ``damaged`` counts unreadable events that were
    skipped; ``canned`` marks the configured fallback reply, which no model wrote.
    """

    id: str
    at: float
    outcome: RecordedOutcome
    model: str = ""
    response: JSON = None
    finish_reason: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nano_usd: int | None = None
    cost_state: CostState = "unknown"
    latency: float = 0.0
    first_token: float | None = None
    attempts: int = 0
    decision: JSON = None
    error_kind: str | None = None
    error_message: str | None = None
    damaged: int = 0
    canned: bool = False
    request_id: str | None = None


Record = Started | Attempted | Ended
