"""A batch from end to end at each provider: submitted, waited for, read, billed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from batches_provider import provider
from batches_world import MODELS, REQUESTS, settings

from seawall import AsyncSeawall


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
