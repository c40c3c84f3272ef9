"""The child process: llama.cpp's own HTTP server on loopback, for as long as someone holds it.

Started by ``starting.py`` as ``python -m seawall.transports.local.child ORDERS``. The server runs
in threads of its own; this one keeps count of the leases.
"""

from __future__ import annotations

import fcntl
import math
import os
import secrets
import selectors
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import xllamacpp  # pyright: ignore[reportMissingTypeStubs] - it has none
from msgspec.structs import replace

from .engine import Plan
from .lease import LEASE, Child
from .starting import Orders

__all__ = ["main"]

_llama: Any = xllamacpp

#: Tokens read at once. llama.cpp looks for a cancelled call between batches, so this bounds how
#: long a question nobody waits for is read on: about four seconds for 1.5 billion weights on one
#: core. Larger batches were no faster there.
_BATCH = 128
#: A connection takes a thread while it is open, those that wait for a slot too.
_CONNECTIONS = 64
#: Prompts of other conversations, kept to be read no second time: a full context of the default
#: model takes about 115 MiB.
_SAVED_PROMPTS_MIB = 128
_LOG_BYTES = 1 << 20
_TICK = 60.0


def main() -> None:
    """Load the model, tell who waits, and leave when nobody holds a lease any more."""
    orders = msgspec.json.decode(sys.argv[1], type=Orders)
    plan = orders.plan
    os.umask(0o077)
    # Nothing else ends a load that hangs in native code when the process that started it is gone.
    signal.alarm(math.ceil(plan.start))
    key = secrets.token_urlsafe(32)
    try:
        server = _llama.Server(_params(plan, key))
    except RuntimeError as error:  # the log has the reason
        sys.exit(str(error))
    signal.alarm(0)
    child = Child(
        url=server.listening_address,
        key=key,
        pid=os.getpid(),
        started=time.time(),
        model=plan.alias,
        path=plan.path,
    )
    keeper = Keeper(_listen(orders.socket), child, plan.grace)
    keeper.admit(socket.socket(fileno=orders.first))
    os.close(orders.lock)
    keeper.run()
    try:
        _leave(Path(orders.socket))
    finally:
        # Taking llama.cpp down in order is of no use to anyone and could hang.
        os._exit(0)


def _params(plan: Plan, key: str) -> Any:
    params = _llama.CommonParams()
    params.model.path = plan.path
    params.model_alias = {plan.alias}
    params.n_ctx = plan.context * plan.slots
    params.n_parallel = plan.slots
    params.n_batch = params.n_ubatch = _BATCH
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = plan.threads
    params.n_threads_http = _CONNECTIONS
    params.cache_ram_mib = _SAVED_PROMPTS_MIB
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.cors_origins = ""
    params.ui = False
    return params


def _listen(path: str) -> socket.socket:
    """Called under the lock: what is at ``path`` is left over from a child that died."""
    Path(path).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(128)
    return listener


def _leave(path: Path) -> None:
    """Remove the socket, unless a successor is being started and may have made its own."""
    with path.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        except BlockingIOError:
            pass


class Keeper:
    """Counts the leases. The connections are a few bytes each way, so none ever blocks."""

    def __init__(self, listener: socket.socket, child: Child, grace: float) -> None:
        self._listener = listener
        self._child = child
        self._grace = grace
        self._leases: set[socket.socket] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)

    def admit(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ)

    def run(self) -> None:
        """Return ``grace`` seconds after the last lease is gone."""
        due = time.monotonic() + self._grace
        while (left := due - time.monotonic()) > 0:
            for ready, _ in self._selector.select(min(_TICK, left)):
                if ready.fileobj is self._listener:
                    self.admit(self._listener.accept()[0])
                elif isinstance(ready.fileobj, socket.socket):
                    self._hear(ready.fileobj)
            due = math.inf if self._leases else min(due, time.monotonic() + self._grace)
            _trim_log()

    def _hear(self, connection: socket.socket) -> None:
        try:
            word = connection.recv(64)
            if word == LEASE:
                self._leases.add(connection)
            if word:
                child = replace(self._child, leases=len(self._leases))
                connection.sendall(msgspec.json.encode(child) + b"\n")
                return
        except OSError:
            pass
        self._leases.discard(connection)
        self._selector.unregister(connection)
        connection.close()


def _trim_log() -> None:
    """The log may lie in memory. It is opened for appending, so it can be cut at any time."""
    if os.fstat(2).st_size > _LOG_BYTES:
        os.ftruncate(2, 0)


if __name__ == "__main__":
    main()
