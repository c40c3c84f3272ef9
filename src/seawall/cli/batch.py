"""``seawall batch``: the batches on file here, and what their providers say of them."""

from __future__ import annotations

import click
import msgspec
from rich.table import Table
from rich.text import Text

from ..client.batches import Batch, BatchItem
from .console import output
from .moments import clock
from .session import client

__all__ = ["batch"]

_config = click.option("-c", "--config", type=click.Path(dir_okay=False), help="Settings file.")
_handle = click.argument("handle")


@click.group()
def batch() -> None:
    """Look at batches, read their results, cancel them."""


@batch.command("list")
@_config
def list_batches(config: str | None) -> None:
    """List the batches on file, oldest first. Asks nobody."""
    with client(config) as seawall:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in ("handle", "submitted", "model", "requests", "last known"):
            table.add_column(column, no_wrap=True)
        for each in seawall.batches():
            total = str(each.counts.total)
            table.add_row(each.handle, clock(each.at), Text(each.model), total, each.state)
        output.print(table)


@batch.command("show")
@_handle
@_config
def show(handle: str, config: str | None) -> None:
    """Ask the provider how far a batch is."""
    with client(config) as seawall:
        found = seawall.batch_of(handle)
        found.refresh()
        _tell(found)


@batch.command("cancel")
@_handle
@_config
def cancel(handle: str, config: str | None) -> None:
    """Ask the provider to stop."""
    with client(config) as seawall:
        found = seawall.batch_of(handle)
        found.cancel()
        _tell(found)


@batch.command("results")
@_handle
@_config
def results(handle: str, config: str | None) -> None:
    """Print one JSON object a request, as they come; waits for the end of the batch."""
    with client(config) as seawall:
        for item in seawall.batch_of(handle).results():
            click.echo(msgspec.json.encode(_item(item)).decode())


def _item(item: BatchItem) -> dict[str, object]:
    fault = None if item.fault is None else {"kind": item.fault.kind, "message": str(item.fault)}
    said: dict[str, object] = {"id": item.id, "response": item.response, "cost_nano_usd": item.cost}
    return said | ({"fault": fault} if fault else {})


def _tell(found: Batch) -> None:
    counts = found.counts
    ends = ("succeeded", "failed", "expired", "cancelled")
    told = [f"{getattr(counts, name):,} {name}" for name in ends if getattr(counts, name)]
    lines = {
        "state": found.state,
        "requests": ", ".join([f"{counts.total:,}", *told]),
        "model": found.model,
        "handle": found.handle,
        "provider's id": found.id or "not known",
    }
    for name, value in lines.items():
        output.print(Text.assemble((f"{name:<14}", "dim"), value))
    for remark in (*found.problems, *found.notes):
        output.print(Text(remark, style="yellow"))
