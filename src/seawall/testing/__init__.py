"""What a test of code that calls models needs: time that passes when the test says so, a
provider that breaks on purpose, exchanges recorded and replayed, and no real network.

The fixtures are in ``seawall.testing.plugin``, which pytest finds by itself. Names are imported
when they are first used, so that suites that use none of them pay for none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .clock import VirtualClock
    from .exchanges import Exchanges
    from .network import NetworkRefused, refuse_network
    from .provider import SimulatedProvider

_WHERE = {
    "Exchanges": ".exchanges",
    "NetworkRefused": ".network",
    "SimulatedProvider": ".provider",
    "VirtualClock": ".clock",
    "refuse_network": ".network",
}

__all__ = [
    "Exchanges",
    "NetworkRefused",
    "SimulatedProvider",
    "VirtualClock",
    "refuse_network",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'seawall.testing' has no attribute {name!r}")
    value = getattr(import_module(_WHERE[name], __name__), name)
    globals()[name] = value
    return value
