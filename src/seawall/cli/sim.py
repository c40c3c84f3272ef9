"""``seawall sim``: a provider that breaks on purpose, on a port of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator
from pathlib import Path

import click
from msgspec.structs import asdict, replace
from rich.cells import cell_len, set_cell_size
from rich.table import Table
from rich.text import Text

from ..client.aio import AsyncSeawall
from ..errors import ConfigError
from ..simulator import (
    KINDS,
    Answer,
    Quota,
    Rule,
    Script,
    Seen,
    Simulator,
    Verdict,
    embedded,
    load_script,
    parse_rule,
)
from .console import output
from .listing import plain
from .local import fetch_any

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
    """Serve an OpenAI-compatible API that breaks on purpose, and judge who asks it.

    SCRIPT is a TOML file; options go before what it says. Any model's name is answered, and
    fault/NAME gets that fault. Ctrl-C ends it with a verdict.
    """
    if listed:
        _list()
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
        simulator = Simulator(script, answer=answer, speed=speed, tell=_tell)
        try:
            async with simulator.serve(host=host, port=port) as url:
                _opening(script, model, url, host)
                await _interrupted()
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {host} port {port}: {error.strerror or error}",
                remedy="Choose another with --port, or a free one with --port 0.",
            ) from None
    verdict = simulator.verdict()
    _closing(verdict)
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


def _list() -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("fault", no_wrap=True)
    table.add_column("what happens")
    for kind in KINDS.values():
        only = "" if kind.whole else " (streams)"
        table.add_row(kind.name, Text.assemble(kind.about, (only, "dim")))
    output.print(table)
    output.print(Text(_NAMES, style="dim"))


_NAMES = """
As a model's name: fault/NAME always, fault/NAME-once the first time a question
is asked, fault/NAME-for-10s as long from that model's first request on."""


def _opening(script: Script, model: str | None, url: str, host: str) -> None:
    output.print(Text.assemble("Serving ", (url, "bold cyan"), "  until Ctrl-C"))
    answers = f"the embedded {model}" if model else repr(script.answer)
    lines = [("answers", answers)]
    lines += [("fault", _terms(rule)) for rule in script.faults]
    quota = [
        f"{limit} {name} per minute"
        for name, limit in (("requests", script.quota.requests), ("tokens", script.quota.tokens))
        if limit is not None
    ]
    lines += [("quota", ", ".join(quota))] if quota else []
    for name, text in lines:
        output.print(Text.assemble((f"{name:>8}  ", "dim"), plain(text)))
    if not host.startswith("127.") and host not in ("localhost", "::1"):
        output.print(f"{host} is not loopback: others can reach it", style="yellow")
    output.print()
    output.print(_line("time", "#", "", "model", "", "what happened", "took", "dim"))


def _terms(rule: Rule) -> str:
    """The rule as it is given on the command line."""
    usual = asdict(Rule(fault=rule.fault))
    given = {name: value for name, value in asdict(rule).items() if value != usual[name]}
    if rule.requests:
        given["requests"] = "+".join(map(str, rule.requests))
    said = ",".join(f"{name}={value}" for name, value in given.items())
    return f"{rule.fault}:{said}" if said else rule.fault


_STYLES = {"answered": "green", "refused": "yellow", "broken": "red", "left": "magenta"}


def _tell(seen: Seen) -> None:
    """One line a request, when it has ended."""
    if seen.ended is None:
        return
    asked = f"{seen.asked + 1}x" if seen.asked else ""
    model = seen.model or f"{seen.method} {seen.path}"
    output.print(
        _line(
            f"{seen.at:.2f}",
            str(seen.number),
            asked,
            model,
            str(seen.status or ""),
            _what(seen),
            f"{seen.ended - seen.at:.2f}",
            _STYLES[seen.how],
        )
    )


def _what(seen: Seen) -> str:
    if seen.how == "refused":
        wait = "" if seen.wait is None else f", come back in {seen.wait:.3g} s"
        # The status stands in a column of its own.
        named = "" if seen.fault.startswith(str(seen.status)) else seen.fault
        return f"{named or 'refused'}{wait}"
    said = "client left" if seen.how == "left" else seen.how
    what = f"{said}: {seen.fault}" if seen.fault else said
    return f"stream {what}" if seen.stream else what


def _line(*columns: str) -> Text:
    """Columns for 80 characters; the last argument is the style of what happened."""
    time, number, asked, model, status, what, took, style = columns
    if cell_len(model) > _MODEL:
        model = f"{set_cell_size(model, _MODEL - 1)}…"
    return Text.assemble(
        (f"{time:>8} {number:>4} ", "dim"),
        (f"{asked:>3} ", "yellow"),
        plain(set_cell_size(model, _MODEL)),
        f" {status:>3} ",
        (f"{what:<30}", style),
        (f"{took:>7}", "dim"),
    )


_MODEL = 20


def _closing(verdict: Verdict) -> None:
    first, *charges = str(verdict).splitlines()
    output.print()
    output.print(first, style="bold green" if verdict.good else "bold red")
    for charge in charges:
        output.print(Text(charge))
