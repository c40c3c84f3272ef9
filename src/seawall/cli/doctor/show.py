"""The findings, for people or for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import zip_longest

import click
import msgspec
from rich.table import Table
from rich.text import Text

from ..console import Terminal
from .findings import Finding, Level

__all__ = ["Report"]

_MARKS: dict[Level, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "info": ("·", "dim"),
    "warn": ("!", "yellow"),
    "fail": ("✗", "red"),
}


class Report:
    """Prints each group as soon as it is known. With ``as_json``: one object a line."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Terminal()
        self._counts: Counter[Level] = Counter()

    def busy(self, doing: str) -> AbstractContextManager[object]:
        """Shows what is being done, on a terminal."""
        return nullcontext() if self._as_json else self._console.status(doing)

    def group(self, name: str, findings: Sequence[Finding]) -> None:
        self._counts.update(finding.level for finding in findings)
        if self._as_json:
            for finding in findings:
                click.echo(_line(name, finding))
        else:
            self._console.print(Text(name, style="bold"))
            self._console.print(_table(findings))
            self._console.print()

    def close(self) -> int:
        """The last line, and the exit status: 1 if anything failed."""
        failed, warned = self._counts["fail"], self._counts["warn"]
        if not self._as_json:
            counts = (_count(failed, "failure"), _count(warned, "warning"))
            style = "red" if failed else "yellow" if warned else "green"
            said = ", ".join(filter(None, counts)) or "nothing is wrong"
            self._console.print(Text(said, style=style))
        return 1 if failed else 0


def _line(group: str, finding: Finding) -> str:
    texts: dict[str, str] = {"group": group} | msgspec.structs.asdict(finding)
    # The names of files and directories need not be text.
    clean = {name: text.encode(errors="replace").decode() for name, text in texts.items()}
    return msgspec.json.encode(clean).decode()


def _table(findings: Sequence[Finding]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(min_width=15, max_width=20, overflow="fold")
    table.add_column(overflow="fold")
    for finding, below in zip_longest(findings, findings[1:]):
        mark, style = _MARKS[finding.level]
        said = Text(_printable(finding.detail), style="dim" if finding.level == "info" else "")
        # One remedy for a row of findings stands below the last of them.
        if finding.remedy and (below is None or below.remedy != finding.remedy):
            said.append(f"\n→ {_printable(finding.remedy)}", style="cyan")
        table.add_row(Text(f"  {mark}", style=style), Text(_printable(finding.title)), said)
    return table


def _printable(text: str) -> str:
    """File names may hold anything: a terminal's commands, bytes that are no text."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number > 1 else ''}" if number else ""
