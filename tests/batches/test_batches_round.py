"""A batch from end to end at each provider: submitted, waited for, read, billed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from batches_provider import provider
from batches_world import MODELS, REQUESTS, settings

from seawall import AsyncSeawall, Seawall
from seawall.errors import OutputError, UnansweredError
from seawall.sinks import Ledger


@dataclass
class Harbour:
    harbour: str


@pytest.mark.parametrize("api", MODELS)
async def test_answers_come_back_by_the_ids_they_were_asked_with(api: str, tmp_path: Path) -> None:
    with provider() as app:
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            batch = await client.batch(
                REQUESTS, model=MODELS[api], feature="ports", output=Harbour, max_tokens=50
            )
            assert batch.state in ("validating", "in_progress")
            assert batch.counts.total == 3
            assert await batch.wait(20, first=0.01) == "completed"
            found = {item.id: item async for item in batch.results()}
    assert set(found) == {"a", "b", "c"}
    assert found["b"].output == Harbour("answer to b")
    assert "answer to b" in found["b"].text
    assert {item.fault for item in found.values()} == {None}


@pytest.mark.parametrize("api", MODELS)
async def test_each_request_is_billed_once_at_half_the_price(api: str, tmp_path: Path) -> None:
    with provider() as app:
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            price = client.assembly.router.route(MODELS[api]).price
            assert price is not None
            whole = -(-(1000 * price.input + 100 * price.output) // 1000)
            batch = await client.batch(REQUESTS, model=MODELS[api], feature="ports")
            await batch.wait(20, first=0.01)
            costs = [item.cost async for item in batch.results()]
            assert costs == [whole // 2] * 3
            assert len([item async for item in batch.results()]) == 3
        async with AsyncSeawall(**settings(app, tmp_path)) as other:
            # Another process that reads it, too, bills nothing more.
            again = other.batch_of(batch.handle)
            again._file.steps = [step for step in again._file.steps if step.step != "settled"]  # pyright: ignore[reportPrivateUsage]
            assert [item.cost async for item in again.results()] == costs
    with Ledger.open(tmp_path) as ledger:
        rows = list(ledger.calls())
    assert [(row.feature, row.outcome, row.operation) for row in rows] == [
        ("ports", "finished", "batch")
    ] * 3
    assert sum(row.cost_nano_usd or 0 for row in rows) == 3 * (whole // 2)
    assert {row.model for row in rows} == {MODELS[api]}


@pytest.mark.parametrize("api", MODELS)
async def test_what_went_wrong_with_a_request_is_told_by_its_id(api: str, tmp_path: Path) -> None:
    with provider() as app:
        app.broken = {"a": "error", "c": "absent", "d": "expired"}
        requests = [{"id": id, "messages": "hm"} for id in "abcd"]
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            batch = await client.batch(requests, model=MODELS[api])
            await batch.wait(20, first=0.01)
            found = {item.id: item async for item in batch.results()}
    assert sorted(found) == ["a", "b", "c", "d"]
    assert "bad a" in str(found["a"].fault)
    assert getattr(found["a"].fault, "kind", None) == "bad_request"
    assert "answer to b" in found["b"].text
    assert isinstance(found["c"].fault, UnansweredError)
    if api != "gemini":  # which ends a batch that ran out of time without any answer
        assert isinstance(found["d"].fault, UnansweredError)
        assert found["d"].fault.code == "expired"
    with pytest.raises(UnansweredError, match="this request"):
        _ = found["c"].text
    with Ledger.open(tmp_path) as ledger:
        kinds = sorted(row.error_kind or "" for row in ledger.calls())
    assert kinds[:3] == ["", "bad_request", "bad_request" if api == "gemini" else "unanswered"]


async def test_an_answer_that_misses_its_type_is_a_fault_that_keeps_it(tmp_path: Path) -> None:
    @dataclass
    class Other:
        depth: int

    with provider() as app:
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            batch = await client.batch({"a": "?"}, model=MODELS["openai"], output=Other)
            await batch.wait(20, first=0.01)
            (item,) = [item async for item in batch.results()]
    assert isinstance(item.fault, OutputError)
    assert item.response is not None
    assert item.cost


@pytest.mark.parametrize("api", MODELS)
async def test_a_cancelled_batch_says_so_of_what_was_not_answered(api: str, tmp_path: Path) -> None:
    with provider() as app:
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            app.broken = dict.fromkeys(REQUESTS, "absent") if api != "anthropic" else {}
            batch = await client.batch(REQUESTS, model=MODELS[api])
            assert await batch.cancel() == "cancelled"
            found = [item.fault async for item in batch.results()]
    assert [fault.code for fault in found if fault is not None] == ["cancelled"] * 3


def test_the_synchronous_client_does_the_same(tmp_path: Path) -> None:
    with provider() as app, Seawall(**settings(app, tmp_path)) as client:
        batch = client.batch(REQUESTS, model=MODELS["mistral"])
        assert batch.wait(20, first=0.01) == "completed"
        first = next(iter(batch.results()))
        assert "answer to" in first.text
        assert sorted(item.id for item in batch.results()) == ["a", "b", "c"]
        assert [each.handle for each in client.batches()] == [batch.handle]
        assert client.batch_of(batch.id).state == "completed"
        batch.forget()
        assert client.batches() == []
