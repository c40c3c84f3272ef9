"""How calls look in a list: one line each, in as many columns as the terminal is wide."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ..sinks import Row, Total
from .console import money
from .moments import clock

__all__ = ["Listing", "outcome_style", "plain", "summary"]

_STYLES = {
    "finished": "green",
    "open": "cyan",
    "cancelled": "yellow",
    "fallback_reply": "yellow",
    "cut": "red",
    "fault": "red",
    "interrupted": "red",
}


class _Column(Struct, frozen=True):
    """``usual`` is its width when rows are yet to come; a ``least`` below it lets it shrink. One
    that is ``rare`` is left out while it has nothing to say."""

    title: str
    usual: int
    least: int = 0
    right: bool = False
    rare: bool = False


_COLUMNS = (
    _Column("time", 8),
    _Column("id", 12),
    _Column("feature", 12, 5),
    _Column("operation", 10, 5, rare=True),
    _Column("model", 28, 11),
    _Column("outcome", 11, 8),
    _Column("in+out", 9, right=True),
    _Column("cost", 10, right=True),
    _Column("seconds", 8, right=True),
    _Column("n", 1, right=True),
)
_GAP = " "

# What a provider or a caller wrote must not steer the terminal.
_CONTROLS = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if code != ord("\n")}


def plain(text: str, style: str = "") -> Text:
    """Somebody else's words, safe to print."""
    return Text(text.translate(_CONTROLS), style=style)


def outcome_style(outcome: str) -> str:
    return _STYLES.get(outcome, "")


def _seconds(value: float | None) -> str:
    """Two digits are enough to compare calls by."""
    if value is None:
        return ""
    if value < 0.995:
        return f"{value:.2f}".removeprefix("0")
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def _count(tokens: int | None) -> str:
    tokens = tokens or 0
    if tokens < 10_000:
        return str(tokens)
    return f"{tokens / 1000:.0f}k" if tokens < 10_000_000 else f"{tokens / 1_000_000:.0f}M"


def _cost(row: Row) -> str:
    """Rounded to millionths of a dollar, so that a column of costs can be compared."""
    nano = row.cost_nano_usd
    if nano is None:
        return "?"
    micro = round(nano / 1000)
    text = money(nano) if nano == 0 else f"${micro / 1e6:.6f}" if micro else "<$0.000001"
    return f"~{text}" if row.cost_state == "estimated" else text


class Listing:
    """Prints rows under one header. The first rows decide the columns' widths; without any,
    and for the rows that follow, the usual ones are used."""

    def __init__(self, console: Console, id_length: int) -> None:
        self._console = console
        self._id_length = id_length
        self._widths: list[int] = []

    def print(self, rows: Sequence[Row]) -> None:
        lines = [_cells(row, self._id_length) for row in rows]
        if not self._widths:
            self._widths = self._fit(lines)
            self._line([Text(column.title, style="bold") for column in _COLUMNS])
        for line in lines:
            self._line(line)

    def _fit(self, lines: Sequence[Sequence[Text]]) -> list[int]:
        found = [max(sizes, default=0) for sizes in zip(*map(_sizes, lines), strict=True)]
        widths = [
            0 if column.rare and not width else max(cell_len(column.title), width)
            for column, width in zip(_COLUMNS, found, strict=False)
        ]
        if not lines:
            widths = [column.usual for column in _COLUMNS]
        if not self._console.is_terminal:
            return widths
        shown = sum(width > 0 for width in widths)
        over = sum(widths) + len(_GAP) * (shown - 1) - self._console.width
        while over > 0:
            # The widest of those that may still shrink gives a character.
            able = [i for i, c in enumerate(_COLUMNS) if 0 < c.least < widths[i]]
            if not able:
                break
            widths[max(able, key=widths.__getitem__)] -= 1
            over -= 1
        return widths

    def _line(self, cells: Sequence[Text]) -> None:
        line = Text(no_wrap=True, overflow="ellipsis", end="")
        for column, width, cell in zip(_COLUMNS, self._widths, cells, strict=True):
            if not width:
                continue
            if self._console.is_terminal and cell.cell_len > width:
                if column.title == "model":
                    # Who serves it says less than what it is.
                    cell = Text(cell.plain.partition("/")[2] or cell.plain)
                cell.truncate(width, overflow="ellipsis")
            cell.align("right" if column.right else "left", max(width, cell.cell_len))
            line.append_text(cell).append(_GAP)
        line.rstrip()
        self._console.print(line, soft_wrap=not self._console.is_terminal)


def _sizes(line: Sequence[Text]) -> list[int]:
    return [cell.cell_len for cell in line]


def _cells(row: Row, id_length: int) -> list[Text]:
    tokens = cost = ""
    if row.outcome != "open":
        tokens = f"{_count(row.prompt_tokens)}+{_count(row.completion_tokens)}"
        cost = _cost(row)
    first = f"{_seconds(row.first_token)}/" if row.first_token is not None else ""
    return [
        Text(clock(row.at), style="dim"),
        Text(row.id[:id_length]),
        plain(row.feature),
        plain("" if row.operation == "chat" else row.operation),
        plain(row.model or row.requested),
        Text(row.outcome, style=outcome_style(row.outcome)),
        Text(tokens),
        Text(cost),
        Text(first + _seconds(row.latency)),
        Text(str(row.attempts), style="yellow" if row.attempts > 1 else "dim"),
    ]


def summary(total: Total, shown: int) -> str:
    """One line about every call that matched, of which ``shown`` are listed."""
    calls = f"{total.calls:,} call" + ("" if total.calls == 1 else "s")
    parts = [
        calls if shown == total.calls else f"the latest {shown:,} of {calls}; all of them:",
        f"{total.prompt_tokens:,} tokens in, {total.completion_tokens:,} out",
        money(total.cost_nano_usd),
    ]
    if total.estimated:
        parts.append(f"{total.estimated:,} estimated")
    if total.unpriced:
        parts.append(f"{total.unpriced:,} of unknown cost")
    return " · ".join(parts).replace(": ·", ":")
