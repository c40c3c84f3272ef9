"""The SDKs of different ages that Seawall works under, each in a virtual environment of its own.

``environment("openai-1.30")`` makes one from ``requirements/sdk/openai-1.30.txt`` at first use and
keeps it in ``.venv/sdk`` until that lock or the interpreter changes. Processes that want the same
one wait for each other; an installation that fails is removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

__all__ = ["NAMES", "Environment", "environment", "prepare"]

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "requirements" / "sdk"
HOME = ROOT / ".venv" / "sdk"
NAMES = tuple(sorted(path.stem for path in LOCKS.glob("openai-*.txt")))

#: Less than the limit of a test, so that a network that hangs is named and not just cut off.
INSTALL_SECONDS = 100.0

# Tests run without the proxies of whoever starts them; an installation may need them.
_INSTALL_ENVIRON = dict(os.environ)
_COMPLETE = ".complete"


class Environment(NamedTuple):
    """A virtual environment with what its lock pins; this checkout's ``src`` is on its path."""

    name: str
    path: Path

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"

    def run(
        self,
        *arguments: str | Path,
        seconds: float = 60.0,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> str:
        """What ``python *arguments`` prints. An exit status other than 0 or more than ``seconds``
        is an ``AssertionError`` with the whole output; nothing is left running."""
        process = subprocess.Popen(
            [self.python, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=cwd or ROOT,
            env={**_environ(), **(environ or {}), "PYTHONPATH": str(ROOT / "src")},
            start_new_session=True,
        )
        try:
            printed = _finish(process, seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.returncode:
            shown = " ".join(map(str, arguments))
            raise AssertionError(f"{self.name}: {shown} exited {process.returncode}:\n{printed}")
        return printed

    def run_tests(self, *files: str | Path, seconds: float = 100.0) -> str:
        """Run test files with pytest, as this repository sets it up."""
        return self.run(
            *("-m", "pytest", "-c", ROOT / "pyproject.toml", "-p", "no:cacheprovider", "-q"),
            *files,
            seconds=seconds,
        )


def _environ() -> dict[str, str]:
    """The environment of tests inside: they belong to no worker of these, and may keep what they
    compile, which for an SDK takes longer than its tests."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    return {**kept, "PYTHONDONTWRITEBYTECODE": ""}


def _finish(process: subprocess.Popen[str], seconds: float) -> str:
    try:
        return process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired as slow:
        os.killpg(process.pid, signal.SIGKILL)
        printed = process.communicate()[0]
        raise AssertionError(f"it still ran after {seconds:g} s:\n{printed}") from slow


def environment(name: str, *, locks: Path = LOCKS, home: Path = HOME) -> Environment:
    """The environment of the lock ``name``, made if it is not there yet."""
    lock = locks / f"{name}.txt"
    path = home / f"{name}-{_key(lock)}"
    if not (path / _COMPLETE).exists():
        home.mkdir(parents=True, exist_ok=True)
        with _alone(home / f"{path.name}.lock"):
            if not (path / _COMPLETE).exists():
                _make(lock, path)
                _remove_older(name, path)
    return Environment(name, path)


def prepare(names: Sequence[str] = NAMES) -> list[Environment]:
    """Several environments, made at once: half of an installation waits for the network."""
    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        return list(pool.map(environment, names))


def _key(lock: Path) -> str:
    machine = f"{platform.python_version()} {sys.platform} {platform.machine()}"
    return sha256(machine.encode() + lock.read_bytes()).hexdigest()[:12]


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Only one process, and one thread of it, at a time. The system frees it if that dies."""
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _make(lock: Path, path: Path) -> None:
    try:
        # Without pip of its own: the one that runs here installs into it.
        _call("-m", "venv", "--clear", "--without-pip", str(path))
        _call(
            *("-m", "pip", "--python", str(path / "bin" / "python")),
            *("--disable-pip-version-check", "--no-input", "--quiet"),
            *("install", "--no-compile", "--require-hashes", "--only-binary", ":all:"),
            *("--requirement", str(lock)),
        )
        (path / _COMPLETE).touch()
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise


def _call(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=_INSTALL_ENVIRON,
        timeout=INSTALL_SECONDS,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} exited {done.returncode}:\n{done.stdout}")


def _remove_older(name: str, path: Path) -> None:
    for other in path.parent.glob(f"{name}-????????????"):
        if other != path:
            shutil.rmtree(other, ignore_errors=True)
