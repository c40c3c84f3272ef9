"""A page for each vendor, out of its row: ``python -m seawall.vendors.pages DIRECTORY EXCHANGES``
writes them anew. ``EXCHANGES`` is the directory of those by which the rows are tried."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import Prices, Vendor, built_in, names
from .capabilities import Capabilities, capabilities
from .table import HEADS, beside, origins, table, words

__all__ = ["page", "write"]

#: What is said of two capabilities at once.
_TOLD_WITH = {"schema": "formats", "json_mode": "formats"}


def page(name: str, exchanges: Path, manual: str = "") -> str:
    """The page of a built-in vendor. ``manual``: the page where a person wrote of it."""
    row = built_in(name)
    assert row is not None
    parts = [
        f"# {name}",
        " ".join(_lead(name, row, manual)),
        "What it can do, and who says so:",
        _can(row),
        *_families(row),
        *_fields(row),
        *_batches(row),
        *_models(name, row),
        *_retired(name, row),
        "## How it was tried",
        "By exchanges that stand for the service, captured from it or written after its documents:",
        table(("exchanges", "captured", "documented, after"), origins(exchanges, name)),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _lead(name: str, row: Vendor, manual: str) -> Iterator[str]:
    asked = next(iter(row.models), "MODEL")
    yield f"`{name}/{asked}` is asked in the dialect `{row.dialect}`"
    yield f"at `{row.base_url}`." if row.base_url else "on this machine."
    if row.key_env is not None:
        wish = ", if it wants one" if row.key_optional else ""
        yield f"Its key is `{row.key_env}`{wish}."
    else:
        yield "It needs no key."
    for variable in row.variables.values():
        if variable.env:
            yield f"{' or '.join(f'`{name}`' for name in variable.env)} is part of its address."
    yield f"Beside chat it serves {beside(row)}."
    yield f"See [more on it]({manual}), and" if manual else "See"
    yield "[what all providers have in common](../providers.md)."


def _can(row: Vendor) -> str:
    names = Capabilities.__struct_fields__
    after = [row.sources.get(_TOLD_WITH.get(name, name), row.source) for name in names]
    return table(("", "", "after"), zip(HEADS, words(capabilities(row.quirks)), after, strict=True))


def _families(row: Vendor) -> Iterator[str]:
    for pattern in row.families:
        own = row.of(pattern)
        yield f"Models called `{pattern}` are asked in `{own.dialect}`:"
        yield table(HEADS, [words(capabilities(own.quirks))])


def _fields(row: Vendor) -> Iterator[str]:
    quirks = row.quirks
    lines = [(f"`{field}`", "refused before the call") for field in quirks.unsupported]
    lines += [(f"`{field}`", "left out, with a note") for field in quirks.left_out]
    if lines:
        yield "## Parameters it does not take"
        yield table(("parameter", "is"), lines)


def _batches(row: Vendor) -> Iterator[str]:
    if row.batch is not None:
        yield "## Batches"
        yield f"By [batch](../batches.md) at {100 - row.batch.discount} % of the price."


def _models(name: str, row: Vendor) -> Iterator[str]:
    if row.models:
        yield "## Models of which something is known"
        yield "Any other is asked by its name as well."
        heads = ("model", "window", "USD in / cached / out a million", "differs in", "after")
        yield table(heads, [_model(name, row, model) for model in row.models])


def _model(name: str, row: Vendor, model: str) -> Sequence[str]:
    known = row.models[model]
    window = "" if known.window is None else f"{known.window:,}"
    return f"`{name}/{model}`", window, _paid(known.price), _differs(row, model), known.source


def _paid(price: Prices | None) -> str:
    if price is None:
        return ""
    told = " / ".join((price.input, price.cached or "–", price.output))
    if price.long is not None:
        told += f"; above {price.above:,} tokens {_paid(price.long)}"
    return f"{told} until {price.until}, then {_paid(price.then)}" if price.then else told


def _retired(name: str, row: Vendor) -> Iterator[str]:
    if row.retired:
        yield "## Retired"
        yield table(
            ("model", "since", "ask instead"),
            [
                (f"`{name}/{model}`", gone.since, f"`{name}/{gone.successor}`")
                for model, gone in row.retired.items()
            ],
        )
        yield f"After {row.sources.get('retired', row.source)}."


def _differs(row: Vendor, model: str) -> str:
    """In what a model can do other things than its vendor's usual."""
    usual, own = words(capabilities(row.quirks)), words(capabilities(row.quirks_of(model)))
    pairs = zip(HEADS, usual, own, strict=True)
    told = [f"{head}: {now}" for head, before, now in pairs if now != before]
    dialect = row.models[model].dialect
    if dialect is not None:
        told.append(f"asked in `{dialect}`")
    added = set(row.quirks_of(model).unsupported) - set(row.quirks.unsupported)
    return ", ".join([*told, *(f"no `{field}`" for field in sorted(added))])


def write(directory: Path, exchanges: Path) -> dict[Path, str]:
    """The pages by their files in ``directory``."""
    made: dict[Path, str] = {}
    for name in names():
        manual = directory.parent / f"{name.partition('-')[0]}.md"
        made[directory / f"{name}.md"] = page(
            name, exchanges, f"../{manual.name}" if manual.exists() else ""
        )
    return made


if __name__ == "__main__":
    for path, text in write(*map(Path, sys.argv[1:3])).items():
        path.write_text(text)
