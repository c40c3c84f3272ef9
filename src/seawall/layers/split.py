"""Splitting: more texts than one request may hold, asked in several and joined in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from ..core import Handler, Reply, Route
from ..core.call import Call
from ..errors import MalformedReplyError
from ..operations import Embeddings, EmbedRequest
from ..types import Usage

__all__ = ["SplitLayer", "parts"]

#: No text of any language people write has a token for less than two bytes of UTF-8 on average,
#: so what fits at this rate is never refused for its length.
_BYTES = 2


def parts(texts: Sequence[str], most: int, tokens: int | None) -> Iterator[tuple[str, ...]]:
    """``texts`` in order, at most ``most`` at a time and, by a careful estimate, ``tokens`` of
    them. A text that is too long by itself goes alone: that is the provider's to judge."""
    part: list[str] = []
    held = 0
    for text in texts:
        size = len(text.encode(errors="replace")) // _BYTES + 1
        if part and (len(part) == most or (tokens is not None and held + size > tokens)):
            yield tuple(part)
            part, held = [], 0
        part.append(text)
        held += size
    yield tuple(part)


class SplitLayer:
    """Outside the fallback. Each part is asked after the one before, with every policy, and is an
    attempt of its own in the decision record; a limit on attempts that came with the call holds
    for each. A part that fails fails the call; what the others cost is accounted for."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._most = min(route.quirks.max_batch for route in routes)
        tokens = [route.quirks.max_batch_tokens for route in routes]
        self._tokens = min((most for most in tokens if most is not None), default=None)

    def __call__(self, inner: Handler, /) -> Handler:
        async def handler(call: Call) -> Reply:
            request = call.question
            assert isinstance(request, EmbedRequest)
            split = list(parts(request.texts, self._most, self._tokens))
            if len(split) == 1:
                return await inner(call)
            call.note(f"{len(request.texts)} texts were asked in {len(split)} parts")
            answers = [await _ask(inner, call, replace(request, texts=part)) for part in split]
            return Reply(call, answer=_joined(answers))

        return handler


async def _ask(inner: Handler, call: Call, request: EmbedRequest) -> Embeddings:
    asked = call.fork(request=request)
    if call.attempts_left is not None:
        asked.attempts_left = call.attempts_left + len(call.decision.attempts)
    reply = await inner(asked)
    call.route = asked.route
    assert isinstance(reply.answer, Embeddings)
    return reply.answer


def _joined(answers: Sequence[Embeddings]) -> Embeddings:
    lengths = {len(vector) for answer in answers for vector in answer.vectors[:1]}
    if len(lengths) != 1:
        raise MalformedReplyError(
            f"parts of one answer have vectors of different lengths: {sorted(lengths)}",
            retry=False,
        )
    usages = [answer.usage for answer in answers if answer.usage is not None]
    whole = len(usages) == len(answers)
    return Embeddings(
        id=answers[0].id,
        model=answers[0].model,
        vectors=tuple(vector for answer in answers for vector in answer.vectors),
        usage=sum(usages, Usage()) if whole else None,
    )
