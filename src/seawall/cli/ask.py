"""``seawall ask``: one question, the answer as it comes."""

from __future__ import annotations

import sys
import time
from typing import Any

import click
import msgspec

from ..core import Reply
from ..errors import ConfigError
from .console import errors
from .session import client, footer, model_options

__all__ = ["ask"]


@click.command()
@click.argument("question", nargs=-1)
@click.option("--schema", type=click.File("rb"), help="A JSON Schema the answer must meet.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole reply as one JSON object.")
@model_options
def ask(
    question: tuple[str, ...], schema: Any, as_json: bool, config: str | None, **options: Any
) -> None:
    """Ask a model one QUESTION; what is piped in is added below it."""
    text = _text(question)
    options = {name: value for name, value in options.items() if value is not None}
    if schema is not None:
        options["output"] = _schema(schema)
    started = time.monotonic()
    with client(config) as asked:
        if as_json or schema is not None:
            reply = asked.chat(text, **options)
            click.echo(_json(reply) if as_json else msgspec.json.encode(reply.output).decode())
        else:
            with asked.stream(text, **options) as stream:
                for piece in stream.text:
                    click.echo(piece, nl=False)
                click.echo()
                reply = stream.reply()
    if sys.stderr is not None and sys.stderr.isatty():
        errors.print(footer(reply, time.monotonic() - started))


def _text(question: tuple[str, ...]) -> str:
    parts = [" ".join(question)] if question else []
    # A stream that whoever started us has closed is None.
    if sys.stdin is not None and not sys.stdin.isatty():
        parts.append(sys.stdin.read().strip())
    text = "\n\n".join(part for part in parts if part)
    if not text:
        raise click.UsageError("there is no question: give it as an argument or pipe it in")
    return text


def _schema(file: Any) -> Any:
    try:
        return msgspec.json.decode(file.read())
    except ValueError as error:
        raise ConfigError(f"is no JSON: {error}", source=file.name) from None


def _json(reply: Reply) -> str:
    fields = {
        "id": reply.id,
        "model": reply.model,
        "text": reply.text,
        "output": reply.output,
        "finish_reason": reply.finish_reason,
        "usage": reply.usage,
        "cost_nano_usd": reply.cost,
        "cost_estimated": reply.cost_estimated,
        "damaged": reply.damaged,
        "decision": reply.decision,
    }
    return msgspec.json.encode(fields, enc_hook=repr).decode()
