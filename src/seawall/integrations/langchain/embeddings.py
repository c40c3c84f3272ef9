"""The embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.embeddings import Embeddings

from ...client.aio import AsyncSeawall
from ...client.asking import EmbedOptions, check_options
from ...client.loop import run_in_loop
from ...client.sync import Seawall
from ...operations import InputType
from ..clients import asynchronous
from .faults import in_both_words

__all__ = ["SeawallEmbeddings"]


class SeawallEmbeddings(Embeddings):
    """Embeddings of LangChain's whose calls are Seawall's, with every policy applied.

    ``model``: ``vendor/model``, or several that are one and the same model at different vendors.
    ``client``: the ``Seawall`` or ``AsyncSeawall`` that asks; default a new one from the settings.
    ``options``: those of ``Seawall.embed``, such as ``dimensions`` or ``feature``. Documents and
    queries are embedded as what they are, unless ``input_type`` says otherwise.

    A fault is Seawall's and LangChain's ``ModelError`` of the same meaning in one.
    """

    def __init__(
        self,
        model: str | Sequence[str],
        *,
        client: AsyncSeawall | Seawall | None = None,
        **options: Any,
    ) -> None:
        self.model = model
        self.options = check_options(options, EmbedOptions, {})
        self._client = asynchronous(client)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return run_in_loop(self.aembed_documents(texts))

    def embed_query(self, text: str) -> list[float]:
        return run_in_loop(self.aembed_query(text))

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        # No text, no call: a provider refuses an empty list, LangChain's stores send it.
        return await self._embed(texts, "document") if texts else []

    async def aembed_query(self, text: str) -> list[float]:
        return (await self._embed([text], "query"))[0]

    async def _embed(self, texts: list[str], kind: InputType) -> list[list[float]]:
        with in_both_words():
            options: Any = {"input_type": kind, **self.options}
            reply = await self._client.embed(texts, model=self.model, **options)
        return [list(vector) for vector in reply.vectors]
