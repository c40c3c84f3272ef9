"""The nouns every room shares: messages, tools, requests, events, responses.

Nothing here knows a vendor, a socket or a policy. All values are frozen, so they may be
shared between attempts, routes and threads.

Field names follow the OpenTelemetry GenAI conventions and the providers' own terms. A field
that a dialect sent and Seawall does not know is kept in ``extra``, under the name of that
dialect, and leaves again only through the same dialect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from msgspec import Struct

__all__ = [
    "Choice",
    "Event",
    "Extra",
    "Finish",
    "Format",
    "Image",
    "LogprobsDelta",
    "Message",
    "Metered",
    "Opaque",
    "Part",
    "Price",
    "Reasoning",
    "ReasoningDelta",
    "Refusal",
    "RefusalDelta",
    "Request",
    "Response",
    "Role",
    "Start",
    "Text",
    "TextDelta",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolChoice",
    "ToolResult",
    "UnknownDelta",
    "Usage",
]

Extra = Mapping[str, Mapping[str, Any]]
"""Unknown fields by dialect: ``{"openai_chat": {"service_tier": "flex"}}``."""

Role = Literal["system", "developer", "user", "assistant", "tool"]


class Text(Struct, frozen=True, tag="text", tag_field="type", omit_defaults=True):
    """Plain text."""

    text: str
    extra: Extra = {}


class Image(Struct, frozen=True, tag="image", tag_field="type", omit_defaults=True, kw_only=True):
    """An image, by ``url`` or as base64 ``data`` of ``media_type`` (``image/png``)."""

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    detail: str | None = None
    extra: Extra = {}


class ToolCall(Struct, frozen=True, tag="tool_call", tag_field="type", omit_defaults=True):
    """The model asks for a tool. ``arguments`` is the text exactly as the model wrote it: JSON for
    a function, any text at all for a tool that takes free text (OpenAI's custom tools)."""

    id: str
    name: str
    arguments: str = "{}"
    extra: Extra = {}


class ToolResult(Struct, frozen=True, tag="tool_result", tag_field="type", omit_defaults=True):
    """What a tool answered to the call ``call_id``."""

    call_id: str
    content: tuple[Text | Image | Opaque, ...] = ()
    is_error: bool = False
    extra: Extra = {}


class Reasoning(Struct, frozen=True, tag="reasoning", tag_field="type", omit_defaults=True):
    """What a model thought before it answered; never shown as the answer."""

    text: str
    signature: str | None = None
    extra: Extra = {}


class Refusal(Struct, frozen=True, tag="refusal", tag_field="type", omit_defaults=True):
    """The model declined, in its own words."""

    text: str


class Opaque(Struct, frozen=True, tag="opaque", tag_field="type", omit_defaults=True):
    """Something only ``dialect`` understands (audio, files, vendor tools), kept as it came."""

    dialect: str
    raw: Mapping[str, Any]


Part = Text | Image | ToolCall | ToolResult | Reasoning | Refusal | Opaque


class Message(Struct, frozen=True, omit_defaults=True):
    """One turn. Parts stand in canonical order: reasoning, text and images, refusal, tool calls."""

    role: Role
    content: tuple[Part, ...] = ()
    name: str | None = None
    extra: Extra = {}

    @property
    def text(self) -> str:
        """All plain text of the turn, joined."""
        return "".join(part.text for part in self.content if type(part) is Text)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(part for part in self.content if type(part) is ToolCall)

    @property
    def refusal(self) -> str | None:
        return next((part.text for part in self.content if type(part) is Refusal), None)

    @property
    def reasoning(self) -> str | None:
        found = [part.text for part in self.content if type(part) is Reasoning]
        return "".join(found) if found else None


class Tool(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A function the model may call. ``parameters`` is a JSON Schema."""

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None
    extra: Extra = {}


class ToolChoice(Struct, frozen=True, omit_defaults=True):
    """``auto``, ``none``, ``required``, or ``tool`` with its ``name``."""

    mode: Literal["auto", "none", "required", "tool"]
    name: str | None = None


class Format(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The shape a reply must have: free text, any JSON object, or a JSON Schema."""

    type: Literal["text", "json_object", "json_schema"]
    name: str = "output"
    schema: Mapping[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None
    extra: Extra = {}


class Request(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A chat request in no vendor's words. ``None`` means: the provider's default."""

    operation: ClassVar[str] = "chat"
    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool | Opaque, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    format: Format | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning_effort: str | None = None
    user: str | None = None
    stream: bool = False
    extra: Extra = {}


class Usage(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Tokens of one answer. ``cached_tokens`` is part of ``prompt_tokens`` and
    ``reasoning_tokens`` part of ``completion_tokens``, never added to them, as
    ``cache_write_1h_tokens`` is part of ``cache_write_tokens``. ``search_units`` is what some
    vendors bill in the place of tokens when they rerank."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    search_units: int = 0
    extra: Extra = {}

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            total_tokens=self.total_tokens + other.total_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            cache_write_1h_tokens=self.cache_write_1h_tokens + other.cache_write_1h_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            search_units=self.search_units + other.search_units,
        )


class Price(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Prices in pico-USD a token; 1 USD a million tokens is 1,000,000 pico-USD a token.

    ``cached`` and ``cache_write`` default to the price of ordinary input, ``cache_write_1h`` (what
    is kept for an hour and not for minutes) to that of ``cache_write``. ``search``: pico-USD a
    search unit. A call whose prompt has more than ``above`` tokens is charged by ``long``, all
    of it. From ``until`` on (epoch seconds) the price is ``then``.
    """

    input: int
    output: int
    cached: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    search: int = 0
    above: int | None = None
    long: Price | None = None
    until: float | None = None
    then: Price | None = None

    def at(self, time: float) -> Price:
        """The price that is in force at ``time``, in epoch seconds."""
        price = self
        while price.then is not None and price.until is not None and time >= price.until:
            price = price.then
        return price

    def cost(self, usage: Usage) -> int:
        """The cost of ``usage`` in nano-USD, rounded up once."""
        if self.long is not None and usage.prompt_tokens > (self.above or 0):
            return self.long.cost(usage)
        cached = self.input if self.cached is None else self.cached
        write = self.input if self.cache_write is None else self.cache_write
        hour = write if self.cache_write_1h is None else self.cache_write_1h
        plain = max(0, usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens)
        pico = (
            plain * self.input
            + usage.cached_tokens * cached
            + usage.cache_write_tokens * write
            + usage.cache_write_1h_tokens * (hour - write)
            + usage.completion_tokens * self.output
            + usage.search_units * self.search
        )
        return -(-pico // 1000)


class Choice(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One of the answers. ``finish_reason``: ``stop``, ``length``, ``tool_calls``,
    ``content_filter``, or a provider's own word."""

    index: int = 0
    message: Message
    finish_reason: str | None = None
    logprobs: Mapping[str, Any] | None = None
    extra: Extra = {}


class Response(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A complete answer."""

    id: str = ""
    model: str = ""
    created: int = 0
    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    extra: Extra = {}

    @property
    def message(self) -> Message:
        return self.choices[0].message if self.choices else Message("assistant")

    @property
    def text(self) -> str:
        return self.message.text

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return self.message.tool_calls

    @property
    def finish_reason(self) -> str | None:
        return self.choices[0].finish_reason if self.choices else None


class Start(Struct, frozen=True, tag="start", tag_field="type", omit_defaults=True):
    """A stream begins. Carries no token, so a stream cut after it may still be asked again."""

    id: str = ""
    model: str = ""
    created: int = 0
    extra: Extra = {}


class TextDelta(Struct, frozen=True, tag="text", tag_field="type", omit_defaults=True):
    text: str
    choice: int = 0


class RefusalDelta(Struct, frozen=True, tag="refusal", tag_field="type", omit_defaults=True):
    text: str
    choice: int = 0


class ReasoningDelta(Struct, frozen=True, tag="reasoning", tag_field="type", omit_defaults=True):
    """A piece of the reasoning. One with a ``signature`` or unknown fields is its block's last."""

    text: str
    choice: int = 0
    signature: str | None = None
    extra: Extra = {}


class ToolCallDelta(Struct, frozen=True, tag="tool_call", tag_field="type", omit_defaults=True):
    """A piece of the tool call at ``index``; ``id`` and ``name`` come with its first piece."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    choice: int = 0
    extra: Extra = {}


class LogprobsDelta(Struct, frozen=True, tag="logprobs", tag_field="type", omit_defaults=True):
    logprobs: Mapping[str, Any]
    choice: int = 0


class UnknownDelta(Struct, frozen=True, tag="unknown", tag_field="type", omit_defaults=True):
    """Fields only ``dialect`` knows. ``scope``: where they stood."""

    dialect: str
    fields: Mapping[str, Any]
    scope: Literal["delta", "choice", "response"] = "delta"
    choice: int = 0


class Finish(Struct, frozen=True, tag="finish", tag_field="type", omit_defaults=True):
    reason: str
    choice: int = 0


class Metered(Struct, frozen=True, tag="usage", tag_field="type", omit_defaults=True):
    usage: Usage


Event = (
    Start
    | TextDelta
    | RefusalDelta
    | ReasoningDelta
    | ToolCallDelta
    | LogprobsDelta
    | UnknownDelta
    | Finish
    | Metered
)
