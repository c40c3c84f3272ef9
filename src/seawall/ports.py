"""Every protocol a stranger may implement, on one page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from msgspec import Struct

from .errors import Fault
from .headers import Headers, Secret, reveal
from .operations import OperationAnswer
from .records import Attempted, Ended, Started
from .types import Event, Request, Response

__all__ = [
    "BatchAnswer",
    "BatchCounts",
    "BatchState",
    "BatchStatus",
    "Batches",
    "Clock",
    "Draft",
    "Envelope",
    "Face",
    "Framer",
    "Head",
    "Headers",
    "Inbound",
    "Operation",
    "Outbound",
    "Prefill",
    "Quirks",
    "Reader",
    "Recorder",
    "Secret",
    "Timeouts",
    "Timer",
    "Transport",
    "Validator",
    "Wire",
    "Writer",
    "reveal",
]


class Timeouts(Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """Deadlines in seconds; ``None`` switches one off.

    ``connect``: until the connection stands (TLS included). ``first_byte``: from asking the
    transport until the reply's head. ``first_token``: from there until the first event that
    carries content (streams only). ``idle``: between two pieces of a reply; between two events
    of a stream (comments do not count), from its first content on. ``start``: until a stream's
    first content, waits and every attempt included. ``total``: the whole call in the same way.
    """

    connect: float | None = 10.0
    first_byte: float | None = 120.0
    first_token: float | None = 120.0
    idle: float | None = 60.0
    start: float | None = None
    total: float | None = 600.0


class Prefill(Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """How a vendor is asked to continue an answer that a last message of the assistant's begins.

    ``message`` and ``request``: fields it wants there beside the usual ones. ``echo``: whether
    its reply repeats the beginning.
    """

    message: Mapping[str, Any] = {}
    request: Mapping[str, Any] = {}
    echo: bool = False


class Quirks(Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """How a vendor departs from its dialect. Data only.

    ``max_tokens_field``, ``seed_field``: the names under which the output cap and the seed are
    sent. ``reasoning_field``: the name of the reasoning text in messages, empty to leave it out.
    ``stream_usage``: whether ``stream_options`` is understood. ``unsupported``: request fields
    that must be refused before the call (``messages[].name`` is one, too); ``left_out``: those
    that may be left out with a note, as nobody relies on them. ``images``: whether pictures are
    looked at, or only such as come as ``data``. ``formats``: which ``response_format`` types are
    served. ``system_role``: the one role that carries instructions, when ``system`` and
    ``developer`` are not both known. ``tool_call_id_length``: ids of tool calls must be so many
    letters and digits. ``prefill``: whether, and how, an answer that was begun is continued.

    Of embeddings: ``dimensions_field``, the name of the wish for shorter vectors;
    ``vectors_base64``, whether they can be had in base64, which is a quarter of the bytes;
    ``max_batch`` and ``max_batch_tokens``, how many texts, and tokens of them, one request holds.
    """

    max_tokens_field: str = "max_tokens"
    seed_field: str = "seed"
    reasoning_field: str = "reasoning_content"
    stream_usage: bool = True
    unsupported: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    images: bool | Literal["data"] = True
    formats: tuple[str, ...] = ("text", "json_object", "json_schema")
    system_role: str | None = None
    tool_call_id_length: int | None = None
    prefill: bool | Prefill = False
    dimensions_field: str = "dimensions"
    vectors_base64: bool = True
    max_batch: int = 512
    max_batch_tokens: int | None = None


class Draft(Struct, frozen=True, kw_only=True):
    """A request in a dialect's words, before it has a host or a key. ``notes`` say what was
    adapted on the way; nothing is dropped without one."""

    path: str
    body: bytes
    method: str = "POST"
    headers: tuple[tuple[str, str | Secret], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


class Outbound(Struct, frozen=True, kw_only=True):
    """What a transport carries. ``url`` is absolute. A header value that is a secret stays a
    ``Secret`` until its bytes are written. ``stream``: the reply is read as it comes. ``once``: it
    must not be sent a second time unseen, so it goes through a connection of its own, which no
    server can have closed meanwhile."""

    method: str = "POST"
    url: str
    headers: tuple[tuple[str, str | Secret], ...] = ()
    body: bytes = b""
    stream: bool = False
    once: bool = False
    connect_timeout: float | None = None


class Inbound(Protocol):
    """A reply whose head has arrived.

    ``read()`` returns the next bytes of the body as they come, and ``b""`` once the body is
    complete. A body that ends before its promised length, a reset, or bytes that are no HTTP
    raise ``ConnectionFault``. One reader at a time. Not reading stops the sender
    (back-pressure). A reply read to its end gives its connection back by itself.

    ``release``: nothing more will be read, though the body may not have ended (a stream's end
    mark came before its last chunk): the connection is kept if the rest is short and comes
    soon, else closed. ``abort`` closes it at once; a pending ``read`` then raises the given
    fault (or ``ConnectionFault``). Both are synchronous, return at once, may be called at any
    time and more than once, even when the loop is closed.
    """

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Headers: ...
    async def read(self) -> bytes: ...
    def release(self) -> None: ...
    def abort(self, fault: Fault | None = None, /) -> None: ...


class Transport(Protocol):
    """Carries bytes. Raises ``ConnectionFault`` or ``TimeoutFault("connect" | "pool")``; any
    HTTP status is an ``Inbound``. Cancelling the call closes its connection."""

    async def __call__(self, outbound: Outbound, /) -> Inbound: ...
    async def aclose(self) -> None: ...


class Framer(Protocol):
    """Cuts a body into frames, whatever the sizes of the pieces it comes in."""

    def feed(self, data: bytes, /) -> Sequence[bytes]: ...
    def end(self) -> Sequence[bytes]: ...


class Reader(Protocol):
    """Turns one stream's frames into events.

    ``feed`` raises ``ValueError`` for a frame that is no valid event (the stream may go on)
    and a ``Fault`` for an error the provider put in band. ``done`` becomes true with the
    dialect's own end mark.
    """

    done: bool

    def feed(self, frame: bytes, /) -> Sequence[Event]: ...


class Operation(Protocol):
    """The codec of one operation beside chat: pure, as its wire is.

    ``request`` is the operation's own subclass of ``OperationRequest``. ``encode`` raises
    ``UnsupportedError`` for what the dialect or the vendor cannot say. ``decode`` raises
    ``ValueError`` for what does not answer ``request``, and the provider's fault for an error that
    came with a success status.
    """

    def encode(self, request: Any, quirks: Quirks, /) -> Draft: ...
    def decode(self, body: bytes, request: Any, /) -> OperationAnswer: ...


class Wire(Protocol):
    """A dialect towards a vendor: pure, no socket, no clock. The methods are those of chat;
    ``operations`` are the codecs of what else it can be asked, by the operation's name."""

    name: str

    @property
    def operations(self) -> Mapping[str, Operation]: ...
    def encode(self, request: Request, quirks: Quirks, /) -> Draft: ...
    def decode(self, body: bytes, /) -> Response: ...
    def framer(self) -> Framer: ...
    def reader(self) -> Reader: ...
    def fault(self, status: int, headers: Mapping[str, str], body: bytes, /) -> Fault: ...


BatchState = Literal[
    "unsent",
    "unknown",
    "validating",
    "in_progress",
    "finalizing",
    "cancelling",
    "completed",
    "failed",
    "expired",
    "cancelled",
]
"""``unsent``: nothing was submitted. ``unknown``: whether it was accepted is not known. The rest
are the provider's, in the words of OpenAI's API; the last four are final."""


class BatchCounts(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How many of a batch's requests there are, and have come to which end."""

    total: int = 0
    succeeded: int = 0
    failed: int = 0
    expired: int = 0
    cancelled: int = 0


class BatchStatus(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a provider says of a batch. ``mark``: what it was submitted with to be found again,
    ``None`` where the API keeps none. ``created``: epoch seconds. ``files``: where its results
    are. ``problems``: why it failed."""

    id: str
    state: BatchState
    counts: BatchCounts = BatchCounts()
    mark: str | None = None
    created: float | None = None
    files: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class BatchAnswer(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One item of a batch's results. ``id``: the caller's, ``None`` if it came without.

    ``body`` is in the dialect's words: an answer, or with another ``status`` an error; an answer's
    ``decode`` may raise the error, too. Without one, ``unanswered`` is the code that says why and
    ``message`` what the provider said.
    """

    id: str | None
    body: bytes = b""
    status: int = 200
    unanswered: str = ""
    message: str = ""


class Envelope(Struct, frozen=True, kw_only=True):
    """The request that carries a batch's lines: ``head``, the lines with ``between`` between
    them, ``tail``."""

    path: str
    headers: tuple[tuple[str, str], ...]
    head: bytes
    between: bytes
    tail: bytes


class Batches(Protocol):
    """A provider's batch API: pure, as a wire is. What is asked and answered is the wire's.

    ``uploads``: the lines are sent as a file first, which ``submit`` then names; else the envelope
    submits them, with ``headers`` made of those that the lines' drafts have, values by name.
    ``marks``: the API keeps the mark a batch is submitted with. ``ids``: a regular
    expression that the ids of requests must match. Methods that read a body raise ``ValueError``
    for what it is not.
    """

    uploads: bool
    marks: bool
    ids: str

    def line(self, id: str, draft: Draft, model: str, /) -> bytes: ...
    def envelope(self, mark: str, model: str, /) -> Envelope: ...
    def headers(self, said: Mapping[str, Collection[str]], /) -> Mapping[str, str]: ...
    def uploaded(self, body: bytes, /) -> str: ...
    def submit(self, file: str, mark: str, model: str, path: str, /) -> Draft: ...
    def poll(self, id: str, /) -> Draft: ...
    def status(self, body: bytes, /) -> BatchStatus: ...
    def cancel(self, id: str, /) -> Draft: ...
    def listing(self, page: str, /) -> Draft: ...
    def listed(self, body: bytes, page: str, /) -> tuple[Sequence[BatchStatus], str]: ...
    def results(self, status: BatchStatus, base_url: str, /) -> Sequence[Draft]: ...
    def framer(self) -> Framer: ...
    def answer(self, frame: bytes, /) -> BatchAnswer: ...


class Head(Struct, frozen=True, kw_only=True):
    """What routing needs of a caller's request. ``choices``: how many answers are wanted.
    ``structured``: whether they must have a shape."""

    model: str
    stream: bool = False
    include_usage: bool = False
    choices: int = 1
    structured: bool = False


class Writer(Protocol):
    """Writes one stream to a caller: each event anew with ``event``, or with ``relay`` the
    frames of a stream that came in the caller's own dialect, as they are where they may be."""

    def event(self, event: Event, /) -> bytes: ...
    def relay(self, frame: bytes, events: Sequence[Event], /) -> bytes: ...
    def fault(self, fault: Fault, /) -> bytes: ...
    def end(self) -> bytes: ...


class Face(Protocol):
    """A dialect towards our callers.

    ``peek`` raises ``BadRequestError`` for a body it cannot route, ``read`` for one it does not
    understand. ``metered`` is the body with the wish for a stream's usage put in, the rest as it
    came.
    """

    name: str

    def peek(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Head: ...
    def read(self, path: str, headers: Mapping[str, str], body: bytes, /) -> Request: ...
    def metered(self, body: bytes, head: Head, /) -> bytes: ...
    def write(self, response: Response, /) -> bytes: ...
    def writer(self, head: Head, /) -> Writer: ...
    def complain(self, fault: Fault, /) -> tuple[int, Headers, bytes]: ...


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """Time. ``now`` is monotonic seconds, ``time`` seconds since the epoch."""

    def now(self) -> float: ...
    def time(self) -> float: ...
    async def sleep(self, seconds: float, /) -> None: ...
    def call_later(self, seconds: float, callback: Callable[[], None], /) -> Timer: ...


class Recorder(Protocol):
    """Where calls are recorded, synchronously, before anything is acknowledged.

    ``start`` and ``attempt`` raise ``LedgerError`` when they cannot be kept; the call is then
    refused. ``end`` never raises and never loses.
    """

    def start(self, record: Started, /) -> None: ...
    def attempt(self, record: Attempted, /) -> None: ...
    def end(self, record: Ended, /) -> None: ...


@runtime_checkable
class Validator(Protocol):
    """Checks a model's text against what the caller wants.

    ``schema`` is the JSON Schema to ask the vendor for, with an object at its root, and ``name``
    what to call it there. ``check`` returns the value and what had to be repaired, or raises
    ``OutputError`` with the errors a model can act upon.
    """

    @property
    def name(self) -> str: ...
    @property
    def schema(self) -> Mapping[str, Any]: ...
    def check(self, text: str, /) -> tuple[Any, tuple[str, ...]]: ...
