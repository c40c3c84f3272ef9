"""Clients where programs really use them: threads, loops, signals, forks and sudden ends."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from client_upstream import HOLD, Upstream, finish, piece, sends, streams, upstream, whole

from seawall import AsyncSeawall, Seawall, StreamCutError
from seawall.sinks import Ledger

_HEAD = """
import asyncio, multiprocessing, os, signal, sys, threading, time, warnings
from seawall import AsyncSeawall, Fault, Seawall

# Forking beside threads is what is tried here.
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
SETTINGS = {
    "vendors": {"wall": {"base_url": sys.argv[1], "key": "k"}},
    "model": "wall/m",
    "ledger": {"dir": sys.argv[2]},
}
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
"""
_SYNC = _HEAD + "client = Seawall(**SETTINGS)\n"


@contextmanager
def _program(text: str, up: Upstream, directory: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", text, up.url, str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _run(text: str, up: Upstream, directory: Path) -> tuple[int, list[str], str]:
    with _program(text, up, directory) as process:
        out, errors = process.communicate(timeout=60)
        return process.returncode, out.splitlines(), errors


def _outcomes(directory: Path) -> list[str]:
    with Ledger.open(directory) as ledger:
        return sorted(row.outcome for row in ledger.calls(limit=1000))


@pytest.fixture
def up() -> Iterator[Upstream]:
    with upstream() as served:
        yield served


# Ctrl-C.

_WAITS = {
    "chat": _SYNC + "client.chat('?')",
    "stream": _SYNC + "for _ in client.stream('?'): pass",
    "reply of a stream": _SYNC + "client.stream('?').reply()",
    "a wait before a retry": _SYNC + "client.chat('?')",
    "asyncio": _HEAD + "asyncio.run(AsyncSeawall(**SETTINGS).chat('?'))",
}


@pytest.mark.parametrize("name", _WAITS)
def test_ctrl_c_ends_a_waiting_program_at_once(name: str, up: Upstream, tmp_path: Path) -> None:
    up.usual = sends(HOLD)
    if "stream" in name:
        up.usual = streams(piece("Tri"), HOLD)
    if "retry" in name:
        up.usual = sends(b"HTTP/1.1 429 x\r\nretry-after: 60\r\ncontent-length: 0\r\n\r\n")
    with _program(_WAITS[name], up, tmp_path) as process:
        asked = up.wait_for(1)
        time.sleep(0.2)  # from its question to its wait
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
        assert process.returncode == -signal.SIGINT
        assert errors.rstrip().endswith("KeyboardInterrupt")
        assert asked.gone.wait(5)
    assert len(up.asked) == 1
    assert _outcomes(tmp_path) == ["cancelled"]


def test_after_ctrl_c_a_program_may_go_on(up: Upstream, tmp_path: Path) -> None:
    up.script += [sends(HOLD), whole()]
    text = """
try:
    client.chat("?")
except KeyboardInterrupt:
    say("stopped")
say(client.chat("?").text)
say(client.stream("?").reply().text)
"""
    with _program(_SYNC + text, up, tmp_path) as process:
        assert up.wait_for(1)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=20)
    assert (process.returncode, out, errors) == (0, "stopped\nTrieste\nTrieste\n", "")
    assert _outcomes(tmp_path) == ["cancelled", "finished", "finished"]


# How a program ends.

_ENDS = {
    "sys.exit": ("sys.exit(3)", 3),
    "an unhandled exception": ("raise KeyError('x')", 1),
    "a SIGTERM handler that exits": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(4)); signal.raise_signal(15)",
        4,
    ),
    "an exit in a thread and one here": (
        "threading.Thread(target=lambda: client.chat('?')).start(); sys.exit(5)",
        5,
    ),
}


@pytest.mark.parametrize("name", _ENDS)
def test_however_a_program_ends_its_calls_are_in_the_database(
    name: str, up: Upstream, tmp_path: Path
) -> None:
    text, code = _ENDS[name]
    status, out, _ = _run(f"{_SYNC}say(client.chat('?').text)\n{text}", up, tmp_path)
    assert (status, out) == (code, ["Trieste"])
    for journal in (tmp_path / "journal").iterdir():
        journal.unlink()
    assert set(_outcomes(tmp_path)) == {"finished"}


@pytest.mark.parametrize(
    "how", [signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1], ids=["term", "kill", "os._exit"]
)
def test_a_program_that_is_ended_loses_no_call(
    how: signal.Signals, up: Upstream, tmp_path: Path
) -> None:
    up.script += [whole(), sends(HOLD)]
    text = """
client.chat("?")
signal.signal(signal.SIGUSR1, lambda *_: os._exit(0))
threading.Thread(target=client.chat, args=("?",), daemon=True).start()
time.sleep(60)
"""
    with _program(_SYNC + text, up, tmp_path) as process:
        asked = up.wait_for(2)
        process.send_signal(how)
        process.wait(10)
        assert asked.gone.wait(5)
    assert _outcomes(tmp_path) == ["finished", "interrupted"]


# Forks.


def test_a_fork_with_calls_in_flight_harms_neither_side(up: Upstream, tmp_path: Path) -> None:
    """Eight threads wait for answers while the process forks; the child asks, then they are
    answered."""
    slow = sends(0.8, b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(_BODY), _BODY)
    up.script += [whole(), *[slow] * 8]
    text = """
client.chat("?")
found = []
threads = [threading.Thread(target=lambda: found.append(client.chat("?").text)) for _ in range(8)]
for thread in threads:
    thread.start()
time.sleep(0.3)
child = os.fork()
if child == 0:
    say("child", client.chat("?").text, client.stream("?").reply().text)
    client.close()
    os._exit(0)
_, status = os.waitpid(child, 0)
for thread in threads:
    thread.join()
say("parent", status, len(found), set(found))
say("parent", client.chat("?").text)
"""
    status, out, errors = _run(_SYNC + text, up, tmp_path)
    assert (status, errors) == (0, "")
    assert out == ["child Trieste Trieste", "parent 0 8 {'Trieste'}", "parent Trieste"]
    assert _outcomes(tmp_path) == ["finished"] * 12


_BODY = (
    b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Trieste"},'
    b'"finish_reason":"stop"}]}'
)


@pytest.mark.parametrize("used", [True, False], ids=["used before", "only made before"])
def test_prefork_workers_each_have_a_life_of_their_own(
    used: bool, up: Upstream, tmp_path: Path
) -> None:
    """As gunicorn with a preloaded application does it: one client made by the parent, workers
    that end by a signal."""
    text = f"""
if {used}:
    client.chat("?")
workers = []
for number in range(4):
    worker = os.fork()
    if worker == 0:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        for _ in range(10):
            assert client.chat("?").text == "Trieste"
        assert "".join(client.stream("?").text) == "Trieste"
        say("served")
        time.sleep(60)
    workers.append(worker)
sys.stdin.readline()
for worker in workers:
    os.kill(worker, signal.SIGTERM)
say(*[os.waitpid(worker, 0)[1] for worker in workers])
if {used}:
    assert client.chat("?").text == "Trieste"
"""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", _SYNC + text, up.url, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(4)] == ["served\n"] * 4
        out, errors = process.communicate("\n", timeout=30)
    assert (process.returncode, out, errors) == (0, "0 0 0 0\n", "")
    for journal in (tmp_path / "journal").iterdir():
        journal.unlink()
    assert _outcomes(tmp_path) == ["finished"] * (44 + 2 * used)


def test_multiprocessing_workers_that_fork(up: Upstream, tmp_path: Path) -> None:
    text = """
def ask(number):
    return client.chat("?").text + str(number)

client.chat("?")
context = multiprocessing.get_context("fork")
with context.Pool(3) as pool:
    say(*sorted(pool.map(ask, range(12))))
process = context.Process(target=ask, args=(1,))
process.start()
process.join()
say(process.exitcode, ask(""))
"""
    status, out, errors = _run(_SYNC + text, up, tmp_path)
    assert (status, errors) == (0, "")
    assert out == [" ".join(sorted(f"Trieste{number}" for number in range(12))), "0 Trieste"]
    assert _outcomes(tmp_path) == ["finished"] * 15


def test_an_async_client_goes_on_in_a_forked_child(up: Upstream, tmp_path: Path) -> None:
    text = """
client = AsyncSeawall(**SETTINGS)
async def ask():
    return (await client.chat("?")).text
async def before():
    say("before", await ask())
    held = asyncio.create_task(client.stream("?").reply())
    await asyncio.sleep(0.2)
    child = os.fork()
    if child == 0:
        # The parent's loop is still marked as running here; a new thread has a clean slate.
        thread = threading.Thread(target=lambda: say("child", asyncio.run(ask())))
        thread.start()
        thread.join()
        os._exit(0)
    os.waitpid(child, 0)
    say("parent", await ask(), (await held).text)
asyncio.run(before())
say("after", asyncio.run(ask()))
"""
    up.script += [whole(), streams(piece("Tri"), 1.0, piece("este"), finish())]
    status, out, errors = _run(_HEAD + text, up, tmp_path)
    assert (status, errors) == (0, "")
    assert out == ["before Trieste", "child Trieste", "parent Trieste Trieste", "after Trieste"]


# Threads and loops.


def test_one_client_serves_many_threads(up: Upstream, tmp_path: Path) -> None:
    ids: list[str] = []
    failed: list[BaseException] = []

    def work(client: Seawall) -> None:
        try:
            for number in range(20):
                reply = client.stream("?").reply() if number % 4 == 0 else client.chat("?")
                assert reply.text == "Trieste"
                ids.append(reply.id)
        except BaseException as error:
            failed.append(error)

    with Seawall(**up.settings(ledger={"dir": str(tmp_path)})) as client:
        threads = [threading.Thread(target=work, args=(client,)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert failed == []
    assert len(set(ids)) == 320
    # A stream's connection may still be at its last bytes when its thread asks again.
    assert up.connections <= 2 * 16
    assert _outcomes(tmp_path) == ["finished"] * 320


async def test_the_sync_client_works_where_a_loop_runs_as_in_jupyter(up: Upstream) -> None:
    with Seawall(**up.settings()) as client:
        assert client.chat("?").text == "Trieste"
        with client.stream("?") as stream:
            assert "".join(stream.text) == "Trieste"
        # And both clients side by side.
        async with AsyncSeawall(**up.settings()) as other:
            both = await asyncio.gather(other.chat("?"), asyncio.to_thread(client.chat, "?"))
        assert {reply.text for reply in both} == {"Trieste"}


def test_the_sync_client_refuses_its_own_loop_instead_of_hanging(up: Upstream) -> None:
    """A transport of the user's that calls the sync client would wait for itself."""

    class Nested:
        async def __call__(self, outbound: object, /) -> object:
            return client.chat("inner")

        async def aclose(self) -> None:
            return

    client = Seawall(**up.settings(), transports={"http": Nested()})  # type: ignore[dict-item]
    with pytest.raises(RuntimeError, match="use AsyncSeawall"):
        client.chat("?")
    client.close()


def test_consecutive_loops_and_loops_at_once(up: Upstream, tmp_path: Path) -> None:
    client = AsyncSeawall(**up.settings(ledger={"dir": str(tmp_path)}))

    async def ask(times: int) -> list[str]:
        replies = await asyncio.gather(*[client.chat("?") for _ in range(times)])
        return [(await client.stream("?").reply()).text, *[reply.text for reply in replies]]

    for _ in range(5):
        assert set(asyncio.run(ask(5))) == {"Trieste"}
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.extend(asyncio.run(ask(5)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == ["Trieste"] * 24
    asyncio.run(client.aclose())
    assert _outcomes(tmp_path) == ["finished"] * 54


def test_a_stream_begun_in_one_loop_is_not_read_in_another(up: Upstream) -> None:
    up.usual = streams(piece("Tri"), HOLD)
    client = AsyncSeawall(**up.settings())
    stream = client.stream("?")

    async def step() -> object:
        return await stream.batch()

    asyncio.run(step())
    with pytest.raises(StreamCutError, match="closed here"):
        asyncio.run(asyncio.wait_for(step(), 5))
    up.usual = whole()

    async def ask() -> str:
        return (await client.chat("?")).text

    assert asyncio.run(ask()) == "Trieste"
