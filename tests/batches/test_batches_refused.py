"""What is wrong with a batch is told before anything is sent, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from batches_provider import provider
from batches_world import MODELS, settings
from msgspec.structs import replace

from seawall import AsyncSeawall
from seawall.client.batches import opening
from seawall.client.batches.place import Place, place_of
from seawall.errors import BadRequestError, CallNotFoundError, Fault, UnsupportedError
from seawall.server.messages import Head


@pytest.mark.parametrize(
    ("requests", "says"),
    [
        ({}, "no requests"),
        ([("a", "x"), ("a", "y")], "'a' is there twice"),
        ([("", "x")], "request 0 has the id ''"),
        ([{"id": "a"}], "needs an id and messages"),
        ([{"id": "a", "messages": "x", "temperatur": 1}], "'temperatur', which is no parameter"),
        ([{"id": "a", "messages": "x", "temperature": "hot"}], "request 'a': .*temperature"),
        ([{"id": "a", "messages": []}], "request 'a': .*there are no messages"),
        ("Name a harbour.", "a batch of a str"),
        (["Name a harbour."], "request 0 is a str"),
        ([{"id": "a", "messages": "\ud800"}], "request 'a': .*no Unicode"),
    ],
)
async def test_requests_that_cannot_be_understood(requests: Any, says: str, tmp_path: Path) -> None:
    with provider() as app:
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            with pytest.raises(Fault, match=says) as caught:
                await client.batch(requests, model=MODELS["openai"])
            assert caught.value.blames == "nobody"
            assert client.batches() == []
        assert app.asked == []


@pytest.mark.parametrize("id", ["a b", "x" * 65, "ä"])
async def test_an_id_that_a_provider_does_not_take(id: str, tmp_path: Path) -> None:
    with provider() as app:
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            with pytest.raises(BadRequestError, match="none that anthropic takes"):
                await client.batch({id: "x"}, model=MODELS["anthropic"])
        assert app.asked == []


@pytest.mark.parametrize(
    ("limits", "says"),
    [({"requests": 2}, "openai takes 2 requests"), ({"bytes": 900}, "openai takes 900 bytes")],
)
async def test_a_batch_that_is_too_large(
    limits: dict[str, int], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def smaller(*given: Any) -> Place:
        place = place_of(*given)
        return replace(place, offer=replace(place.offer, **limits))

    monkeypatch.setattr(opening, "place_of", smaller)
    drawn: list[int] = []

    def many() -> Any:
        for number in range(1000):
            drawn.append(number)
            yield {"id": str(number), "messages": "Name a harbour."}

    with provider() as app:
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            with pytest.raises(BadRequestError, match=says):
                await client.batch(many(), model=MODELS["openai"])
            assert client.batches() == []
        assert app.asked == []
        assert len(drawn) < 10, "it stops at the first that is too much"


async def test_limits_are_those_of_the_references(tmp_path: Path) -> None:
    with provider() as app:
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            offers = {api: place_of(client.assembly, (MODELS[api],)).offer for api in MODELS}
    assert {api: (each.requests, each.bytes) for api, each in offers.items()} == {
        "openai": (50_000, 200_000_000),
        "anthropic": (100_000, 256_000_000),
        "gemini": (None, 20_000_000),
        "mistral": (100_000, 512_000_000),
    }


async def test_who_has_no_batch_api_is_named_beside_those_who_have(tmp_path: Path) -> None:
    with provider() as app:
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            with pytest.raises(UnsupportedError, match="anthropic, google, mistral, openai"):
                await client.batch({"a": "x"}, model="local/qwen2.5-coder-1.5b")
            with pytest.raises(TypeError, match="a batch has no 'recovery'"):
                await client.batch({"a": "x"}, model=MODELS["openai"], recovery="hold")
            with pytest.raises(CallNotFoundError, match="b-0"):
                client.batch_of("b-0")
        assert app.asked == []


async def test_a_refused_submission_is_a_fault_and_stays_on_file(tmp_path: Path) -> None:
    with provider() as app:
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            body = b'{"error":{"message":"no such model","type":"invalid_request_error"}}'
            app.once(r"POST /v1/batches$", Head(400), body)
            with pytest.raises(BadRequestError, match="no such model"):
                await client.batch({"a": "x"}, model=MODELS["openai"])
            (left,) = client.batches()
            assert left.state == "failed"
            assert "no such model" in left.problems[0]
            assert await left.wait(1) == "failed"
