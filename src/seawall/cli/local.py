"""``seawall local``: the weights of the embedded models."""

from __future__ import annotations

import click
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from ..transports.local import DEFAULT, FALLBACKS, MODELS, WeightsError, installed, pull
from .console import errors, output

__all__ = ["fetch", "fetch_any", "local"]


@click.group()
def local() -> None:
    """The embedded models: real ones, on this machine, with no key."""


@local.command("pull")
@click.argument("name", required=False)
def pull_command(name: str | None) -> None:
    """Fetch the weights of NAME (default: the best that can be had), check and keep them."""
    if name is None:
        name = fetch_any(DEFAULT)
    else:
        fetch(name)
    output.print(f"local/{name} is ready")


@local.command("list")
def list_command() -> None:
    """The known models, and which of them are here."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("name", "model", "size", "licence", "state"):
        table.add_column(column)
    here = set(installed())
    for name, model in MODELS.items():
        state = "[green]here[/]" if name in here else f"seawall local pull {name}"
        table.add_row(name, model.title, f"{model.size / 1e6:,.0f} MB", model.license, state)
    output.print(table)


def fetch(name: str) -> None:
    """Pull, with a progress bar on stderr, or a line for each tenth where that is no terminal.
    Raises ``WeightsError``."""
    if not errors.is_terminal:
        pull(name, _Tenths(name))
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task(f"weights of {name}", total=None)

        def tell(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        pull(name, tell)


class _Tenths:
    def __init__(self, name: str) -> None:
        self._name = name
        self._told = 0

    def __call__(self, done: int, total: int) -> None:
        tenths = 10 * done // total if total else 0
        if tenths > self._told:
            self._told = tenths
            size = f"{total / 1e6:,.0f} MB"
            errors.print(f"weights of {self._name}: {10 * tenths} % of {size}", markup=False)


def fetch_any(name: str) -> str:
    """Have weights at hand: those of ``name`` or, with a plain notice, a smaller model's.
    Returns the model that can be used. Raises ``WeightsError`` when none can be had."""
    wanted = [name, *(other for other in FALLBACKS if other != name)]
    for candidate in wanted:
        try:
            if candidate not in installed():
                fetch(candidate)
        except WeightsError as error:
            errors.print(f"{candidate} cannot be had: {error}", style="yellow", markup=False)
            continue
        if candidate != name:
            errors.print(f"using the smaller {candidate} instead", style="yellow")
        return candidate
    raise WeightsError("no weights can be had; check that pip can reach its package index")
