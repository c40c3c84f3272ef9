"""What users bring along goes through the door too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import openai
import pybreaker
import pytest
import tenacity
from door_world import KEY, MESSAGES, DoorWorld, faulty

import seawall
from seawall.simulator import Script, Simulator
from seawall.simulator.answers import TEXT


async def test_tenacity_around_the_sdk_stays_inside_the_budget(tmp_path: Path) -> None:
    world = DoorWorld(tmp_path, faulty("429-bare"))

    async def sleep(seconds: float) -> None:
        await world.clock.sleep(seconds)

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(openai.APIError),
        wait=tenacity.wait_fixed(0.2),
        stop=tenacity.stop_after_attempt(40),
        sleep=sleep,
        reraise=True,
    )
    async def ask() -> str:
        return await world.text()

    with pytest.raises(openai.APIStatusError):
        await world.run(ask())
    # Forty outer attempts of three inner ones would be 120.
    assert len(list(world.first.log)) <= 12
    rows = await world.rows()
    assert rows[-1].outcome == "fault"
    kinds = {row.error_kind for row in rows}
    assert "circuit_open" in kinds


async def test_waits_and_stops_of_tenacity(tmp_path: Path) -> None:
    retry: Any = {"wait": tenacity.wait_fixed(3), "stop": tenacity.stop_after_attempt(2)}
    world = DoorWorld(tmp_path, faulty("500"), retry=retry)
    with pytest.raises(openai.InternalServerError):
        await world.run(world.text())
    assert [seen.at for seen in world.first.log] == [0, pytest.approx(3)]


async def test_a_pybreaker(tmp_path: Path) -> None:
    opened: list[str] = []

    class Listener(pybreaker.CircuitBreakerListener):
        def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
            opened.append(new_state.name)

    breaker = pybreaker.CircuitBreaker(fail_max=2, reset_timeout=60, listeners=[Listener()])
    world = DoorWorld(tmp_path, faulty("500"), breaker=breaker)
    for _ in range(2):
        with pytest.raises(openai.InternalServerError) as caught:
            await world.run(world.text())
    assert caught.value.code == "circuit_open"
    assert opened == ["open"]
    assert len(list(world.first.log)) == 2


async def test_a_transport_of_the_callers(tmp_path: Path) -> None:
    simulator = Simulator(Script())
    said: list[str] = []

    async def hook(request: httpx2.Request) -> None:
        said.append(str(request.url))

    async with (
        simulator.serve() as url,
        httpx2.AsyncClient(event_hooks={"request": [hook]}) as mine,
    ):
        http = seawall.http_client(transport=mine, ledger={"dir": str(tmp_path)})
        sdk = openai.AsyncOpenAI(api_key=KEY, base_url=url, http_client=http)
        done = await sdk.chat.completions.create(model="sim", messages=MESSAGES)
        await http.aclose()
    assert done.choices[0].message.content == TEXT
    assert said == [f"{url}/chat/completions"]
