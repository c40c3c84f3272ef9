"""``seawall sim``: a provider that breaks on purpose, on a port of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator
from pathlib import Path

import click
from msgspec.structs import replace

from ...client.aio import AsyncSeawall
from ...errors import ConfigError
from ...simulator import (
    Answer,
    Quota,
    Rule,
    Script,
    Simulator,
    Verdict,
    embedded,
    load_script,
    parse_rule,
)
from ..local import fetch_any
from .show import closing, list_faults, opening, tell

__all__ = ["sim"]


def _rule(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> list[Rule]:
    try:
        return [parse_rule(text) for text in given]
    except ConfigError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.argument("script", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("-p", "--port", default=8401, show_default=True, help="Port; 0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "-f",
    "--fault",
    "faults",
    multiple=True,
    callback=_rule,
    help="A fault and when: 429:requests=1+2, 503:after=10,until=40, cut:chance=0.1.",
)
@click.option("--rpm", type=click.IntRange(min=1), help="Quota: requests per minute.")
@click.option("--tpm", type=click.IntRange(min=1), help="Quota: tokens per minute.")
@click.option("--answer", help="The text of every answer.")
@click.option("--model", help="Have this embedded model answer.")
@click.option("--speed", type=float, default=1.0, help="How much faster the script's time runs.")
@click.option("--seed", type=int, help="Seed of the faults by chance.")
@click.option("--judge", is_flag=True, help="Exit with status 1 if the verdict is bad.")
@click.option("--list", "listed", is_flag=True, help="Show the faults, and serve nothing.")
def sim(
    script: Path | None,
    port: int,
    host: str,
    faults: list[Rule],
    rpm: int | None,
    tpm: int | None,
    answer: str | None,
    model: str | None,
    speed: float,
    seed: int | None,
    judge: bool,
    listed: bool,
) -> int:
    """Serve a provider that breaks on purpose, and judge who asks it.

    It speaks OpenAI's chat and responses, Anthropic's messages, Gemini and Cohere's chat, each
    where its provider does. SCRIPT is a TOML file; options go before what it says. Any model's
    name is answered, and fault/NAME gets that fault. Ctrl-C ends it with a verdict.
    """
    if listed:
        list_faults()
        return 0
    told = _script(script, faults, Quota(requests=rpm, tokens=tpm), answer, seed)
    if model is not None:
        model = fetch_any(model)
    verdict = asyncio.run(_serve(told, model, speed, host, port))
    return int(judge and not verdict.good)


def _script(
    path: Path | None, faults: list[Rule], quota: Quota, answer: str | None, seed: int | None
) -> Script:
    script = Script() if path is None else load_script(path)
    return replace(
        script,
        faults=(*faults, *script.faults),
        quota=Quota(
            requests=quota.requests or script.quota.requests,
            tokens=quota.tokens or script.quota.tokens,
        ),
        answer=script.answer if answer is None else answer,
        seed=script.seed if seed is None else seed,
    )


async def _serve(script: Script, model: str | None, speed: float, host: str, port: int) -> Verdict:
    async with _answers(model) as answer:
        simulator = Simulator(script, answer=answer, speed=speed, tell=tell)
        try:
            async with simulator.serve(host=host, port=port) as url:
                opening(script, model, url, host)
                await _interrupted()
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {host} port {port}: {error.strerror or error}",
                remedy="Choose another with --port, or a free one with --port 0.",
            ) from None
    verdict = simulator.verdict()
    closing(verdict)
    return verdict


@contextlib.asynccontextmanager
async def _answers(model: str | None) -> AsyncGenerator[Answer | None, None]:
    if model is None:
        yield None
        return
    async with AsyncSeawall(ledger=False) as client:
        yield embedded(client, model)


async def _interrupted() -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
