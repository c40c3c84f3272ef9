"""What the commands that ask a model share: options, a client, and a footer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.text import Text

from ..client.sync import Seawall
from ..core import Reply
from .console import money

__all__ = ["client", "footer", "model_options"]

F = TypeVar("F", bound=Callable[..., Any])


def model_options(command: F) -> F:
    """The options of every command that asks a model."""
    for option in reversed(
        (
            click.option("-m", "--model", help="vendor/model or an alias of the settings."),
            click.option("-s", "--system", help="Instructions the model gets first."),
            click.option("-t", "--temperature", type=float, help="Randomness, 0 to 2."),
            click.option("--max-tokens", type=int, help="At most so many tokens of answer."),
            click.option(
                "-f", "--feature", default="cli", help="Tag the calls are recorded under."
            ),
            click.option("-c", "--config", type=click.Path(dir_okay=False), help="Settings file."),
        )
    ):
        command = option(command)
    return command


def client(config: str | None) -> Seawall:
    """A client with the settings of the working directory, its ``.env`` included."""
    env_file = Path(".env")
    return Seawall(config, env_file=env_file if env_file.is_file() else None)


def footer(reply: Reply, seconds: float) -> Text:
    """One dim line: who answered, tokens, cost, time, and how to look closer."""
    parts = [reply.model or "the configured reply"]
    if reply.usage is not None:
        about = "about " if reply.cost_estimated else ""
        tokens = f"{reply.usage.prompt_tokens} in, {reply.usage.completion_tokens} out"
        parts += [about + tokens, about + money(reply.cost)]
    parts.append(f"{seconds:.1f} s")
    tries = len(reply.decision.attempts)
    if tries > 1:
        parts.append(f"{tries} attempts: seawall explain {reply.id}")
    return Text(" · ".join(parts), style="dim")
