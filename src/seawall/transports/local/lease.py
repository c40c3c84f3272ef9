"""A hold on a child process, and what the child and its users say to one another.

They meet at a Unix socket in a directory that only this user can enter. Whoever connects writes
one word and is answered with one line of JSON, a ``Child``: ``LEASE`` keeps the child alive until
the connection closes (which the kernel does for a process that is killed), ``STATUS`` only asks.
A socket nobody answers at is left over from a child that died.
"""

from __future__ import annotations

import socket
import weakref
from pathlib import Path

import msgspec
from msgspec import Struct

__all__ = ["LEASE", "STATUS", "Child", "Lease", "ask", "greet"]

LEASE = b"lease\n"
STATUS = b"status\n"

_ANSWER_SECONDS = 10.0


class Child(Struct, frozen=True, kw_only=True):
    """What a child says of itself. ``started`` is an epoch second, ``leases`` the number of
    processes that hold it."""

    url: str
    key: str
    pid: int
    started: float
    model: str
    path: str
    leases: int = 0

    def __repr__(self) -> str:
        return f"Child(pid={self.pid}, model={self.model!r})"


class Lease:
    """Keeps a child alive until it is closed, collected, or its process ends."""

    def __init__(self, connection: socket.socket, child: Child) -> None:
        connection.setblocking(False)
        self._connection = connection
        self.child = child
        self.close = weakref.finalize(self, connection.close)

    def held(self) -> bool:
        """Whether the child still lives. Never waits."""
        if not self.close.alive:
            return False
        try:
            return self._connection.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False


def ask(path: Path, word: bytes) -> Lease | None:
    """Say ``word`` to the child at ``path``; ``None`` if there is none."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(_ANSWER_SECONDS)
        connection.connect(str(path))
        return greet(connection, word)
    except (FileNotFoundError, ConnectionError):
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise


def greet(connection: socket.socket, word: bytes) -> Lease:
    """Say ``word`` and read the answer. Raises ``ConnectionError`` if the child ended before it
    gave one, ``TimeoutError`` when the connection's timeout has passed."""
    connection.sendall(word)
    line = b""
    while not line.endswith(b"\n"):
        piece = connection.recv(4096)
        if not piece:
            raise ConnectionResetError("the child ended before it answered")
        line += piece
    return Lease(connection, msgspec.json.decode(line, type=Child))
