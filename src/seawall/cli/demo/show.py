"""What the demo shows: one line an event, as it happens."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from ...client.aio import AsyncSeawall
from ...core import Reply
from ...errors import StreamCutError
from ...sinks import Ledger
from ..session import money
from .products import SYSTEM, Scene

__all__ = ["Show"]


class Show:
    """Prints the demo. Times are seconds since the scene began."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._began = time.monotonic()
        self._answer = ""

    def opening(self) -> None:
        text = Text.assemble(
            ("A call that holds", "bold"),
            ": a real model on this machine, no key, and a provider in between\n"
            "that rate-limits, cuts its stream and goes down. Nothing below is staged\n"
            "but the provider's mishaps.",
        )
        self._console.print(Panel(text, title="seawall", border_style="cyan", expand=False))

    def line(self, who: str, what: str, style: str = "") -> None:
        elapsed = f"{time.monotonic() - self._began:6.1f} s"
        self._console.print(
            Text.assemble((elapsed, "dim"), "  ", (f"{who:9}", style or "bold"), what),
            soft_wrap=False,
        )

    def upstream(self, what: str) -> None:
        self.line("provider", what, "red")

    @contextmanager
    def listening(self) -> Iterator[None]:
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
        key = client.assembly.router.key("wall")
        self.line("1 key", "none needed here; elsewhere from the environment" if not key else "")
        self.line("2 route", " → ".join(names))

    def scene(self, scene: Scene) -> None:
        self._began = time.monotonic()
        self._console.print()
        self._console.rule(Text(scene.title, style="bold"), align="left", style="cyan")
        self._console.print(Padding(Text(scene.text, style="italic"), (0, 0, 0, 10)))

    def answering(self) -> None:
        self._answer = ""

    def piece(self, text: str) -> None:
        self._answer += text

    def cut(self, fault: StreamCutError) -> None:
        self.line("cut", f"after {self._answer!r}", "yellow")
        self.line("", f"raised as {type(fault).__name__}, never a clean ending; asked again")

    def answer(self, reply: Reply) -> None:
        tries = len(reply.decision.attempts)
        self.line("answer", f"from {reply.model}, attempt {tries}", "green")
        text = msgspec.json.encode(reply.output).decode()
        code = Syntax(text, "json", theme="ansi_dark", background_color="default")
        self._console.print(Padding(code, (0, 0, 0, 19)))
        for note in reply.notes:
            self.line("", note)

    async def cooldown(self, client: AsyncSeawall) -> None:
        breakers = client.assembly.circuits
        opened = [name for name, circuit in breakers.items() if circuit.state == "open"]
        self._console.print()
        self._console.rule(Text("recovery", style="bold"), align="left", style="cyan")
        self._began = time.monotonic()
        if opened:
            self.line("provider", "is back", "green")
            self.line("seawall", f"leaves {', '.join(opened)} alone for 4 s, then probes once")
            await client.assembly.clock.sleep(4.0)

    def recovered(self, reply: Reply) -> None:
        self.line("answer", f"from {reply.model} again", "green")

    def receipt(self, directory: Path, ids: Sequence[str]) -> None:
        """The calls as the ledger has them."""
        self._console.print()
        table = Table(title="the ledger's receipt", title_justify="left", box=None, pad_edge=False)
        for column in ("call", "answered by"):
            table.add_column(column)
        for column in ("attempts", "tokens", "cost", "first token", "whole"):
            table.add_column(column, justify="right")
        with Ledger.open(directory) as ledger:
            rows = [ledger.get(id_) for id_ in ids]
        for row in rows:
            table.add_row(
                row.id[:12],
                row.model,
                str(row.attempts),
                f"{row.prompt_tokens} + {row.completion_tokens}",
                money(row.cost_nano_usd),
                f"{row.first_token:.1f} s" if row.first_token is not None else "",
                f"{row.latency:.1f} s",
            )
        self._console.print(table)
        self._console.print(
            Text.assemble("\nLook closer: ", ("seawall explain " + ids[-1][:12], "bold cyan"))
        )


class _Rescues(logging.Handler):
    def __init__(self, show: Show) -> None:
        super().__init__(logging.INFO)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        self._show.line("seawall", record.getMessage(), "yellow")
