"""``seawall logs``: the calls in the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from ..records import RecordedOutcome
from ..sinks import Ledger, Row, Where, default_dir
from .console import errors, output
from .listing import Listing, summary
from .moments import moment

__all__ = ["ledger_dir", "logs"]

OUTCOMES = ("open", "interrupted", *sorted(RecordedOutcome.__args__))

# The whole time in an id: of calls yet to come nobody knows how much tells them apart.
_FOLLOWED_ID = 12

ledger_dir = click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the ledger is; SEAWALL_DIR, or the user's state directory, by default.",
)


@click.command()
@click.option(
    "--since", callback=moment, help="Only calls from then on: 90s, 30m, 1h, 7d, or a date."
)
@click.option("--until", callback=moment, help="Only calls before then.")
@click.option("-f", "--feature", help="Only calls of this feature.")
@click.option("-m", "--model", help="Only this model or alias; a pattern like 'openai/*' will do.")
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Only calls that ended so.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="At most so many.",
)
@click.option("--follow", is_flag=True, help="Go on and show each call when it ends.")
@click.option("--json", "as_json", is_flag=True, help="Whole calls, one JSON object a line.")
@ledger_dir
def logs(
    since: float | None,
    until: float | None,
    feature: str | None,
    model: str | None,
    outcome: str | None,
    limit: int,
    follow: bool,
    as_json: bool,
    directory: Path | None,
) -> None:
    """List recorded calls, oldest first.

    Columns: tokens in and out, cost (~ estimated, ? unknown), seconds to the first token and in
    all, number of attempts.
    """
    where = Where(since=since, until=until, feature=feature, model=model, outcome=outcome)
    with Ledger.open(directory or default_dir()) as ledger:
        if follow:
            _follow(ledger.follow(where, last=limit, contents=as_json), as_json)
        elif as_json:
            _write(ledger.calls(where, limit=limit, contents=True))
        else:
            _list(ledger, where, limit)


def _list(ledger: Ledger, where: Where, limit: int) -> None:
    rows = ledger.calls(where, limit=limit)
    totals = ledger.totals(where)
    if not totals:
        errors.print("no call matches", style="dim")
        return
    Listing(output, ledger.shortest([row.id for row in rows])).print(rows)
    output.print(summary(totals[0], len(rows)), style="dim")


def _follow(rows: Iterable[Row], as_json: bool) -> None:
    if as_json:
        _write(rows)
        return
    listing = Listing(output, _FOLLOWED_ID)
    listing.print([])
    for row in rows:
        listing.print([row])


def _write(rows: Iterable[Row]) -> None:
    for row in rows:
        click.echo(msgspec.json.encode(row))
