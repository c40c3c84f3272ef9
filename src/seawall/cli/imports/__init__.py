"""``seawall import``: settings of other tools as a seawall.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ...client.routes import Router
from ...client.settings import Settings
from ...config import Source, Sources, shape
from ...errors import ConfigError
from ..console import errors
from .litellm import Translated, translate
from .notices import Notices
from .reading import read
from .writing import needed, write

__all__ = ["check", "import_"]


@click.group("import")
def import_() -> None:
    """Take over the settings of another tool."""


@import_.command()
@click.argument("config", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    default="seawall.toml",
    show_default=True,
    help="File to write; - is standard output.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def litellm(config: Path, output: Path, force: bool) -> None:
    """Write the settings of a LiteLLM proxy's CONFIG (config.yaml) as a seawall.toml.

    Keys are never written: variables stand in their place. What has no counterpart is told, with
    the reason and what to do, here and at the end of the file.
    """
    notices = Notices()
    translated = translate(read(config, notices), notices)
    text = write(translated, config.name)
    check(text, translated.settings)
    if str(output) == "-":
        click.echo(text, nl=False)
    else:
        _write(text, output, force)
    _tell(translated, output)


def check(text: str, settings: Mapping[str, Any]) -> None:
    """Load what was written, as it will be loaded once its variables are set. Raises
    ``ConfigError``."""
    variables = {
        name: f"https://{name.lower().replace('_', '-')}.test" for name in needed(settings)
    }
    sources = Sources((Source("what was written", tomllib.loads(text)),), variables)
    router = Router(shape(sources, Settings), variables)
    for alias in settings.get("models", {}):
        for name in router.names(alias):
            router.vendor(name.partition("/")[0])


def _write(text: str, output: Path, force: bool) -> None:
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(
            "it is there already", source=str(output), remedy="Name another, or add --force."
        ) from None


def _tell(translated: Translated, output: Path) -> None:
    settings, notices = translated.settings, translated.notices
    aliases = sum("route" in table for table in settings.get("models", {}).values())
    vendors = len(settings.get("vendors", {}))
    where = "standard output" if str(output) == "-" else str(output)
    told = f"{where}: {_count(aliases, 'alias', 'aliases')}, {_count(vendors, 'vendor', 'vendors')}"
    errors.print(told, markup=False, soft_wrap=True)
    if len(notices):
        errors.print(f"{_count(len(notices), 'thing is', 'things are')} not as in LiteLLM:")
    for notice in notices:
        errors.print(f"- {notice}", style="yellow", markup=False, soft_wrap=True)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
