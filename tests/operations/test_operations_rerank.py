"""Reranking: the order of documents, whoever ranks them and however the answer is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from operations_upstream import Provider, client

from seawall.errors import BadRequestError, MalformedReplyError, UnsupportedError
from seawall.sinks import Ledger

DOCUMENTS = ["rain in Trieste", "tea", "the bora blows"]


def _answer(*scores: tuple[int, float], **more: Any) -> tuple[int, Any]:
    results = [{"index": index, "relevance_score": score} for index, score in scores]
    return 200, {"id": "r1", "model": "m", "results": results, **more}


async def test_documents_come_back_best_first() -> None:
    provider = Provider()
    usage = {"total_tokens": 40}
    provider.script = [_answer((0, 0.2), (1, -3.0), (2, 0.9), usage=usage)]
    models = {"wall/bge": {"price": {"input": "0.10", "output": "0"}}}
    reply = await client(provider, models=models).rerank("wind?", DOCUMENTS, model="wall/bge")
    assert [(found.index, found.score) for found in reply.results] == [
        (2, 0.9),
        (0, 0.2),
        (1, -3.0),
    ]
    assert reply.results[0].document == "the bora blows"
    assert provider.bodies == [{"model": "bge", "query": "wind?", "documents": DOCUMENTS}]
    assert provider.asked[0].url == "http://wall.test/v1/rerank"
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 40
    assert reply.cost == 40 * 100


async def test_only_the_best_were_wanted() -> None:
    provider = Provider()
    provider.script = [_answer((0, 0.2), (1, 0.1), (2, 0.9)), _answer((1, 1.0), (0, 0.5), (2, 0.5))]
    reply = await client(provider).rerank("wind?", DOCUMENTS, model="wall/bge", top_n=1)
    assert [found.index for found in reply.results] == [2]
    assert provider.bodies[0]["top_n"] == 1
    reply = await client(provider).rerank("wind?", DOCUMENTS, model="wall/bge", top_n=9)
    assert [found.index for found in reply.results] == [1, 0, 2]
    assert provider.bodies[1]["top_n"] == 3


async def test_other_names_for_the_same() -> None:
    provider = Provider()
    items = [{"index": 1, "score": 0.5}, {"index": 0, "score": 1}]
    provider.script = [(200, {"data": items, "usage": {"prompt_tokens": 7, "total_tokens": 7}})]
    reply = await client(provider).rerank("q", ["a", "b"], model="wall/bge")
    assert [(found.index, found.document) for found in reply.results] == [(0, "a"), (1, "b")]


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ([(0, 1.0)], "1 results instead of 3"),
        ([(0, 1.0), (0, 1.0), (1, 1.0)], "document 0 of 3 once too many"),
        ([(0, 1.0), (1, 1.0), (3, 1.0)], "document 3 of 3 once too many"),
        ([(0, 1.0), (1, 1.0), ("2", 1.0)], "no index and score"),
        ([(0, 1.0), (1, 1.0), (2, None)], "no index and score"),
    ],
)
async def test_an_answer_that_is_no_ranking(scores: list[Any], why: str) -> None:
    provider = Provider()
    provider.script = [_answer(*scores)]
    with pytest.raises(MalformedReplyError, match=why):
        await client(provider).rerank("q", DOCUMENTS, model="wall/bge", retry=False)


async def test_any_other_model_may_take_over() -> None:
    provider = Provider()
    provider.script = [(503, b"{}")] * 3 + [_answer((0, 1.0), (1, 0.5), (2, 0.1))]
    reply = await client(provider).rerank("q", DOCUMENTS, model=["wall/bge", "together/other"])
    assert reply.model == "together/other"


async def test_a_route_that_does_not_rank_is_passed_over() -> None:
    provider = Provider()
    provider.script = [_answer((0, 1.0), (1, 0.5), (2, 0.1))]
    reply = await client(provider).rerank("q", DOCUMENTS, model=["openai/gpt-4o", "wall/bge"])
    assert reply.model == "wall/bge"
    assert [(r.model, r.reason) for r in reply.decision.refused] == [
        ("openai/gpt-4o", "openai does not serve rerank")
    ]
    with pytest.raises(
        UnsupportedError, match=r"openai cannot be asked for rerank; these can: .*tog"
    ):
        await client(provider).rerank("q", DOCUMENTS, model="openai/gpt-4o")


@pytest.mark.parametrize(
    ("query", "documents", "options", "why"),
    [
        ("", ["a"], {}, "query is an empty text"),
        ("q", [], {}, "documents is empty"),
        ("q", "a", {}, "documents is one text"),
        ("q", ["a", 3], {}, r"documents\[1\] is a int"),
        ("q", ["a"], {"top_n": 0}, "top_n is 0"),
    ],
)
async def test_what_cannot_be_ranked(query: Any, documents: Any, options: Any, why: str) -> None:
    provider = Provider()
    with pytest.raises(BadRequestError, match=why):
        await client(provider).rerank(query, documents, model="wall/bge", **options)
    assert provider.asked == []


async def test_the_ledger_keeps_the_ranking(tmp_path: Path) -> None:
    provider = Provider()
    provider.script = [_answer((0, 1.0), (1, 0.5), (2, 0.1))]
    async with client(provider, ledger={"dir": str(tmp_path)}) as asking:
        await asking.rerank("q", DOCUMENTS, model="wall/bge", top_n=2)
    with Ledger.open(tmp_path) as ledger:
        (row,) = ledger.calls(contents=True)
    assert (row.operation, row.parameters) == ("rerank", {"top_n": 2})
    assert [turn["content"][0]["text"] for turn in row.messages] == ["q", *DOCUMENTS]
    assert [found["index"] for found in row.response["results"]] == [0, 1]
