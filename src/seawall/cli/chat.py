"""``seawall chat``: a conversation in the terminal."""

from __future__ import annotations

import time
from typing import Any

import click

from ..client.sync import Seawall
from ..errors import Fault
from ..types import Message, Text
from .console import errors
from .session import client, footer, model_options

__all__ = ["chat"]

_HELP = "/new starts over, /exit or Ctrl-D leaves, Ctrl-C stops an answer."


@click.command()
@model_options
def chat(config: str | None, **options: Any) -> None:
    """Talk with a model. Answers stream; a failed turn can simply be asked again."""
    options = {name: value for name, value in options.items() if value is not None}
    turns: list[Message] = []
    errors.print(_HELP, style="dim")
    with client(config) as asked:
        while (line := _read()) is not None:
            if line == "/new":
                turns.clear()
                errors.print("a new conversation", style="dim")
            elif line.startswith("/"):
                errors.print(_HELP, style="dim")
            elif line:
                _turn(asked, turns, line, options)


def _read() -> str | None:
    """The next line, ``None`` at the end."""
    try:
        line = click.prompt(
            click.style("you", fg="cyan", bold=True),
            prompt_suffix="> ",
            default="",
            show_default=False,
        )
    except (click.Abort, EOFError):
        click.echo()
        return None
    line = line.strip()
    return None if line in ("/exit", "/quit") else line


def _turn(asked: Seawall, turns: list[Message], line: str, options: dict[str, Any]) -> None:
    """One question and its answer. Only a turn with an answer stays in the conversation."""
    question = Message("user", (Text(line),))
    started = time.monotonic()
    pieces: list[str] = []
    try:
        with asked.stream([*turns, question], **options) as stream:
            for piece in stream.text:
                pieces.append(piece)
                click.echo(piece, nl=False)
            click.echo()
            reply = stream.reply()
    except KeyboardInterrupt:
        click.echo()
        errors.print("stopped", style="dim")
    except Fault as fault:
        click.echo()
        click.secho("error: ", fg="red", bold=True, nl=False, err=True)
        click.echo(str(fault), err=True)
        return
    else:
        errors.print(footer(reply, time.monotonic() - started))
    if pieces:
        turns += [question, Message("assistant", (Text("".join(pieces)),))]
