"""Connections belong to a loop, and to a process."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import uvloop
from http_peer import CHUNKED, body, outbound

from seawall.transports.http import Http

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [
    asyncio.new_event_loop,
    uvloop.new_event_loop,
]


class _Server:
    """Answers every request with how many the connection has had. Threads, so that it outlives
    the loops under test."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self.connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections.append(connection)
            self._threads.append(threading.Thread(target=self._answer, args=(connection,)))
            self._threads[-1].start()

    def _answer(self, connection: socket.socket) -> None:
        number = 0
        with connection:
            while True:
                try:
                    data = connection.recv(65536)
                except OSError:
                    return
                if not data:
                    return
                number += 1
                if data.startswith(b"GET"):
                    connection.sendall(CHUNKED)
                else:
                    reply = b"%d" % number
                    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(reply)
                    connection.sendall(head + reply)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self.connections:
            if connection.fileno() >= 0:
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


@contextmanager
def _server() -> Iterator[_Server]:
    server = _Server()
    try:
        yield server
    finally:
        server.close()


async def _ask(http: Http, url: str, times: int = 2) -> list[bytes]:
    return [await body(await http(outbound(url))) for _ in range(times)]


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_consecutive_runs_begin_anew_and_leave_nothing(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """Nothing is closed by hand; an unclosed socket would be a warning, so an error."""
    with _server() as server:
        http = Http(environ={})
        for _ in range(3):
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                assert runner.run(_ask(http, server.url)) == [b"1", b"2"]
        gc.collect()
        assert len(server.connections) == 3
        assert not http._homes


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_a_stream_left_open_at_the_end_of_a_run(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    with _server() as server:
        http = Http(environ={})

        async def leave_open() -> object:
            return await http(outbound(server.url, method="GET", body=b"", stream=True))

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            inbound = runner.run(leave_open())
        inbound.abort()  # type: ignore[attr-defined]
        inbound.release()  # type: ignore[attr-defined]
        gc.collect()


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_a_loop_closed_without_ceremony_is_forgotten(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """It leaves its connections unclosed, of which Python warns; the next loop is served."""
    with _server() as server:
        http = Http(environ={})

        def ask_twice() -> None:
            loop = loop_factory()
            assert loop.run_until_complete(_ask(http, server.url)) == [b"1", b"2"]
            loop.close()
            assert asyncio.run(_ask(http, server.url)) == [b"1", b"2"]
            del loop
            gc.collect()

        with pytest.warns(ResourceWarning):
            ask_twice()
        assert not http._homes


def test_several_loops_at_once() -> None:
    with _server() as server:
        http = Http(environ={})
        results: list[list[bytes]] = []  # appended to by every thread
        ready = threading.Barrier(4)

        async def run() -> None:
            await asyncio.get_running_loop().run_in_executor(None, ready.wait)
            results.append(await _ask(http, server.url, 50))

        threads = [threading.Thread(target=lambda: asyncio.run(run())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [[b"%d" % n for n in range(1, 51)]] * 4
        assert len(server.connections) == 4


@pytest.mark.skipif(sys.platform == "darwin", reason="fork with threads is not safe there")
@pytest.mark.parametrize("loop_factory", LOOPS)
def test_a_forked_child_leaves_the_parents_connections_alone(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    with _server() as server:
        http = Http(environ={})

        def child() -> int:
            asyncio._set_running_loop(None)
            if http._homes:
                return 2
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                answers = runner.run(_ask(http, server.url))
            gc.collect()
            return 0 if answers == [b"1", b"2"] else 3

        async def parent() -> None:
            assert await _ask(http, server.url) == [b"1", b"2"]
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    code = child()
                finally:
                    os._exit(code)
            loop = asyncio.get_running_loop()
            _, status = await loop.run_in_executor(None, os.waitpid, pid, 0)
            assert os.waitstatus_to_exitcode(status) == 0
            assert await _ask(http, server.url) == [b"3", b"4"]

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(parent())
        assert len(server.connections) == 2
