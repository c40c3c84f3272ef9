"""``seawall models``: what can be asked, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from msgspec import Struct
from rich.table import Table
from rich.text import Text

from ..client.routes import Missing, Router
from ..client.settings import Settings
from ..client.sources import load_sources
from ..config import shape
from ..errors import ConfigError
from ..transports.local import installed
from ..vendors.aliases import aliases
from ..vendors.capabilities import Capabilities, capabilities
from .console import output

__all__ = ["models"]

#: Before the steps of an alias.
_LEADS = "→ "


@click.command()
@click.option("-c", "--config", type=click.Path(dir_okay=False), help="Settings file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def models(config: str | None, as_json: bool) -> None:
    """List aliases, known models, and vendors with the state of their keys."""
    env_file = Path(".env")
    sources = load_sources(config, env_file if env_file.is_file() else None)
    settings = shape(sources, Settings)
    router = Router(settings, sources.variables)
    rows = _rows(settings, router)
    if as_json:
        for row in rows:
            click.echo(msgspec.json.encode(row).decode())
        return
    named = [row for row in rows if row.state.startswith(_LEADS)]
    output.print(_routes(named))
    output.print()
    output.print(_known([row for row in rows if row not in named]))
    output.print()
    output.print(_abilities(router))
    output.print(
        "Any other model of a vendor is asked as vendor/model. Prices are for a million tokens.",
        style="dim",
    )


def _routes(rows: Sequence[_Row]) -> Table:
    """The aliases, the steps of each one below the other."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("alias", overflow="fold")
    table.add_column("asks, in this order", overflow="fold")
    for row in rows:
        steps = row.state.removeprefix(_LEADS).replace(", ", "\n")
        table.add_row(_name(row), Text(steps, style="green" if row.ready else "yellow"))
    return table


def _known(rows: Sequence[_Row]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("model", overflow="fold")
    for column in ("window", "USD in / out"):
        table.add_column(column, no_wrap=True)
    table.add_column("state", overflow="fold", min_width=22)
    for row in rows:
        state = Text(row.state, style="green" if row.ready else "yellow")
        table.add_row(_name(row), row.window, row.price, state)
    return table


def _name(row: _Row) -> Text:
    return Text(row.model, style="bold" if row.default else "")


class _Row(Struct):
    model: str
    state: str
    ready: bool
    window: str = ""
    price: str = ""
    can: Capabilities | None = None
    default: bool = False


def _rows(settings: Settings, router: Router) -> list[_Row]:
    own = [alias for alias, entry in settings.models.items() if entry.route]
    rows = [
        _Row(alias, _LEADS + ", ".join(router.policies(alias).route), _can_be_asked(router, alias))
        for alias in dict.fromkeys((*own, *aliases()))
    ]
    for vendor in router.vendors:
        rows += _vendor_rows(router, vendor)
    for row in rows:
        row.default = row.model == settings.model
    return rows


def _can_be_asked(router: Router, alias: str) -> bool:
    """Whether the key of any of its routes is set. An alias that leads nowhere is told of when
    it is asked."""
    try:
        vendors = {name.partition("/")[0] for name in router.names(alias)}
        return any(_key_state(router, vendor)[1] for vendor in vendors)
    except ConfigError:
        return False


def _vendor_rows(router: Router, vendor: str) -> list[_Row]:
    state, ready = _key_state(router, vendor)
    entry = router.vendor(vendor)
    known = entry.models
    if not known:
        return [_Row(f"{vendor}/…", state, ready, can=capabilities(entry.quirks))]
    cached = installed()
    rows: list[_Row] = []
    for name, model in known.items():
        if vendor == "local":
            ready = name in cached
            state = "ready" if ready else f"seawall local pull {name}"
        price = "" if model.price is None else f"{model.price.input} / {model.price.output}"
        can = capabilities(entry.quirks_of(name))
        rows.append(_Row(f"{vendor}/{name}", state, ready, str(model.window or ""), price, can))
    return rows


def _abilities(router: Router) -> Table:
    """What each vendor can do, and each model that differs from its vendor."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("vendor", no_wrap=True)
    table.add_column("can")
    for vendor in router.vendors:
        entry = router.vendor(vendor)
        usual = capabilities(entry.quirks)
        table.add_row(Text(vendor), _words(usual))
        for name in entry.models:
            own = capabilities(entry.quirks_of(name))
            if own != usual:
                table.add_row(Text(f"{vendor}/{name}"), _words(own))
    return table


def _words(can: Capabilities) -> str:
    told = msgspec.structs.asdict(can).items()
    return ", ".join(
        name.replace("_", " ") if word == "yes" else f"{name} as {word}"
        for name, word in told
        if word != "no"
    )


def _key_state(router: Router, vendor: str) -> tuple[str, bool]:
    try:
        key = router.key(vendor)
    except Missing as lack:
        return f"set {lack.variable}", False
    return ("needs no key" if key is None else f"key from {key.source}"), True
