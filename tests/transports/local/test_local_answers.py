"""What the embedded model serves: every claim is made to the real one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from local_world import answer, ask, streamed, watch

from seawall.dialects.openai_chat import WIRE
from seawall.errors import BadRequestError, ContextLengthError
from seawall.ports import Headers
from seawall.transports.http import Http
from seawall.transports.local import Engine, Local

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "price_range": {"enum": ["budget", "mid", "premium"]},
    },
    "required": ["name", "price_range"],
    "additionalProperties": False,
}


@pytest.fixture
def engine() -> Engine:
    return Engine(context=256, threads=1, grace=30, start=60)


async def test_an_answer_names_the_model_that_gave_it(local: Local) -> None:
    code, reply = await ask(local, "Say hi.", max_tokens=5, temperature=0)
    assert code == 200
    assert reply["model"] == "smollm2-135m"
    assert reply["choices"][0]["message"]["content"]
    assert reply["choices"][0]["finish_reason"] == "length"


async def test_a_stream_says_the_same_as_the_whole_answer(local: Local) -> None:
    fields = {"max_tokens": 12, "temperature": 0, "seed": 1}
    events = await streamed(local, "Say hi.", **fields)
    assert events[-1] == "[DONE]"
    deltas = [choice["delta"] for event in events[:-1] for choice in event["choices"]]
    text = "".join(delta.get("content") or "" for delta in deltas)
    assert text == await answer(local, "Say hi.", **fields)
    assert sum(bool(delta.get("content")) for delta in deltas) > 5


async def test_tokens_are_counted_by_the_models_own_tokenizer(
    local: Local, http: Http, runtime: Path
) -> None:
    text = "Grüße, 世界: how many tokens is this?"
    fields = {"max_tokens": 7, "ignore_eos": True, "seed": 1}
    _, reply = await ask(local, text, **fields)
    watched = await watch(runtime)
    messages = {"messages": [{"role": "user", "content": text}]}
    prompt = (await watched.say(http, "POST", "/apply-template", messages))["prompt"]
    pieces = await watched.say(http, "POST", "/tokenize", {"content": prompt, "add_special": True})
    watched.leave()
    usage = reply["usage"]
    assert usage["prompt_tokens"] == len(pieces["tokens"])
    assert usage["completion_tokens"] == 7
    assert usage["total_tokens"] == usage["prompt_tokens"] + 7

    events = await streamed(local, text, stream_options={"include_usage": True}, **fields)
    assert events[-2]["usage"] == usage


async def test_a_seed_repeats_the_answer_whatever_was_asked_in_between(local: Local) -> None:
    fields = {"max_tokens": 30, "temperature": 1.2, "seed": 42}
    story = "Invent a name for a harbour cafe and tell its story."
    first = await answer(local, story, **fields)
    assert await answer(local, story, **fields) == first
    await answer(local, "Something else.", max_tokens=3)
    assert await answer(local, story, **fields) == first
    assert await answer(local, story, **fields | {"seed": 43}) != first


async def test_a_stop_word_ends_the_answer_and_is_left_out(local: Local) -> None:
    fields = {"max_tokens": 40, "temperature": 0, "seed": 1}
    question = "Count: one two three four five six"
    text = await answer(local, question, **fields)
    word = text.split()[3]
    code, reply = await ask(local, question, stop=[word], **fields)
    assert code == 200
    assert reply["choices"][0]["message"]["content"] == text[: text.index(word)]
    assert reply["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_schema_holds_whatever_the_model_would_rather_say(local: Local, seed: int) -> None:
    shape = {"type": "json_schema", "json_schema": {"name": "p", "strict": True, "schema": SCHEMA}}
    text = await answer(
        local,
        "Tell me a joke in plain words, without any JSON.",
        response_format=shape,
        temperature=1,
        seed=seed,
        max_tokens=80,
    )
    found = json.loads(text)
    assert set(found) == {"name", "price_range"}
    assert found["price_range"] in {"budget", "mid", "premium"}


async def test_json_mode_gives_an_object(local: Local) -> None:
    text = await answer(
        local,
        'Say {"a": 1}.',
        response_format={"type": "json_object"},
        temperature=0,
        seed=1,
        max_tokens=60,
    )
    assert text.startswith("{")


async def test_a_question_longer_than_the_context_is_a_context_length_error(local: Local) -> None:
    code, reply = await ask(local, "wave " * 300, max_tokens=5)
    fault = WIRE.fault(code, Headers(), json.dumps(reply).encode())
    assert isinstance(fault, ContextLengthError)
    assert reply["error"]["n_ctx"] == 256


async def test_an_answer_that_fills_the_context_ends_with_length(local: Local) -> None:
    code, reply = await ask(local, "wave " * 180, max_tokens=500, ignore_eos=True)
    assert code == 200
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["usage"]["total_tokens"] == 256


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"messages": 3}, "messages"),
        ({"n": 2}, "n"),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "p", "schema": {"type": "nonsense"}},
                }
            },
            "nonsense",
        ),
    ],
)
async def test_what_cannot_be_served_is_refused_in_words(
    local: Local, fields: dict[str, object], word: str
) -> None:
    code, reply = await ask(local, "Say hi.", **fields)
    fault = WIRE.fault(code, Headers(), json.dumps(reply).encode())
    assert type(fault) is BadRequestError
    assert word in fault.message


async def test_any_gguf_file_is_asked_by_its_path(
    make: Callable[..., Local], weights: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mine.gguf"
    path.symlink_to(weights)
    code, reply = await ask(make(str(path)), "Say hi.", max_tokens=2)
    assert code == 200
    assert reply["model"] == "mine"
