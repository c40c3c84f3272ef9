"""Embeddings: what is asked, what is taken for an answer, and what becomes of many texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from operations_upstream import Provider, client, floats, packed, vector

from seawall import Seawall
from seawall.errors import (
    BadRequestError,
    ConfigError,
    ContextLengthError,
    MalformedReplyError,
    ProviderError,
    UnsupportedError,
)
from seawall.sinks import Ledger

SMALL = "openai/text-embedding-3-small"


def _answer(*items: Any) -> tuple[int, Any]:
    return 200, {"object": "list", "data": list(items), "model": "m", "usage": None}


def _lists(reply: Any) -> list[list[float]]:
    return [list(vector) for vector in reply.vectors]


async def test_texts_become_vectors_in_their_order() -> None:
    provider = Provider()
    reply = await client(provider).embed(["tea", "coffee"], model=SMALL, dimensions=3, user="u1")
    assert _lists(reply) == [vector("tea"), vector("coffee")]
    assert reply.dimensions == 3
    assert provider.bodies == [
        {
            "model": "text-embedding-3-small",
            "input": ["tea", "coffee"],
            "encoding_format": "base64",
            "dimensions": 3,
            "user": "u1",
        }
    ]
    assert provider.asked[0].url == "https://api.openai.com/v1/embeddings"
    assert reply.model == SMALL
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 9
    assert reply.cost == 9 * 20
    assert not reply.cost_estimated
    assert [attempt.outcome for attempt in reply.decision.attempts] == ["finished"]


async def test_one_text_may_stand_alone() -> None:
    reply = await client(Provider()).embed("tea", model=SMALL)
    assert _lists(reply) == [vector("tea")]


@pytest.mark.parametrize(
    "data",
    [
        [{"index": 1, "embedding": [3.0, 4.0]}, {"index": 0, "embedding": [1.0, 2.0]}],
        [{"embedding": [1, 2]}, {"embedding": [3, 4]}],
        [{"index": 0, "embedding": packed([1, 2])}, {"index": 1, "embedding": [3, 4]}],
        [{"index": 1, "embedding": packed([3, 4])}, {"index": 0, "embedding": packed([1, 2])}],
    ],
    ids=["shuffled", "no index", "mixed", "base64"],
)
async def test_whatever_form_the_vectors_come_in(data: Any) -> None:
    provider = Provider()
    provider.script = [_answer(*data)]
    reply = await client(provider).embed(["a", "b"], model=SMALL)
    assert _lists(reply) == [[1.0, 2.0], [3.0, 4.0]]


_ONE = {"index": 0, "embedding": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("items", "why"),
    [
        ([_ONE], "1 vectors for 2 texts"),
        ([_ONE, _ONE], "a vector too many, for text 0"),
        ([_ONE, {"index": 2, "embedding": [1.0, 2.0]}], "a vector too many, for text 2 of 2"),
        ([_ONE, {"index": -1, "embedding": [1.0, 2.0]}], "too many"),
        ([_ONE, {"index": 1, "embedding": [1.0]}], "vector 1 has 1 dimensions instead of 2"),
        ([{"index": 0, "embedding": []}, {"index": 1, "embedding": []}], "0 dimensions"),
        ([_ONE, {"index": 1, "embedding": [1.0, None]}], "got `null`"),
        ([_ONE, {"index": 1, "embedding": packed([1.0, float("nan")])}], "not finite"),
        ([_ONE, {"index": 1, "embedding": packed([1.0, float("-inf")])}], "not finite"),
        ([_ONE, {"index": 1, "embedding": "AAAA"}], "size"),
        ([_ONE, {"index": 1, "embedding": "*"}], "base64|Only|Incorrect"),
        ([_ONE, {"index": 1, "embedding": [[1.0, 2.0]]}], "embedding"),
        ([_ONE, {"index": 1}], "embedding"),
    ],
)
async def test_an_answer_that_would_spoil_an_index_is_none(items: list[Any], why: str) -> None:
    provider = Provider()
    provider.script = [_answer(*items)] * 3
    with pytest.raises(MalformedReplyError, match=why) as raised:
        await client(provider).embed(["a", "b"], model=SMALL)
    assert "openai_chat embeddings" in str(raised.value)
    assert len(provider.asked) == 3


async def test_a_wish_for_shorter_vectors_that_was_not_heard_is_no_answer() -> None:
    provider = Provider()
    with pytest.raises(MalformedReplyError, match="3 dimensions instead of 2"):
        await client(provider).embed("a", model=SMALL, dimensions=2, retry=False)


async def test_an_error_that_came_as_success_is_one() -> None:
    provider = Provider()
    provider.script = [(200, {"error": {"message": "overloaded", "code": 503}})]
    reply = await client(provider).embed("tea", model=SMALL)
    assert _lists(reply) == [vector("tea")]
    assert [attempt.outcome for attempt in reply.decision.attempts] == ["overloaded", "finished"]


async def test_a_text_that_is_too_long_is_named_so() -> None:
    told = "This model's maximum context length is 8192 tokens, however you requested 9000 tokens"
    provider = Provider()
    provider.script = [(400, {"error": {"message": told, "code": "context_length_exceeded"}})]
    with pytest.raises(ContextLengthError):
        await client(provider).embed("tea", model=SMALL)


async def test_a_text_that_may_be_cut_is_remarked_and_one_that_must_be_is_refused() -> None:
    provider = Provider(lambda asked: (200, {"embeddings": [{"values": [1.0]}] * 2}))
    model = "google/gemini-embedding-001"
    reply = await client(provider).embed(["x" * 12_000, "a"], model=model)
    remark = f"the longest text has about 3000 tokens; {model} reads 2048"
    assert reply.decision.notes == [remark]
    with pytest.raises(ContextLengthError, match="longest text of about 10000 tokens cannot fit"):
        await client(provider).embed(["x" * 40_000, "a"], model=model)
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    ("texts", "options", "why"),
    [
        ([], {}, "texts is empty"),
        ("", {}, "texts is an empty text"),
        (["a", ""], {}, r"texts\[1\] is an empty text"),
        (["a", None], {}, r"texts\[1\] is a NoneType"),
        (b"a", {}, "texts is a bytes"),
        (7, {}, "texts is a int"),
        ("a", {"input_type": "search_query"}, "input_type is 'search_query'"),
        ("a", {"input_type": "documents"}, "did you mean 'document'"),
        ("a", {"dimensions": 0}, "dimensions is 0"),
        ("a", {"dimensions": True}, "dimensions is True"),
        ("a", {"user": 7}, "user is 7"),
        ("a", {"extra": {"user": 7}}, "extra holds fields by dialect"),
        ("a\ud800", {}, "no Unicode"),
    ],
)
async def test_what_cannot_be_embedded_is_said_before_it_is_asked(
    texts: Any, options: Any, why: str
) -> None:
    provider = Provider()
    with pytest.raises(BadRequestError, match=why):
        await client(provider).embed(texts, model=SMALL, **options)
    assert provider.asked == []


async def test_an_unknown_option_names_the_one_that_was_meant() -> None:
    with pytest.raises(TypeError, match="did you mean 'dimensions'"):
        await client(Provider()).embed("a", model=SMALL, dimension=3)  # type: ignore[call-arg]


async def test_more_texts_than_a_request_holds_are_asked_in_parts() -> None:
    provider = Provider()
    texts = [f"{index:05}" for index in range(600)]
    reply = await client(provider).embed(texts, model="mistral/mistral-embed")
    assert [len(body["input"]) for body in provider.bodies] == [256, 256, 88]
    assert [list(v) for v in reply.vectors] == [vector(text) for text in texts]
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 3000
    assert reply.cost == 3000 * 100
    assert [attempt.n for attempt in reply.decision.attempts] == [1, 2, 3]
    assert "600 texts were asked in 3 parts" in reply.decision.notes


async def test_long_texts_are_parted_by_their_tokens() -> None:
    provider = Provider()
    await client(provider).embed(["x" * 8000] * 10, model="mistral/mistral-embed")
    assert [len(body["input"]) for body in provider.bodies] == [3, 3, 3, 1]


async def test_every_part_has_the_policies_and_all_count() -> None:
    provider = Provider()
    provider.script = [
        (503, {"error": {"message": "busy"}}),
        floats({"input": ["a"] * 256, "model": "m"}),
        (503, {"error": {"message": "busy"}}),
    ]
    reply = await client(provider).embed(["a"] * 300, model="mistral/mistral-embed")
    outcomes = [attempt.outcome for attempt in reply.decision.attempts]
    assert outcomes == ["overloaded", "finished", "overloaded", "finished"]
    assert len(reply.vectors) == 300


async def test_attempts_granted_from_above_hold_for_each_part() -> None:
    provider = Provider()
    asking = client(provider)
    headers = {"x-seawall-attempts-left": "1"}
    reply = await asking.embed(["a"] * 600, model="mistral/mistral-embed", inherited=headers)
    assert len(reply.vectors) == 600
    provider.script = [floats({"input": ["a"] * 256, "model": "m"}), (503, b"{}")]
    with pytest.raises(ProviderError):
        await asking.embed(["a"] * 600, model="mistral/mistral-embed", inherited=headers)
    assert len(provider.asked) == 5


async def test_parts_of_different_lengths_are_no_answer() -> None:
    provider = Provider()
    provider.script = [floats({"input": ["a"] * 256, "model": "m"}), _answer(_ONE)]
    with pytest.raises(MalformedReplyError, match=r"different lengths: \[2, 3\]"):
        await client(provider).embed(["a"] * 257, model="mistral/mistral-embed")


async def test_the_same_model_elsewhere_may_take_over() -> None:
    provider = Provider()
    provider.script = [(503, b"{}")] * 3
    elsewhere = "openrouter/openai/text-embedding-3-small"
    reply = await client(provider).embed("tea", model=[SMALL, elsewhere])
    assert reply.model == elsewhere
    assert provider.bodies[-1]["model"] == "openai/text-embedding-3-small"


@pytest.mark.parametrize("missing", [False, True])
async def test_another_model_may_not(missing: bool) -> None:
    provider = Provider()
    lacking: dict[str, Any] = {"vendors": {"openai": {}}} if missing else {}
    with pytest.raises(ConfigError, match="different embedding models") as raised:
        await client(provider, **lacking).embed("tea", model=[SMALL, "mistral/mistral-embed"])
    assert 'same_as = "text-embedding-3-small"' in str(raised.value)
    assert provider.asked == []


async def test_a_model_under_another_name_may_be_said_to_be_the_same() -> None:
    provider = Provider()
    provider.script = [(503, b"{}")] * 3
    models = {"wall/deployment-7": {"same_as": "Text-Embedding-3-Small"}}
    reply = await client(provider, models=models).embed("tea", model=[SMALL, "wall/deployment-7"])
    assert reply.model == "wall/deployment-7"


async def test_a_vendor_without_embeddings_is_named_with_those_that_have_them() -> None:
    provider = Provider()
    with pytest.raises(UnsupportedError, match="anthropic cannot be asked for embeddings") as why:
        await client(provider).embed("tea", model="anthropic/claude-sonnet-5")
    for vendor in ("openai", "mistral", "google", "local"):
        assert vendor in str(why.value)
    assert "deepseek" not in str(why.value)
    assert provider.asked == []


async def test_dimensions_that_a_model_does_not_have_are_refused() -> None:
    provider = Provider()
    for model in ("openai/text-embedding-ada-002", "mistral/mistral-embed", "together/x"):
        with pytest.raises(UnsupportedError, match="dimensions is not accepted here"):
            await client(provider).embed("tea", model=model, dimensions=8)
    assert provider.asked == []


async def test_each_vendor_is_asked_in_its_own_words() -> None:
    provider = Provider()
    await client(provider).embed(
        "tea",
        model="mistral/codestral-embed",
        dimensions=3,
        user="u",
        extra={"openai_chat": {"a": 1}},
    )
    assert provider.bodies == [
        {"model": "codestral-embed", "input": ["tea"], "output_dimension": 3, "a": 1}
    ]


async def test_an_input_type_that_changes_nothing_is_left_out_with_a_note() -> None:
    provider = Provider()
    reply = await client(provider).embed("tea", model=SMALL, input_type="query")
    assert reply.decision.notes == [
        "input_type was left out; here texts are embedded alike for every use"
    ]


async def test_usage_that_does_not_come_is_estimated() -> None:
    provider = Provider()
    provider.script = [_answer(_ONE)]
    reply = await client(provider).embed("x" * 400, model=SMALL)
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 100
    assert reply.cost_estimated


async def test_the_ledger_tells_what_was_embedded_and_no_vector(tmp_path: Path) -> None:
    kept = {"dir": str(tmp_path)}
    async with client(Provider(), ledger=kept) as asking:
        reply = await asking.embed(["tea"], model=SMALL, dimensions=3, feature="search")
        with pytest.raises(BadRequestError):
            await asking.embed([], model=SMALL)
    with Ledger.open(tmp_path) as ledger:
        (row,) = ledger.calls(contents=True)
    assert (row.id, row.operation, row.feature) == (reply.id, "embeddings", "search")
    assert (row.outcome, row.prompt_tokens, row.cost_nano_usd) == ("finished", 3, 60)
    assert row.parameters == {"dimensions": 3}
    assert row.messages == [{"role": "user", "content": [{"type": "text", "text": "tea"}]}]
    assert row.response == {"model": "text-embedding-3-small", "vectors": 1, "dimensions": 3}


def test_the_synchronous_client_embeds_too() -> None:
    with Seawall(
        vendors={"openai": {"key": "k"}}, transports={"http": Provider()}, ledger=False
    ) as asking:
        assert _lists(asking.embed("tea", model=SMALL)) == [vector("tea")]


async def test_a_clients_own_options_of_chat_do_not_reach_an_embedding() -> None:
    provider = Provider()
    asking = client(provider).with_options(temperature=0.0, feature="f")
    await asking.embed("tea", model=SMALL)
    assert "temperature" not in provider.bodies[0]


async def test_gemini_is_asked_in_a_batch_with_the_task() -> None:
    def gemini(asked: Any) -> tuple[int, Any]:
        texts = [one["content"]["parts"][0]["text"] for one in asked["requests"]]
        return 200, {"embeddings": [{"values": vector(text)} for text in texts]}

    provider = Provider(gemini)
    texts = [f"text {index}" for index in range(150)]
    reply = await client(provider).embed(
        texts, model="google/gemini-embedding-001", input_type="document", dimensions=3
    )
    assert [list(v) for v in reply.vectors] == [vector(text) for text in texts]
    assert [len(body["requests"]) for body in provider.bodies] == [100, 50]
    assert provider.asked[0].url.endswith("/v1beta/models/gemini-embedding-001:batchEmbedContents")
    assert provider.header("x-goog-api-key") == "key-0123456789"
    assert provider.bodies[0]["requests"][0] == {
        "model": "models/gemini-embedding-001",
        "content": {"parts": [{"text": "text 0"}]},
        "taskType": "RETRIEVAL_DOCUMENT",
        "outputDimensionality": 3,
    }
    assert reply.cost_estimated
    await client(provider).embed("x", model="google/gemini-embedding-2", input_type="query")
    assert "taskType" not in provider.bodies[-1]["requests"][0]


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b"[" * 100_000, b"<html>"])
@pytest.mark.parametrize("model", [SMALL, "google/gemini-embedding-001"])
async def test_what_is_no_answer_at_all(body: bytes, model: str) -> None:
    provider = Provider()
    provider.script = [(200, body)]
    with pytest.raises(MalformedReplyError):
        await client(provider).embed("tea", model=model, retry=False)


def test_vectors_can_be_taken_apart_and_encoded() -> None:
    with Seawall(
        vendors={"openai": {"key": "k"}}, transports={"http": Provider()}, ledger=False
    ) as asking:
        found = asking.embed("tea", model=SMALL).vectors[0]
    assert msgspec.json.encode(found.tolist()) == b"[3.0,116.0,0.5]"
    assert memoryview(found).nbytes == 12


async def test_the_ledger_does_not_keep_a_whole_corpus(tmp_path: Path) -> None:
    async with client(Provider(), ledger={"dir": str(tmp_path)}) as asking:
        await asking.embed(["x" * 300_000] * 5, model="wall/m")
    with Ledger.open(tmp_path) as ledger:
        (row,) = ledger.calls(contents=True)
    assert (len(row.messages), row.parameters) == (3, {"texts": 5})
    assert row.prompt_tokens == 1_500_000
    assert row.response["vectors"] == 5
