"""``seawall doctor``: what is wrong around here, and what to do about it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from . import endpoints, keys, leaks, machine, records, versions
from .findings import Finding
from .setup import load
from .show import Report

__all__ = ["doctor"]


@click.command()
@click.option("-c", "--config", type=click.Path(dir_okay=False), help="Settings file.")
@click.option(
    "--path",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    show_default="the working directory",
    help="Look for leaked keys in the git repository that holds this directory.",
)
@click.option(
    "--max-seconds",
    type=click.FloatRange(min=0),
    default=20.0,
    show_default=True,
    help="Stop looking for leaked keys after so long.",
)
@click.option("--offline", is_flag=True, help="Ask no endpoint.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def doctor(config: str | None, path: Path, max_seconds: float, offline: bool, as_json: bool) -> int:
    """Check keys, leaks, endpoints and the machine. Exit status 1 if anything fails."""
    report = Report(as_json)
    env_file = Path(".env")
    setup, problems = load(config, env_file if env_file.is_file() else None)
    report.group("keys", [*problems, *keys.check(setup, env_file)])
    with report.busy("looking for keys in files and history"):
        found = leaks.check(path, max_seconds)
    report.group("leaks", found)
    with report.busy("asking endpoints"):
        answers = [] if offline else asyncio.run(endpoints.check(setup))
    report.group("endpoints", [answer.finding for answer in answers] or [_nobody(offline)])
    skews = [answer.skew for answer in answers if answer.skew is not None]
    kept = records.check(setup.settings.ledger, setup.sources.variables)
    report.group("machine", [*versions.check(), *kept, *machine.check(setup, skews)])
    return report.close()


def _nobody(offline: bool) -> Finding:
    if offline:
        return Finding("info", "none asked", "--offline")
    return Finding("info", "none asked", "no vendor on the network has its key")
