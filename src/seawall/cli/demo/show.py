"""What the demo shows: one line an event, as it happens."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from ...client.aio import AsyncSeawall
from ...core import Reply
from ...errors import OutputError, StreamCutError
from ...sinks import Ledger, Where
from ..console import Terminal
from ..listing import Listing, summary
from .products import SYSTEM, Product, Scene

__all__ = ["Show"]


class Show:
    """Prints the demo. Times are seconds since the scene began."""

    def __init__(self) -> None:
        self._console = Terminal()
        self._width = min(self._console.width, 100)
        self._started = time.time()
        self._began = time.monotonic()
        self._answer = ""

    def opening(self) -> None:
        text = Text.assemble(
            ("A call that holds", "bold"),
            ": a real model on this machine, no key, and a provider in between that "
            "rate-limits, cuts its stream and goes down. Nothing is staged but its mishaps.",
        )
        self._console.print(Panel(text, title="seawall", border_style="cyan", width=self._width))

    def line(self, who: str, what: str | Text, style: str = "") -> None:
        elapsed = f"{time.monotonic() - self._began:.1f} s" if who else ""
        row = Table.grid(padding=(0, 2))
        row.add_column(width=7, justify="right", style="dim")
        row.add_column(width=8, style=style or "bold")
        row.add_column(width=self._width - 19, overflow="fold")
        row.add_row(elapsed, who, what if isinstance(what, Text) else Text(what))
        self._console.print(row)

    def upstream(self, what: str) -> None:
        self.line("provider", what, "red")

    @contextmanager
    def listening(self) -> Generator[None]:
        """While open, what Seawall logs of its rescues is shown."""
        handler = _Rescues(self)
        logger = logging.getLogger("seawall")
        before = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(before)

    async def warm_up(self, client: AsyncSeawall, model: str) -> None:
        """Start the child process and let it read the instructions, before the clock counts."""
        self._began = time.monotonic()
        with self._console.status(f"loading {model} in a child process"):
            await client.chat(
                "ok", model=f"local/{model}", system=SYSTEM, max_tokens=1, feature="demo"
            )
        self.line("model", f"{model} is up, in a process of its own")

    def plan(self, client: AsyncSeawall) -> None:
        names = client.assembly.router.names("shop")
        fields = ", ".join(field.name for field in dataclasses.fields(Product))
        self.line(
            "step 1",
            "authenticate: this model needs no key; others take theirs from the environment, and "
            "it prints as *** wherever it would show",
        )
        self.line("step 2", f"a well-formed request: a JSON-only system prompt, fields {fields}")
        self.line("", "routes: " + " → ".join(names))
        self.line("step 3", "rate limits and errors, below, as they happen")

    def scene(self, scene: Scene) -> None:
        self._began = time.monotonic()
        self._console.print()
        self._rule(scene.title)
        self.line("asked", Text(scene.text, style="italic"))

    def _rule(self, title: str) -> None:
        rule = Rule(Text(title, style="bold"), align="left", style="cyan")
        self._console.print(rule, width=self._width)

    def answering(self) -> None:
        self._answer = ""

    def piece(self, text: str) -> None:
        self._answer += text

    def cut(self, fault: StreamCutError) -> None:
        self.line("cut", f"after {self._answer!r}", "yellow")
        self.line("", f"raised as {type(fault).__name__}, never a clean ending; asked again")

    def answer(self, reply: Reply) -> None:
        self.line("answer", f"from {reply.model}, attempt {len(reply.decision.attempts)}", "green")
        text = msgspec.json.encode(reply.output).decode()
        self.line("step 4", Text.assemble((text, "bold green"), "  valid"))
        for note in reply.notes:
            self.line("", note)

    def refused(self, error: OutputError) -> None:
        self.line("step 4", f"refused, never passed on: {error}", "red")

    async def cooldown(self, client: AsyncSeawall) -> None:
        breakers = client.assembly.circuits
        opened = [name for name, circuit in breakers.items() if circuit.state == "open"]
        self._console.print()
        self._rule("recovery")
        self._began = time.monotonic()
        if opened:
            self.line("provider", "is back", "green")
            self.line("seawall", f"leaves {', '.join(opened)} alone for 4 s, then probes once")
            await client.assembly.clock.sleep(4.0)

    def recovered(self, reply: Reply) -> None:
        self.line("answer", f"from {reply.model} again", "green")

    def receipt(self, directory: Path) -> None:
        """The demo's calls as the ledger has them."""
        with Ledger.open(directory) as ledger:
            rows = ledger.calls(Where(feature="demo", since=self._started))
            (total,) = ledger.totals(Where(feature="demo", since=self._started))
        self._console.print()
        self._rule("step 5: the ledger's receipt")
        Listing(self._console, 12).print(rows)
        self._console.print(summary(total, len(rows)), style="dim")
        tried = max(rows, key=lambda row: row.attempts)
        look = Text.assemble("\nLook closer: ", (f"seawall explain {tried.id[:12]}", "bold cyan"))
        self._console.print(look)


class _Rescues(logging.Handler):
    def __init__(self, show: Show) -> None:
        super().__init__(logging.INFO)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        self._show.line("seawall", record.getMessage(), "yellow")
