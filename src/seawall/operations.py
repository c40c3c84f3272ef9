"""The nouns beside chat: what embeddings, reranking and the list of models ask and answer.

Operation names are OpenTelemetry's where it has one (GenAI conventions, ``gen_ai.operation.name``:
``chat``, ``embeddings``); ``rerank`` and ``models`` are ours.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, get_args

from msgspec import Struct

from .types import Extra, Message, Text, Usage

__all__ = [
    "INPUT_TYPES",
    "EmbedRequest",
    "Embeddings",
    "InputType",
    "ModelInfo",
    "ModelsPage",
    "ModelsRequest",
    "OperationAnswer",
    "OperationRequest",
    "Ranked",
    "Ranking",
    "RerankRequest",
    "Vector",
    "ranking_of",
    "vectors_of",
]

#: One embedding: a tenth of a list's memory, and ``numpy.asarray`` takes it as it lies.
Vector = array  # of float

InputType = Literal[
    "query",
    "document",
    "similarity",
    "classification",
    "clustering",
    "question_answering",
    "fact_verification",
    "code_query",
]
"""What a text is embedded for. A model made for search embeds a question and what answers it
differently; each dialect has its own words for these."""

INPUT_TYPES: tuple[InputType, ...] = get_args(InputType)


#: Characters.
_KEPT = 1_000_000


class OperationRequest(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A request of the operation named ``operation``, in no vendor's words.

    An operation of your own subclasses this and ``OperationAnswer`` and puts its codec into the
    ``operations`` of a wire.
    """

    operation: ClassVar[str] = ""
    model: str = ""
    extra: Extra = {}

    def said(self) -> tuple[Message, ...]:
        """What was asked, as the ledger keeps it (its ``content`` setting applies)."""
        return ()

    def parameters(self) -> Mapping[str, Any]:
        """How it was asked, as the ledger keeps it."""
        return {}

    def longest(self) -> int:
        """Characters of the longest text that the model reads in one piece."""
        return 0

    def estimate_tokens(self) -> int:
        """A rough count of what is paid for, for an answer that does not tell."""
        return 0


class OperationAnswer(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What every answer has. ``usage`` is ``None`` where the provider does not tell."""

    id: str = ""
    model: str = ""
    usage: Usage | None = None
    extra: Extra = {}

    def recorded(self) -> Any:
        """The answer as the ledger keeps it: JSON, and of bounded size."""
        return self


class EmbedRequest(OperationRequest, frozen=True, omit_defaults=True, kw_only=True):
    """Texts to be turned into vectors. ``dimensions``: how long these shall be, for a model that
    can shorten them. ``None`` means: the provider's default."""

    operation: ClassVar[str] = "embeddings"
    texts: tuple[str, ...]
    input_type: InputType | None = None
    dimensions: int | None = None
    user: str | None = None

    def said(self) -> tuple[Message, ...]:
        return _turns(self.texts)

    def longest(self) -> int:
        return max(map(len, self.texts))

    def estimate_tokens(self) -> int:
        return _tokens(self.texts)

    def parameters(self) -> Mapping[str, Any]:
        kept = len(self.said())
        more = {"texts": len(self.texts)} if kept < len(self.texts) else {}
        return {**_given(self, "input_type", "dimensions", "user", "extra"), **more}


class Embeddings(OperationAnswer, frozen=True, omit_defaults=True, kw_only=True):
    """One vector for each text, in the order of the texts, all of one length."""

    vectors: tuple[Vector[float], ...] = ()

    def recorded(self) -> Any:
        """Vectors are for programs, and many: the ledger keeps how many and how long."""
        length = len(self.vectors[0]) if self.vectors else 0
        return {"model": self.model, "vectors": len(self.vectors), "dimensions": length}


class RerankRequest(OperationRequest, frozen=True, omit_defaults=True, kw_only=True):
    """Documents to be ordered by how well they answer ``query``. ``top_n``: only the best."""

    operation: ClassVar[str] = "rerank"
    query: str
    documents: tuple[str, ...]
    top_n: int | None = None

    @property
    def wanted(self) -> int:
        """How many results there shall be."""
        return min(self.top_n or len(self.documents), len(self.documents))

    def said(self) -> tuple[Message, ...]:
        return _turns((self.query, *self.documents))

    def parameters(self) -> Mapping[str, Any]:
        kept = len(self.said()) - 1
        more = {"documents": len(self.documents)} if kept < len(self.documents) else {}
        return {**_given(self, "top_n", "extra"), **more}

    def estimate_tokens(self) -> int:
        return len(self.documents) * _tokens((self.query,)) + _tokens(self.documents)


class Ranked(Struct, frozen=True):
    """The document at ``index`` of those asked about, and its score. Scores of different models
    have different scales, and not every one is between 0 and 1."""

    index: int
    score: float


class Ranking(OperationAnswer, frozen=True, omit_defaults=True, kw_only=True):
    """The documents, best first; a tie keeps the order in which they were asked about."""

    results: tuple[Ranked, ...] = ()


class ModelsRequest(OperationRequest, frozen=True, omit_defaults=True, kw_only=True):
    """One page of a provider's models: the first, or the one that ``page`` leads to."""

    operation: ClassVar[str] = "models"
    page: str | None = None


class ModelInfo(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a provider says of a model. ``created``: epoch seconds. ``window``: tokens in,
    ``max_output``: tokens out. What else it says is in ``extra``."""

    id: str
    name: str = ""
    created: int | None = None
    owner: str = ""
    window: int | None = None
    max_output: int | None = None
    extra: Extra = {}


class ModelsPage(OperationAnswer, frozen=True, omit_defaults=True, kw_only=True):
    """Some of a provider's models. ``next``: the ``page`` to ask for after this one."""

    usage: Usage | None = Usage()
    models: tuple[ModelInfo, ...] = ()
    next: str | None = None

    def recorded(self) -> Any:
        return {"models": len(self.models)}


def _turns(texts: Iterable[str]) -> tuple[Message, ...]:
    """The first of the texts, as many as the ledger keeps of a call. Whoever fills an index sends
    millions of characters, which he has on file himself."""
    kept: list[Message] = []
    room = _KEPT
    for text in texts:
        room -= len(text)
        if room < 0:
            break
        kept.append(Message("user", (Text(text),)))
    return tuple(kept)


def _tokens(texts: Iterable[str]) -> int:
    """One for four characters."""
    return sum(math.ceil(len(text) / 4) for text in texts)


def _given(request: OperationRequest, *names: str) -> Mapping[str, Any]:
    values = {name: getattr(request, name) for name in names}
    return {name: value for name, value in values.items() if value is not None and value != {}}


def vectors_of(
    found: Iterable[tuple[int, Vector[float]]], request: EmbedRequest
) -> tuple[Vector[float], ...]:
    """The vectors of an answer in the order of the texts, out of pairs of index and vector.

    Raises ``ValueError`` for an answer that would spoil an index unseen: a vector that is
    missing, there twice, of another length than the others or than was asked, or not finite.
    """
    wanted = len(request.texts)
    placed: dict[int, Vector[float]] = {}
    for index, vector in found:
        if index in placed or not 0 <= index < wanted:
            raise ValueError(f"it has a vector too many, for text {index} of {wanted}")
        placed[index] = vector
    if len(placed) != wanted:
        raise ValueError(f"it has {len(placed)} vectors for {wanted} texts")
    vectors = tuple(placed[index] for index in range(wanted))
    length = request.dimensions or len(vectors[0])
    for index, vector in enumerate(vectors):
        if len(vector) != length or not length:
            raise ValueError(f"vector {index} has {len(vector)} dimensions instead of {length}")
        if not math.isfinite(sum(vector)):
            raise ValueError(f"vector {index} holds a number that is not finite")
    return vectors


def ranking_of(found: Iterable[tuple[int, float]], request: RerankRequest) -> tuple[Ranked, ...]:
    """The results of an answer, best first, out of pairs of index and score.

    Raises ``ValueError`` for a document that is ranked twice or was not asked about, a score that
    is not finite, and fewer results than were asked for.
    """
    scores: dict[int, float] = {}
    for index, score in found:
        if index in scores or not 0 <= index < len(request.documents):
            raise ValueError(f"it ranks document {index} of {len(request.documents)} once too many")
        if not math.isfinite(score):
            raise ValueError(f"the score of document {index} is {score}")
        scores[index] = score
    if len(scores) < request.wanted:
        raise ValueError(f"it has {len(scores)} results instead of {request.wanted}")
    best = sorted(scores, key=lambda index: (-scores[index], index))
    return tuple(Ranked(index, scores[index]) for index in best[: request.wanted])
