"""Every row of the chat dialect, its documented exchanges, and a client that talks to either those
or the simulator."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from seawall import AsyncSeawall
from seawall.ports import Transport
from seawall.testing import VirtualClock
from seawall.vendors import Vendor, built_in, names

EXCHANGES = Path(__file__).parent / "exchanges"

TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {
                "type": "object",
                "properties": {"harbour": {"type": "string"}},
                "required": ["harbour"],
            },
        },
    }
]


class Error(Struct, frozen=True):
    """An error body of the vendor's, the kind of fault it is, and words of it that are kept."""

    status: int
    body: str
    fault: str
    says: str


class Exchanges(Struct, frozen=True, forbid_unknown_fields=True):
    """What a vendor's reference documents. ``accepts``: the fields of its request."""

    accepts: frozenset[str]
    text: str
    tools: str
    stream: str
    error: Error

    def structured(self, content: str) -> bytes:
        """The answer ``text``, saying ``content``."""
        body = msgspec.json.decode(self.text)
        body["choices"][0]["message"]["content"] = content
        return msgspec.json.encode(body)


def row(name: str) -> Vendor:
    found = built_in(name)
    assert found is not None
    return found


#: The simulator speaks one dialect so far: rows of others are held to their dialects' tests.
#: Those of the clouds, whose address depends on an account, are held to tests/clouds.
ROWS = [
    name for name in names() if row(name).dialect == "openai_chat" and not row(name).variables
]


@cache
def exchanges(name: str) -> Exchanges:
    """Raises ``FileNotFoundError`` for a row that has none."""
    file = EXCHANGES / f"{name}.toml"
    return msgspec.toml.decode(file.read_bytes(), type=Exchanges)


def client(
    name: str, transport: Transport, clock: VirtualClock | None = None, *, at: str = ""
) -> AsyncSeawall:
    """A client whose default model is one of the row's, with a key if the row has one. ``at``:
    another address than the row's."""
    entry = row(name)
    model = next(iter(entry.models), "some-model")
    options: dict[str, Any] = {} if clock is None else {"clock": clock}
    own = {"key": "sk-row-0123456789abcdef"} | ({"base_url": at} if at else {})
    return AsyncSeawall(
        model=f"{name}/{model}",
        vendors={name: own} if entry.key_env is not None else {},
        transports={"http": transport, "local": transport},
        ledger=False,
        **options,
    )


def takes_tools(name: str) -> bool:
    return "tools" not in row(name).quirks.unsupported
