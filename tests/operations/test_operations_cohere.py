"""Cohere's own operations, after its OpenAPI description: vectors, rankings, its list of models."""

from __future__ import annotations

from typing import Any

import pytest
from operations_upstream import Answer, Provider, client, vector

from seawall import AsyncSeawall
from seawall.errors import MalformedReplyError, UnsupportedError

KEY = {"cohere": {"key": "co-key-0123456789"}}


def embedded(asked: Any) -> Answer:
    texts = asked["texts"]
    return 200, {
        "id": "e-1",
        "embeddings": {"float": [vector(text) for text in texts]},
        "texts": texts,
        "meta": {
            "api_version": {"version": "2"},
            "billed_units": {"input_tokens": sum(map(len, texts))},
            "warnings": ["a warning"],
        },
        "response_type": "embeddings_by_type",
    }


def world(provider: Provider, **settings: Any) -> AsyncSeawall:
    return client(provider, vendors=KEY, **settings)


async def test_texts_become_vectors() -> None:
    provider = Provider(embedded)
    models = {"cohere/embed-v4.0": {"price": {"input": "0.10", "output": "0"}}}
    reply = await world(provider, models=models).embed(
        ["tea", "rain"], model="cohere/embed-v4.0", input_type="query", dimensions=3
    )
    assert [list(one) for one in reply.vectors] == [vector("tea"), vector("rain")]
    assert provider.asked[0].url == "https://api.cohere.com/v2/embed"
    assert provider.header("authorization") == "Bearer co-key-0123456789"
    assert provider.bodies == [
        {
            "model": "embed-v4.0",
            "texts": ["tea", "rain"],
            "input_type": "search_query",
            "embedding_types": ["float"],
            "truncate": "NONE",
            "output_dimension": 3,
        }
    ]
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 7
    assert reply.cost == 7 * 100


@pytest.mark.parametrize(
    ("wanted", "said", "notes"),
    [
        ("document", "search_document", 0),
        ("classification", "classification", 0),
        ("clustering", "clustering", 0),
        (None, "search_document", 1),
        ("similarity", "clustering", 1),
        ("code_query", "search_query", 1),
    ],
)
async def test_what_a_text_is_embedded_for(wanted: Any, said: str, notes: int) -> None:
    provider = Provider(embedded)
    reply = await world(provider).embed("tea", model="cohere/embed-v4.0", input_type=wanted)
    assert provider.bodies[0]["input_type"] == said
    assert len(reply.decision.notes) == notes


async def test_many_texts_are_asked_for_in_turns() -> None:
    provider = Provider(embedded)
    texts = [f"{n:03}" for n in range(100)]
    reply = await world(provider).embed(texts, model="cohere/embed-english-v3.0")
    assert sorted(len(body["texts"]) for body in provider.bodies) == [4, 96]
    assert len(reply.vectors) == 100


async def test_an_older_model_cannot_shorten_its_vectors() -> None:
    provider = Provider(embedded)
    with pytest.raises(UnsupportedError, match="output_dimension"):
        await world(provider).embed("tea", model="cohere/embed-english-v3.0", dimensions=256)
    assert provider.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        {"id": "e"},
        {"embeddings": {"int8": [[1]]}},
        {"embeddings": {"float": []}},
        {"embeddings": {"float": [[1.0], [2.0]]}},
        {"embeddings": {"float": [["a"]]}},
    ],
)
async def test_an_answer_without_the_vectors_is_none(answer: Any) -> None:
    provider = Provider(lambda asked: (200, answer))
    with pytest.raises(MalformedReplyError):
        await world(provider).embed("tea", model="cohere/embed-v4.0")


async def test_documents_are_ranked_and_searches_paid_for() -> None:
    results = [
        {"index": 1, "relevance_score": 0.999071},
        {"index": 0, "relevance_score": 0.32713068},
    ]
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    provider = Provider(lambda asked: (200, {"results": results, "id": "r", "meta": meta}))
    models = {"cohere/rerank-v4.0-pro": {"price": {"input": "0", "output": "0", "search": "2.50"}}}
    reply = await world(provider, models=models).rerank(
        "wind?", ["tea", "the bora"], model="cohere/rerank-v4.0-pro", top_n=2
    )
    assert [(found.index, found.document) for found in reply.results] == [
        (1, "the bora"),
        (0, "tea"),
    ]
    assert provider.asked[0].url == "https://api.cohere.com/v2/rerank"
    assert provider.bodies == [
        {"model": "rerank-v4.0-pro", "query": "wind?", "documents": ["tea", "the bora"], "top_n": 2}
    ]
    assert reply.usage is not None
    assert reply.usage.search_units == 1
    assert reply.cost == 2_500_000


@pytest.mark.parametrize("results", [None, [], [{"index": 0}], [{"relevance_score": 1.0}]])
async def test_an_answer_without_a_ranking_is_none(results: Any) -> None:
    provider = Provider(lambda asked: (200, {"results": results}))
    with pytest.raises(MalformedReplyError):
        await world(provider).rerank("q", ["a"], model="cohere/rerank-v3.5")


async def test_its_models_come_in_pages() -> None:
    provider = Provider()
    first = {"name": "command-a-03-2025", "endpoints": ["chat"], "context_length": 288000.0}
    second = {"name": "embed-v4.0", "endpoints": ["embed"], "context_length": 0}
    provider.script = [
        (200, {"models": [first], "next_page_token": "n"}),
        (200, {"models": [second]}),
    ]
    found = list(await world(provider).models("cohere"))
    assert [(one.id, one.window) for one in found] == [
        ("command-a-03-2025", 288000),
        ("embed-v4.0", None),
    ]
    assert found[0].extra == {"cohere": {"endpoints": ["chat"]}}
    assert [asked.url for asked in provider.asked] == [
        "https://api.cohere.com/v1/models?page_size=1000",
        "https://api.cohere.com/v1/models?page_size=1000&page_token=n",
    ]
