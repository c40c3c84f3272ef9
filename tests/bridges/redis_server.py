"""A real redis-server on loopback, which a test may stop, freeze and start again."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis

__all__ = ["RedisServer", "redis_server"]


class RedisServer:
    """Keeps nothing on disk but its log; one port for all its lives."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    def client(self) -> redis.Redis:
        """With the library's own time limits and retries, which are generous."""
        return redis.Redis(host="127.0.0.1", port=self.port)

    def start(self) -> None:
        settings = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", ""]
        settings += ["--dir", str(self._directory), "--logfile", "redis.log"]
        self._process = subprocess.Popen(["redis-server", *settings], stdin=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while not self._answers():
            assert self._process.poll() is None, (self._directory / "redis.log").read_text()
            assert time.monotonic() < until
            time.sleep(0.02)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)) as it:
            it.sendall(b"PING\r\n")
            return it.recv(7) == b"+PONG\r\n"
        return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def freeze(self) -> None:
        """It accepts connections and never answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@contextlib.contextmanager
def redis_server(directory: Path) -> Iterator[RedisServer]:
    server = RedisServer(directory)
    server.start()
    try:
        yield server
    finally:
        server.stop()


#: Why tests that need it are skipped, empty if they are not.
MISSING = "" if shutil.which("redis-server") else "redis-server is not installed"
