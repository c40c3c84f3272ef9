"""Ten thousand random schedules of faults and cancellations hold the invariants."""

from __future__ import annotations

import pytest
from faults_schedules import play

SEEDS = 10_000
PARTS = 20


@pytest.mark.parametrize("part", range(PARTS))
async def test_schedules(part: int) -> None:
    for seed in range(part, SEEDS, PARTS):
        try:
            await play(seed)
        except BaseException as error:
            error.add_note(f"again: python tests/faults/faults_schedules.py {seed}")
            raise
