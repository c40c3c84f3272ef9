"""The pytest plugin: fixtures ``simulator``, ``simulated_openai`` and its like for other SDKs, and
``exchanges``, and tests that cannot reach the network.

It is found by its entry point in every suite of an environment that has Seawall, so it does
nothing unasked: the network is refused to tests that use one of its fixtures or are marked
``refuse_network``, to all with ``seawall_network = refuse``, and never to those marked
``allow_network``. What the fixtures stand on is imported when one is used.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..errors import ConfigError
from ..plugins import load

if TYPE_CHECKING:
    from .exchanges import Exchanges
    from .provider import SimulatedProvider

__all__ = [
    "exchanges",
    "simulated_anthropic",
    "simulated_google",
    "simulated_openai",
    "simulator",
]

_FIXTURES = frozenset(__all__)
_MARKERS = (
    "simulator(*faults, answer, script, rpm, tpm, speed, seed): what the fixture simulator does",
    "allow_network: this test may reach the network",
    "refuse_network: this test may not reach the network",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("seawall")
    group.addoption(
        "--seawall-record",
        action="store_true",
        help="make the exchanges of the fixture exchanges anew, by asking for real",
    )
    parser.addini(
        "seawall_network",
        "refuse: no test may reach the network unless it is marked allow_network",
        default="",
    )


def pytest_configure(config: pytest.Config) -> None:
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    if config.getini("seawall_network") not in ("", "allow", "refuse"):
        raise pytest.UsageError(
            f"seawall_network is {config.getini('seawall_network')!r}; write refuse or allow"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    with ExitStack() as stack:
        if _refuses(item):
            stack.enter_context(load("testing", "seawall.testing.network:refuse_network")())
        return (yield)


def _refuses(item: pytest.Item) -> bool:
    if item.get_closest_marker("allow_network"):
        return False
    used = _FIXTURES.intersection(getattr(item, "fixturenames", ()))
    if "exchanges" in used and item.config.getoption("--seawall-record"):
        return False
    if used or item.get_closest_marker("refuse_network"):
        return True
    return item.config.getini("seawall_network") == "refuse"


@pytest.fixture
def simulator(request: pytest.FixtureRequest) -> Generator[SimulatedProvider, None, None]:
    """A provider that breaks on purpose: ``simulator.url`` for any client, ``fail`` to add
    faults, ``log`` and ``verdict()`` for what it saw. The marker ``simulator`` sets it up:
    ``@pytest.mark.simulator("429:requests=1", answer="Trieste")``."""
    marker = request.node.get_closest_marker("simulator")
    told: tuple[Any, Any] = (marker.args, marker.kwargs) if marker else ((), {})
    provider = load("testing", "seawall.testing.provider:SimulatedProvider")(*told[0], **told[1])
    yield provider
    provider.close()


@pytest.fixture
def simulated_openai(
    simulator: SimulatedProvider, monkeypatch: pytest.MonkeyPatch
) -> SimulatedProvider:
    """The simulator, where code that makes its own clients finds it: ``OPENAI_BASE_URL`` and
    ``OPENAI_API_KEY`` are set."""
    monkeypatch.setenv("OPENAI_BASE_URL", simulator.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-simulated")
    return simulator


@pytest.fixture
def simulated_anthropic(
    simulator: SimulatedProvider, monkeypatch: pytest.MonkeyPatch
) -> SimulatedProvider:
    """The same for the anthropic package: ``ANTHROPIC_BASE_URL`` and ``ANTHROPIC_API_KEY``."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", simulator.origin)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-simulated")
    return simulator


@pytest.fixture
def simulated_google(
    simulator: SimulatedProvider, monkeypatch: pytest.MonkeyPatch
) -> SimulatedProvider:
    """The same for the google-genai package: ``GOOGLE_GEMINI_BASE_URL`` and ``GEMINI_API_KEY``;
    what would lead it elsewhere is taken away."""
    for name in ("GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", simulator.origin)
    monkeypatch.setenv("GEMINI_API_KEY", "simulated")
    return simulator


@pytest.fixture
def exchanges(request: pytest.FixtureRequest) -> Generator[Exchanges, None, None]:
    """Real exchanges, kept beside the test in ``exchanges/MODULE/TEST``. ``--seawall-record``
    makes them anew; otherwise they are replayed and nothing else is."""
    name = re.sub(r"[^\w.-]+", "-", request.node.name)
    path = Path(request.path).parent / "exchanges" / request.path.stem / name
    recording = request.config.getoption("--seawall-record")
    try:
        made = load("testing", "seawall.testing.exchanges:Exchanges")(path, recording=recording)
    except ConfigError as error:
        pytest.fail(str(error), pytrace=False)
    yield made
    made.close()
