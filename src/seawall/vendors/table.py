"""The vendors' rows as Markdown tables: ``python -m seawall.vendors.table PAGE EXCHANGES`` writes
them into a page of the documentation, between its marks, and where the exchanges in that directory
come from, by which the rows are tried."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from ..plugins import load
from ..ports import Wire
from . import Vendor, built_in, names
from .capabilities import Capabilities, capabilities

__all__ = ["HEADS", "beside", "filled", "markdown", "origins", "provenance", "table", "words"]

#: Between these a page shows the tables.
BEGIN, END = "<!-- written by python -m seawall.vendors.table -->\n", "<!-- end of the tables -->\n"

FROM, UNTIL = "<!-- where the exchanges come from -->\n", "<!-- end of the exchanges -->\n"

#: The capabilities, as the heads of a table.
HEADS = tuple(name.replace("_", " ") for name in Capabilities.__struct_fields__)


def markdown() -> str:
    """Addresses and capabilities of every built-in vendor."""
    rows = {name: row for name in names() if (row := built_in(name)) is not None}
    tables = (
        table(("vendor", "dialect", "address", "key"), _addresses(rows)),
        table(("vendor", *HEADS, "beside chat"), _capable(rows)),
    )
    return "\n".join(tables)


class _Origin(Struct):
    """What a file of exchanges says of them."""

    after: str
    captured: tuple[str, ...] = ()


def provenance(exchanges: Path) -> str:
    """Of each file in the directory, which exchanges were captured from the vendor, and what the
    others were written after."""
    heads = ("exchanges of", "captured", "documented, after")
    return table(heads, origins(exchanges))


def origins(exchanges: Path, vendor: str = "*") -> list[Sequence[str]]:
    """The lines of that, of one vendor or of all."""
    files = [*exchanges.glob(f"{vendor}.toml"), *exchanges.glob(f"{vendor}.*.toml")]
    return [_origin(file) for file in sorted(dict.fromkeys(files))]


def _origin(file: Path) -> Sequence[str]:
    told = msgspec.toml.decode(file.read_bytes(), type=_Origin)
    vendor, _, dialect = file.stem.partition(".")
    name = f"`{vendor}` in `{dialect}`" if dialect else f"`{vendor}`"
    return name, ", ".join(told.captured) or "none", told.after


def filled(page: str, exchanges: Path | None = None) -> str:
    """``page`` with the tables as they are now, and the origin of the ``exchanges`` in a
    directory, if one is given. Raises ``ValueError`` for one without marks."""
    page = _between(page, BEGIN, END, markdown())
    return page if exchanges is None else _between(page, FROM, UNTIL, provenance(exchanges))


def _between(page: str, begin: str, end: str, tables: str) -> str:
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no place for the tables: {begin.strip()} {end.strip()}")
    return f"{before}{begin}\n{tables}\n{end}{after}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _addresses(rows: dict[str, Vendor]) -> Iterable[Sequence[str]]:
    for name, row in rows.items():
        key = "none" if row.key_env is None else f"`{row.key_env}`"
        if row.key_optional:
            key += ", if it wants one"
        spoken = [f"`{row.dialect}`"]
        spoken += [f"`{of}`: `{f.dialect}`" for of, f in row.families.items() if f.dialect]
        at = row.base_url or "this machine"
        yield f"[`{name}`](providers/{name}.md)", ", ".join(spoken), at, key


def _capable(rows: dict[str, Vendor]) -> Iterable[Sequence[str]]:
    for name, row in rows.items():
        yield f"`{name}`", *words(capabilities(row.quirks)), beside(row)
        for family in row.families:
            own = row.of(family)
            yield f"`{name}/{family}`", *words(capabilities(own.quirks)), beside(own)


def beside(row: Vendor) -> str:
    """The operations that the dialect can say and the vendor serves."""
    spoken: Wire = load("dialect", row.dialect)
    served = row.operations
    found = sorted(name for name in spoken.operations if served is None or name in served)
    return ", ".join(found) or "nothing"


def words(can: Capabilities) -> Sequence[str]:
    """What stands below ``HEADS``."""
    return msgspec.structs.astuple(can)


if __name__ == "__main__":
    path, *given = map(Path, sys.argv[1:3])
    path.write_text(filled(path.read_text(), *given))
