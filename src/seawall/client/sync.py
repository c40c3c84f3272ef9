"""The synchronous client: the asynchronous one, run on a loop of its own. No twin code."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..core import Reply
from ..ports import Clock
from ..types import Event, TextDelta
from .aio import AsyncSeawall
from .assemble import Assembly
from .batches import Batch, BatchRequests
from .closing import close, close_at_exit
from .inputs import Messages
from .loop import post, run_in_loop
from .results import EmbedReply, ModelsReply, RerankReply
from .streams import AsyncReplyStream

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .asking import CallOptions, EmbedOptions, RerankOptions
    from .options import Options

__all__ = ["ReplyStream", "Seawall"]


class ReplyStream:
    """The streamed answer: iterate it for events, or ``text`` for the text alone."""

    def __init__(self, inner: AsyncReplyStream) -> None:
        self._inner = inner
        self._ready: deque[Event] = deque()

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        if not self._ready:
            self._ready.extend(run_in_loop(self._inner.batch()))
            if not self._ready:
                raise StopIteration
        return self._ready.popleft()

    @property
    def text(self) -> Iterator[str]:
        """The answer's text, piece by piece."""
        return (event.text for event in self if type(event) is TextDelta)

    def reply(self) -> Reply:
        """Read what is left and give the whole answer."""
        return run_in_loop(self._inner.reply())

    def close(self) -> None:
        """Give up the rest: the provider is told to stop."""
        run_in_loop(self._inner.aclose())

    def __del__(self) -> None:
        # Not here: whoever collects garbage is not the loop, and its timers are not to be
        # touched from another thread.
        post(self._inner.cancel)

    def __enter__(self) -> ReplyStream:
        run_in_loop(self._inner.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Seawall:
    """``AsyncSeawall`` for code that is not asynchronous: scripts, threads, Jupyter, Celery.

    Takes the same arguments. Safe to share between threads; records are flushed at exit.
    """

    def __init__(
        self,
        config: str | Path | None = None,
        *,
        env_file: str | Path | None = None,
        model: str | None = None,
        vendors: Mapping[str, Any] | None = None,
        models: Mapping[str, Any] | None = None,
        defaults: Mapping[str, Any] | None = None,
        ledger: Mapping[str, Any] | bool | None = None,
        transports: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._inner = AsyncSeawall(
            config,
            env_file=env_file,
            model=model,
            vendors=vendors,
            models=models,
            defaults=defaults,
            ledger=ledger,
            transports=transports,
            clock=clock,
        )
        close_at_exit(self.assembly)

    def chat(self, messages: Messages, **options: Unpack[Options]) -> Reply:
        """Ask and wait for the whole answer; see ``AsyncSeawall.chat``."""
        return run_in_loop(self._inner.chat(messages, **options))

    def stream(self, messages: Messages, **options: Unpack[Options]) -> ReplyStream:
        """Ask and read the answer as it comes; see ``ReplyStream``."""
        return ReplyStream(self._inner.stream(messages, **options))

    def embed(
        self,
        texts: str | Sequence[str],
        *,
        model: str | Sequence[str],
        **options: Unpack[EmbedOptions],
    ) -> EmbedReply:
        """Turn texts into vectors; see ``AsyncSeawall.embed``."""
        return run_in_loop(self._inner.embed(texts, model=model, **options))

    def rerank(
        self,
        query: str,
        documents: Sequence[str],
        *,
        model: str | Sequence[str],
        **options: Unpack[RerankOptions],
    ) -> RerankReply:
        """Order documents by how well they answer; see ``AsyncSeawall.rerank``."""
        return run_in_loop(self._inner.rerank(query, documents, model=model, **options))

    def models(self, vendor: str, **options: Unpack[CallOptions]) -> ModelsReply:
        """The models a vendor says it has; see ``AsyncSeawall.models``."""
        return run_in_loop(self._inner.models(vendor, **options))

    def batch(self, requests: BatchRequests, **options: Unpack[Options]) -> Batch:
        """Submit many requests at once; see ``AsyncSeawall.batch``."""
        return Batch(run_in_loop(self._inner.batch(requests, **options)))

    def batch_of(self, handle: str, **options: Unpack[Options]) -> Batch:
        """A batch that was submitted before; see ``AsyncSeawall.batch_of``."""
        return Batch(self._inner.batch_of(handle, **options))

    def batches(self) -> list[Batch]:
        """Every batch on file, oldest first; asks nobody."""
        return [Batch(inner) for inner in self._inner.batches()]

    def with_options(self, **options: Unpack[Options]) -> Seawall:
        """The same client with other defaults; connections, circuits and ledger are shared."""
        other = object.__new__(Seawall)
        other._inner = self._inner.with_options(**options)
        return other

    @property
    def assembly(self) -> Assembly:
        """What this client is made of, for tools that look inside."""
        return self._inner.assembly

    def close(self) -> None:
        """Close connections and bring the ledger up to date."""
        close(self.assembly)

    def __enter__(self) -> Seawall:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
