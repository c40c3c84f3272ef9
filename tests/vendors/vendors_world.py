"""Every row, its exchanges, and a client that talks to either those or the simulator."""

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

KEY = "sk-row-0123456789abcdef"
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


class Exchanges(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What passes between a client and a vendor. ``after``: the reference or SDK types that the
    documented ones follow; those named in ``captured`` were recorded from the vendor itself.
    ``like``: they are those of another row, but for what is told here. ``accepts``: the fields of
    its request."""

    after: str
    captured: tuple[str, ...] = ()
    like: str = ""
    accepts: frozenset[str] = frozenset()
    text: str = ""
    tools: str = ""
    parallel: str = ""
    structured: str = ""
    stream: str = ""
    error: Error | None = None


class Subject(Struct, frozen=True):
    """A vendor's row as it is asked in one dialect, for the models that are asked so."""

    vendor: str
    dialect: str

    @property
    def row(self) -> Vendor:
        found = built_in(self.vendor)
        assert found is not None
        return found.of(self.model)

    @property
    def name(self) -> str:
        """That of the file of its exchanges."""
        found = built_in(self.vendor)
        own = found is not None and found.dialect == self.dialect
        return self.vendor if own else f"{self.vendor}.{self.dialect}"

    @property
    def model(self) -> str:
        found = built_in(self.vendor)
        assert found is not None
        for pattern, family in found.families.items():
            if family.dialect == self.dialect:
                return pattern.replace("*", "opus-5")
        models = found.models.items()
        known = (name for name, model in models if (model.dialect or found.dialect) == self.dialect)
        return next(known, "some-model")


def _subjects() -> list[Subject]:
    found: list[Subject] = []
    for name in names():
        entry = row(name)
        spoken = [entry.dialect]
        spoken += [model.dialect for model in entry.models.values() if model.dialect]
        spoken += [family.dialect for family in entry.families.values() if family.dialect]
        found += [Subject(name, dialect) for dialect in dict.fromkeys(spoken)]
    return found


def row(name: str) -> Vendor:
    found = built_in(name)
    assert found is not None
    return found


#: Every row in every dialect that it is asked in.
SUBJECTS = _subjects()

#: Those of OpenAI's chat at an address that depends on no account.
ROWS = [name for name in names() if row(name).dialect == "openai_chat" and not row(name).variables]

#: What the addresses of clouds depend on.
_ACCOUNT = {"resource": "quay", "region": "eu-south-1", "project": "tides", "location": "global"}


@cache
def exchanges(name: str) -> Exchanges:
    """Raises ``FileNotFoundError`` for a row that has none."""
    file = EXCHANGES / f"{name}.toml"
    told = msgspec.toml.decode(file.read_bytes(), type=Exchanges)
    if not told.like:
        return told
    other = exchanges(told.like)
    own = {name: getattr(told, name) for name in told.__struct_fields__ if getattr(told, name)}
    return msgspec.structs.replace(other, **own | {"captured": told.captured})


def client(
    name: str,
    transport: Transport,
    clock: VirtualClock | None = None,
    *,
    at: str = "",
    model: str = "",
) -> AsyncSeawall:
    """A client whose default model is ``model``, or else the first of the row's, with a key if
    the row has one. ``at``: another address than the row's."""
    entry = row(name)
    model = model or next(iter(entry.models), "some-model")
    options: dict[str, Any] = {} if clock is None else {"clock": clock}
    own: dict[str, Any] = {"key": KEY} | ({"base_url": at} if at else {})
    variables = {name: _ACCOUNT[name] for name in entry.variables if name in _ACCOUNT}
    own |= {"variables": variables} if variables else {}
    return AsyncSeawall(
        model=f"{name}/{model}",
        vendors={name: own} if entry.key_env is not None else {},
        transports={"http": transport, "local": transport},
        ledger=False,
        **options,
    )


def takes_tools(name: str) -> bool:
    return "tools" not in row(name).quirks.unsupported
