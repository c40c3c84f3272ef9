"""The two consoles, and money as people read it."""

from __future__ import annotations

from rich.console import Console

__all__ = ["Terminal", "errors", "money", "output"]


class Terminal(Console):
    """A console that leaves it to ``main`` what a closed pipe means."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


output = Terminal()
errors = Terminal(stderr=True)


def money(nano_usd: int | None) -> str:
    """Nano-USD as dollars, with as many digits as the amount needs."""
    if nano_usd is None:
        return "unknown cost"
    if nano_usd == 0:
        return "$0"
    dollars = f"{nano_usd // 1_000_000_000}.{nano_usd % 1_000_000_000:09d}".rstrip("0")
    whole, _, fraction = dollars.partition(".")
    return f"${whole}.{fraction.ljust(2, '0')}"
