"""The asynchronous client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..core import Reply
from ..operations import ModelsRequest
from ..ports import Clock
from .asking import (
    CallOptions,
    EmbedOptions,
    RerankOptions,
    check_options,
    embed_request,
    rerank_request,
)
from .assemble import Assembly
from .batches import AsyncBatch, BatchRequests, known, resume, shared, start
from .inputs import Messages
from .operations import ask
from .options import check
from .results import EmbedReply, ModelsReply, RerankReply
from .sources import load_sources
from .streams import AsyncReplyStream

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import Options

__all__ = ["AsyncSeawall"]


class AsyncSeawall:
    """One typed interface to every provider, with every policy applied.

    ``config``: a TOML file; default ``SEAWALL_CONFIG``, then ``seawall.toml`` in the working
    directory. ``env_file``: a ``.env`` to read keys and settings from; none is read unasked.
    ``vendors``, ``models``, ``defaults``, ``ledger``: settings as in the file, stronger than it;
    ``ledger=False`` records nothing. ``transports`` replace built-in ones by name.

    One client serves many loops, one after the other or at once. Raises ``ConfigError``.
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
        if isinstance(ledger, bool):
            ledger = {"enabled": ledger}
        given = {
            "model": model,
            "vendors": vendors,
            "models": models,
            "defaults": defaults,
            "ledger": ledger,
        }
        code = {name: value for name, value in given.items() if value is not None}
        sources = load_sources(config, env_file, code)
        self._assembly = Assembly(sources, transports=transports, clock=clock)
        self._options: dict[str, Any] = {}

    async def chat(self, messages: Messages, **options: Unpack[Options]) -> Reply:
        """Ask and wait for the whole answer.

        ``messages``: text, or messages as dicts in OpenAI's shape or as ``Message``. Raises a
        ``Fault`` for a call that failed, ``ConfigError`` for a wrong setting, ``LedgerError``
        when the call could not be recorded and was therefore not made.
        """
        return await self._assembly.prepare(messages, self._options | options, stream=False).run()

    def stream(self, messages: Messages, **options: Unpack[Options]) -> AsyncReplyStream:
        """Ask and read the answer as it comes; see ``AsyncReplyStream``."""
        prepared = self._assembly.prepare(messages, self._options | options, stream=True)
        return AsyncReplyStream(prepared)

    async def embed(
        self,
        texts: str | Sequence[str],
        *,
        model: str | Sequence[str],
        **options: Unpack[EmbedOptions],
    ) -> EmbedReply:
        """Turn texts into vectors, in their order.

        ``model``: ``vendor/model``, or several that are one and the same model at different
        vendors. More texts than a request may hold are asked in several. Raises as ``chat`` does.
        """
        said = check_options(options, EmbedOptions, self._options)
        request = embed_request(texts, "", said)
        return EmbedReply(await ask(self._assembly, request, model, said))

    async def rerank(
        self,
        query: str,
        documents: Sequence[str],
        *,
        model: str | Sequence[str],
        **options: Unpack[RerankOptions],
    ) -> RerankReply:
        """Order ``documents`` by how well they answer ``query``, best first.

        ``model``: ``vendor/model``, or several to be tried in order. Raises as ``chat`` does.
        """
        said = check_options(options, RerankOptions, self._options)
        request = rerank_request(query, documents, "", said)
        return RerankReply(await ask(self._assembly, request, model, said), request.documents)

    async def models(self, vendor: str, **options: Unpack[CallOptions]) -> ModelsReply:
        """The models ``vendor`` says it has, asked anew. Raises as ``chat`` does."""
        said = check_options(options, CallOptions, self._options)
        return ModelsReply(await ask(self._assembly, ModelsRequest(), f"{vendor}/*", said))

    async def batch(self, requests: BatchRequests, **options: Unpack[Options]) -> AsyncBatch:
        """Submit many requests at once, to be answered within a day at the price of a batch.

        ``requests``: messages by id, or an iterable of dicts with ``id``, ``messages`` and
        parameters of their own, over those of ``options``. Nothing is sent before all of them are
        written and on file. Raises as ``chat`` does; ``UnknownSubmissionError`` when the answer to
        the submission was lost and the batch not found.
        """
        return await start(self._assembly, requests, shared(self._options) | options)

    def batch_of(self, handle: str, **options: Unpack[Options]) -> AsyncBatch:
        """The batch called ``handle`` here, or by its provider, as any process submitted it with
        this ledger's directory; asks nobody. ``output``: as it was submitted with. Raises
        ``CallNotFoundError``."""
        return resume(self._assembly, handle, shared(self._options) | options)

    def batches(self) -> list[AsyncBatch]:
        """Every batch on file, oldest first; asks nobody."""
        return known(self._assembly, shared(self._options))

    def with_options(self, **options: Unpack[Options]) -> AsyncSeawall:
        """The same client with other defaults; connections, circuits and ledger are shared."""
        check(options)
        other = object.__new__(AsyncSeawall)
        other._assembly = self._assembly
        other._options = self._options | dict(options)
        return other

    @property
    def assembly(self) -> Assembly:
        """What this client is made of, for tools that look inside."""
        return self._assembly

    async def aclose(self) -> None:
        """Close the connections of the running loop and bring the ledger up to date."""
        await self._assembly.aclose()

    async def __aenter__(self) -> AsyncSeawall:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
