"""The command line: one thin file a command, loaded when it is called."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from ..errors import SeawallError
from ..plugins import BUILT_IN, load

__all__ = ["main"]


class _Commands(click.Group):
    """Imports a command's module only when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(BUILT_IN["command"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in BUILT_IN["command"]:
            return None
        return load("command", cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        # Here and not in main: click itself takes a closed pipe for a failure.
        try:
            status = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
            return status
        except BrokenPipeError:
            # The reader of a pipe (head, less) has gone; there is nobody left to tell.
            _silence()
            return 0


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="seawall", message="seawall %(version)s")
def seawall() -> None:
    """The production layer between an application and AI APIs."""


def main(arguments: Sequence[str] | None = None) -> Any:
    """Run the command line; a known error is one line on stderr and exit status 1."""
    for stream in (sys.stdout, sys.stderr):
        # Models write signs that a terminal's encoding may not have.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        status: Any = seawall.main(args=arguments, prog_name="seawall", standalone_mode=False)
    except SeawallError as error:
        click.secho("error: ", fg="red", bold=True, nl=False, err=True)
        click.echo(str(error), err=True)
        for note in getattr(error, "__notes__", ()):
            click.echo(f"  {note}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo(err=True)
        sys.exit(130)
    except OSError as error:
        _silence()
        full = error.errno in (errno.ENOSPC, errno.EIO) and error.filename is None
        click.secho("error: ", fg="red", bold=True, nl=False, err=True)
        click.echo(f"the output cannot be written: {error.strerror}" if full else error, err=True)
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


def _silence() -> None:
    """Let what is still in standard output's buffer go nowhere when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
