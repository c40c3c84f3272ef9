"""``seawall explain``: why a call went as it did."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, cast

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..sinks import Ledger, Row, default_dir
from .console import money, output
from .listing import outcome_style, plain
from .logs import ledger_dir
from .timeline import BAR, bar, moments

__all__ = ["explain"]

# Narrower than this, the words need the room of the bars.
_BARS_FROM = 100

# Tools and schemas are pages long; logs --json has them whole.
_LONGEST = 60


@click.command()
@click.argument("id_", metavar="ID")
@ledger_dir
def explain(id_: str, directory: Path | None) -> None:
    """Draw the decision record of the call whose id is or begins with ID as a timeline."""
    with Ledger.open(directory or default_dir()) as ledger:
        row = ledger.get(id_)
    output.print(Text.assemble((row.id, "bold"), "  ", (row.outcome, outcome_style(row.outcome))))
    output.print(_facts(_question(row)))
    output.print()
    output.print(_timeline(row, output))
    output.print()
    output.print(_facts(_result(row)))


def _question(row: Row) -> dict[str, str]:
    then = datetime.fromtimestamp(row.at).astimezone()
    prompt = " ".join(part for part in (row.prompt_name, row.prompt_version) if part)
    return {
        "asked": f"{then:%Y-%m-%d %H:%M:%S %Z}, by process {row.pid}",
        "for": row.requested + (", streamed" if row.stream else ""),
        "operation": "" if row.operation == "chat" else row.operation,
        "feature": row.feature,
        "prompt": prompt,
        "tags": _pairs(row.tags),
        "parameters": _pairs(row.parameters),
    }


def _result(row: Row) -> dict[str, str]:
    notes = row.decision.notes if row.decision is not None else []
    damaged = f"{row.damaged} unreadable events were skipped" if row.damaged else ""
    return {
        "notes": "\n".join([*notes, *([damaged] if damaged else [])]),
        "error": row.error_message or "",
        "tokens": _tokens(row),
        "cost": _cost(row),
        "time": _time(row),
        "content": "" if row.content == "full" else f"kept {row.content}",
    }


def _tokens(row: Row) -> str:
    if row.outcome == "open":
        return ""
    parts = {
        "cached": row.cached_tokens,
        "written to the cache": row.cache_write_tokens,
        "reasoning": row.reasoning_tokens,
    }
    rest = ", ".join(f"{count:,} {name}" for name, count in parts.items() if count)
    text = f"{row.prompt_tokens or 0:,} in, {row.completion_tokens or 0:,} out"
    return f"{text} ({rest})" if rest else text


def _cost(row: Row) -> str:
    if row.outcome == "open":
        return ""
    return money(row.cost_nano_usd) + (", estimated" if row.cost_state == "estimated" else "")


def _time(row: Row) -> str:
    if row.latency is None:
        return "under way" if row.outcome == "open" else ""
    first = "" if row.first_token is None else f", the first token after {row.first_token:.3g} s"
    tries = "1 attempt" if row.attempts == 1 else f"{row.attempts} attempts"
    return f"{row.latency:.3g} s in {tries}{first}"


def _pairs(values: Any) -> str:
    if not isinstance(values, dict):
        return ""
    return ", ".join(f"{name} {_short(v)}" for name, v in cast("dict[str, Any]", values).items())


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _facts(facts: dict[str, str]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            grid.add_row(name, plain(value))
    return grid


def _timeline(row: Row, console: Console) -> Table:
    bars = console.width >= _BARS_FROM
    grid = Table.grid(padding=(0, 2), expand=bars)
    grid.add_column(justify="right", no_wrap=True, style="dim")
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1 if bars else None, overflow="fold")
    if bars:
        grid.add_column(no_wrap=True, width=BAR)
    shown = moments(row)
    whole = max((moment.until or moment.at for moment in shown), default=0.0)
    for moment in shown:
        cells = [
            Text(f"{moment.at:.3f} s"),
            Text(moment.what, style=moment.style),
            plain(moment.text, moment.style),
        ]
        grid.add_row(*cells, *([bar(moment, whole)] if bars else []))
    return grid
