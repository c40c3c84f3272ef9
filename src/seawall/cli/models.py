"""``seawall models``: what can be asked, and what is missing."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.table import Table

from ..client.routes import Missing, Router
from ..client.settings import Settings
from ..config import gather, shape
from ..transports.local import installed
from ..vendors import names
from .session import output

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
    for column in ("model", "window", "USD in / out a million", "state"):
        table.add_column(column, overflow="fold")
    for row in rows:
        name = f"[bold]{row['model']}[/]" if row["default"] else row["model"]
        ready = "green" if row["ready"] else "yellow"
        table.add_row(name, row["window"], row["price"], f"[{ready}]{row['state']}[/]")
    output.print(table)
    output.print("Any other model of a vendor is asked as vendor/model.", style="dim")


def _rows(settings: Settings, router: Router) -> list[dict[str, str | bool]]:
    rows: list[dict[str, str | bool]] = []
    for alias, entry in settings.models.items():
        if entry.route:
            rows.append(_row(settings, alias, state="→ " + ", ".join(entry.route), ready=True))
    cached = set(installed())
    for vendor in sorted({*names(), *settings.vendors}):
        row = router.vendor(vendor)
        state, ready = _key_state(router, vendor)
        for model in row.models or {"…": None}:
            if vendor == "local":
                ready = model in cached
                state = "ready" if ready else f"seawall local pull {model}"
            known = row.models.get(model)
            price = known.price if known is not None else None
            rows.append(
                _row(
                    settings,
                    f"{vendor}/{model}",
                    window=str(known.window or "") if known is not None else "",
                    price=f"{price.input} / {price.output}" if price is not None else "",
                    state=state,
                    ready=ready,
                )
            )
    return rows


def _row(
    settings: Settings, model: str, *, state: str, ready: bool, window: str = "", price: str = ""
) -> dict[str, str | bool]:
    return {
        "model": model,
        "window": window,
        "price": price,
        "state": state,
        "ready": ready,
        "default": model == settings.model,
    }


def _key_state(router: Router, vendor: str) -> tuple[str, bool]:
    try:
        key = router.key(vendor)
    except Missing as lack:
        return str(lack), False
    return ("needs no key" if key is None else f"key from {key.source}"), True
