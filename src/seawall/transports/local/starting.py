"""Have a child run: find the one that is there, or start it, once for all processes."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from ...errors import SeawallError
from .engine import Plan
from .lease import LEASE, Lease, ask, greet
from .runtime import Meeting, meeting, said

__all__ = ["Orders", "StartError", "lease"]

_log = logging.getLogger("seawall.local")

_POLL = 0.05
#: A child needs no provider's key: it gets what finds Python, libraries and devices.
_NAMES = frozenset({"HOME", "LANG", "PATH", "PYTHONHOME", "TMPDIR"})
_KINDS = ("CUDA_", "DYLD_", "GGML_", "HIP_", "HSA_", "LC_", "LD_", "ROCR_", "VK_")


class StartError(SeawallError):
    """The child process of an embedded model did not start."""


class Orders(Struct, frozen=True):
    """What a child is started with: file descriptors of the start's lock and of the first
    lease beside the plan. The child holds the lock too, so that nobody starts a second one if
    whoever started it is killed."""

    plan: Plan
    socket: str
    lock: int
    first: int


def lease(plan: Plan) -> Lease:
    """A hold on the child that serves ``plan``. Blocks while it loads the model.

    Raises ``StartError`` if it cannot be had within ``plan.start`` seconds.
    """
    place = meeting(plan)
    due = time.monotonic() + plan.start
    try:
        found = ask(place.socket, LEASE)
        if found is not None:
            return found
        with _locked(place.lock, due) as lock:
            return ask(place.socket, LEASE) or _start(plan, place, lock, due)
    except TimeoutError as error:
        raise StartError(
            f"the child process of {plan.alias} was not ready within {plan.start:g} s "
            f"({error}); its log, {place.log}, ends with:\n{said(place.log)}"
        ) from error


@contextmanager
def _locked(path: Path, due: float) -> Generator[int]:
    """Hold the lock until ``due``; a child that inherits it holds it on."""
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > due:
                    raise TimeoutError("another process is still starting it") from None
                time.sleep(_POLL)
        yield file.fileno()


def _start(plan: Plan, place: Meeting, lock: int, due: float) -> Lease:
    _log.info("starting a process that loads %s", plan.path)
    ours, theirs = socket.socketpair()
    with theirs:
        orders = Orders(plan, str(place.socket), lock, theirs.fileno())
        process = _spawn(orders, place.log)
    # Reaps the child whenever it ends, so that it leaves no zombie behind.
    threading.Thread(target=process.wait, name="seawall-local-child", daemon=True).start()
    try:
        ours.settimeout(max(0.1, due - time.monotonic()))
        return greet(ours, LEASE)
    except ConnectionError:
        ours.close()
        status = process.wait()
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        raise StartError(
            f"the child process of {plan.alias} {how} while it loaded {plan.path}; "
            f"its log, {place.log}, ends with:\n{said(place.log)}"
        ) from None
    except BaseException:
        ours.close()
        process.kill()
        process.wait()
        raise


def _spawn(orders: Orders, log: Path) -> subprocess.Popen[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    output = os.open(log, flags, 0o600)
    try:
        # -P: what lies in the working directory is not imported.
        return subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", f"{__package__}.child", msgspec.json.encode(orders)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(orders.lock, orders.first),
            cwd="/",
            env=_environment(),
            # Ctrl-C in the terminal of one user does not reach the others' child.
            start_new_session=True,
        )
    finally:
        os.close(output)


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _NAMES or name.startswith(_KINDS)
    }
    kept["PYTHONPATH"] = os.pathsep.join(entry for entry in sys.path if os.path.isabs(entry))
    return kept
