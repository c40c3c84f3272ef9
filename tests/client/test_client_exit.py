"""What happens when a program ends: quietly, at once, and with every call in the ledger."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from client_upstream import HOLD, piece, streams, upstream

from seawall.sinks import Ledger

_PROGRAM = """
import sys
from seawall import Seawall

client = Seawall(
    vendors={"wall": {"base_url": sys.argv[1], "key": "k"}},
    model="wall/m",
    ledger={"dir": sys.argv[2]},
)
"""


def _run(program: str, url: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", _PROGRAM + program, url, str(directory)],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "program",
    [
        "print(client.chat('?').text)",
        # The client that asked is not the one that was made first, and that one is gone.
        "client = client.with_options(feature='x'); print(client.chat('?').text)",
        "print(client.stream('?').reply().text)",
        "import atexit; print(client.chat('?').text); atexit.register(client.close)",
        "print(client.chat('?').text); client.close(); client.close()",
        "import threading\n"
        "thread = threading.Thread(target=lambda: print(client.chat('?').text))\n"
        "thread.start(); thread.join()",
    ],
    ids=["chat", "with_options", "stream", "own atexit", "closed twice", "thread"],
)
def test_a_program_that_just_ends_is_quiet_and_its_call_is_in_the_ledger(
    program: str, tmp_path: Path
) -> None:
    with upstream() as up:
        done = _run(program, up.url, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Trieste\n", "")
    # The database alone: what is only in the journal was not flushed.
    for journal in (tmp_path / "journal").iterdir():
        journal.unlink()
    with Ledger.open(tmp_path) as ledger:
        assert [call.outcome for call in ledger.calls()] == ["finished"]


def test_a_client_that_never_asked_anything_costs_nothing_at_exit(tmp_path: Path) -> None:
    done = _run("import threading; print(threading.active_count())", "http://x", tmp_path / "d")
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("closing", ["await client.aclose()", "pass"])
def test_a_stream_that_is_still_open_does_not_hold_up_the_exit(
    closing: str, tmp_path: Path
) -> None:
    program = f"""
import asyncio
from seawall import AsyncSeawall

async def main():
    client = AsyncSeawall(
        vendors={{"wall": {{"base_url": sys.argv[1]}}}},
        model="wall/m",
        ledger={{"dir": sys.argv[2]}},
    )
    stream = client.stream("?")
    print(type(await anext(stream)).__name__)
    stream.cycle = stream
    {closing}

asyncio.run(main())
"""
    with upstream(streams(piece("Tri"), HOLD)) as up:
        done = _run(program, up.url, tmp_path)
        assert up.asked[0].gone.wait(5)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Start\n", "")
    with Ledger.open(tmp_path) as ledger:
        assert [call.outcome for call in ledger.calls()] in (["cancelled"], ["interrupted"])


def test_a_sync_stream_that_is_still_open_does_not_either(tmp_path: Path) -> None:
    program = "stream = client.stream('?'); print(type(next(stream)).__name__)"
    with upstream(streams(piece("Tri"), HOLD)) as up:
        done = _run(program, up.url, tmp_path)
        assert up.asked[0].gone.wait(5)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Start\n", "")
