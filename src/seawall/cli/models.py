"""``seawall models``: what can be asked, and what is missing."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from msgspec import Struct
from rich.table import Table
from rich.text import Text

from ..client.routes import Missing, Router
from ..client.settings import Settings
from ..config import gather, shape
from ..transports.local import installed
from ..vendors import names
from .console import output

__all__ = ["models"]


@click.command()
@click.option("-c", "--config", type=click.Path(dir_okay=False), help="Settings file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def models(config: str | None, as_json: bool) -> None:
    """List aliases, known models, and vendors with the state of their keys."""
    env_file = Path(".env")
    sources = gather(file=config, env_file=env_file if env_file.is_file() else None)
    settings = shape(sources, Settings)
    rows = _rows(settings, Router(settings, sources.variables))
    if as_json:
        for row in rows:
            click.echo(msgspec.json.encode(row).decode())
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("model", "window", "USD in / out a million"):
        table.add_column(column, no_wrap=True)
    table.add_column("state", overflow="fold")
    for row in rows:
        table.add_row(
            Text(row.model, style="bold" if row.default else ""),
            row.window,
            row.price,
            Text(row.state, style="green" if row.ready else "yellow"),
        )
    output.print(table)
    output.print("Any other model of a vendor is asked as vendor/model.", style="dim")


class _Row(Struct):
    model: str
    state: str
    ready: bool
    window: str = ""
    price: str = ""
    default: bool = False


def _rows(settings: Settings, router: Router) -> list[_Row]:
    rows = [
        _Row(alias, "→ " + ", ".join(entry.route), True)
        for alias, entry in settings.models.items()
        if entry.route
    ]
    for vendor in sorted({*names(), *settings.vendors}):
        rows += _vendor_rows(router, vendor)
    for row in rows:
        row.default = row.model == settings.model
    return rows


def _vendor_rows(router: Router, vendor: str) -> list[_Row]:
    state, ready = _key_state(router, vendor)
    known = router.vendor(vendor).models
    if not known:
        return [_Row(f"{vendor}/…", state, ready)]
    cached = installed()
    rows: list[_Row] = []
    for name, model in known.items():
        if vendor == "local":
            ready = name in cached
            state = "ready" if ready else f"seawall local pull {name}"
        price = "" if model.price is None else f"{model.price.input} / {model.price.output}"
        rows.append(_Row(f"{vendor}/{name}", state, ready, str(model.window or ""), price))
    return rows


def _key_state(router: Router, vendor: str) -> tuple[str, bool]:
    try:
        key = router.key(vendor)
    except Missing as lack:
        return f"set {lack.variable}", False
    return ("needs no key" if key is None else f"key from {key.source}"), True
