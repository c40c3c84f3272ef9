"""What the operations beside chat give back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from ..core import Decision, Reply
from ..operations import Embeddings, ModelInfo, ModelsPage, Ranking, Vector
from ..ports import Headers
from ..types import Usage

__all__ = ["EmbedReply", "ModelsReply", "RankedDocument", "RerankReply"]


class _Answered:
    """``model`` is the ``vendor/model`` that answered, ``decision`` how it came to that, ``cost``
    nano-USD or ``None`` when the model's price is unknown. ``headers`` are the provider's; of an
    answer that came in several parts, none."""

    __slots__ = ("_reply",)

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    @property
    def id(self) -> str:
        return self._reply.id

    @property
    def model(self) -> str:
        return self._reply.model

    @property
    def decision(self) -> Decision:
        return self._reply.decision

    @property
    def usage(self) -> Usage | None:
        """Tokens of every billed attempt of the call."""
        return self._reply.usage

    @property
    def cost(self) -> int | None:
        return self._reply.cost

    @property
    def cost_estimated(self) -> bool:
        return self._reply.cost_estimated

    @property
    def headers(self) -> Headers:
        return self._reply.headers


class EmbedReply(_Answered):
    """``vectors``: one for each text, in the order of the texts, each an ``array`` of floats.
    ``list(vector)`` makes a list of it, ``numpy.asarray(vector)`` an array without a copy."""

    __slots__ = ("vectors",)

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        assert isinstance(reply.answer, Embeddings)
        self.vectors: Sequence[Vector[float]] = reply.answer.vectors

    @property
    def dimensions(self) -> int:
        """The length of each vector."""
        return len(self.vectors[0])

    def __repr__(self) -> str:
        return f"<EmbedReply {self.id}: {len(self.vectors)} x {self.dimensions} from {self.model}>"


class RankedDocument(Struct, frozen=True):
    """``document`` stood at ``index`` among those asked about. Scores of one model can be
    compared, those of two cannot."""

    index: int
    score: float
    document: str


class RerankReply(_Answered):
    """``results``: the documents, best first."""

    __slots__ = ("results",)

    def __init__(self, reply: Reply, documents: Sequence[str]) -> None:
        super().__init__(reply)
        assert isinstance(reply.answer, Ranking)
        self.results: Sequence[RankedDocument] = tuple(
            RankedDocument(found.index, found.score, documents[found.index])
            for found in reply.answer.results
        )

    def __repr__(self) -> str:
        return f"<RerankReply {self.id}: {len(self.results)} results from {self.model}>"


class ModelsReply(_Answered):
    """A provider's models in its own order: iterate it, or take ``models``."""

    __slots__ = ("models",)

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        assert isinstance(reply.answer, ModelsPage)
        self.models: Sequence[ModelInfo] = reply.answer.models

    def __iter__(self) -> Iterator[ModelInfo]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)

    def __repr__(self) -> str:
        return f"<ModelsReply {self.id}: {len(self.models)} models>"
