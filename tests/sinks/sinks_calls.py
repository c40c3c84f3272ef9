"""Records for the tests of this room, and the child processes that write them."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seawall.records import Ended, Started
from seawall.sinks import Journal
from seawall.types import Price

MODEL = "openai/gpt-4o-mini"
WORKER = Path(__file__).with_name("sinks_worker.py")


def new_id(at: float | None = None) -> str:
    return f"{int((time.time() if at is None else at) * 1000):012x}{secrets.token_hex(8)}"


def started(id_: str | None = None, **fields: Any) -> Started:
    at = fields.pop("at", time.time())
    usual: dict[str, Any] = {
        "requested": "smart",
        "route": MODEL,
        "candidates": [MODEL, "wall/any"],
        "feature": "support",
        "messages": [{"role": "user", "content": "Say a word."}],
        "prompt_tokens_estimate": 40,
        "price": Price(input=150_000, output=600_000),
    }
    return Started(id=id_ or new_id(at), at=at, **(usual | fields))


def ended(id_: str, **fields: Any) -> Ended:
    usual: dict[str, Any] = {
        "at": time.time(),
        "outcome": "finished",
        "model": MODEL,
        "response": {"role": "assistant", "content": "A word."},
        "finish_reason": "stop",
        "prompt_tokens": 42,
        "completion_tokens": 3,
        "total_tokens": 45,
        "cost_nano_usd": 8100,
        "cost_state": "exact",
        "latency": 0.25,
        "first_token": 0.1,
        "attempts": 1,
    }
    return Ended(id=id_, **(usual | fields))


def call(journal: Journal, **fields: Any) -> str:
    """One whole call; the id."""
    start = started(**fields)
    journal.start(start)
    journal.end(ended(start.id, at=start.at + 0.25))
    return start.id


@contextmanager
def worker(task: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process doing ``task`` of the worker script; killed at the end if it still runs."""
    command = [sys.executable, str(WORKER), task, *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def nursery(task: str, directory: Path) -> Iterator[Callable[[float], list[str]]]:
    """A function that has a fresh process do ``task``, kills it so many seconds later, and
    returns the lines it said. The processes are forked of one, which saves their start."""
    with worker("nursery", directory, task) as parent:

        def life(seconds: float) -> list[str]:
            go_on(parent)
            child = int(line(parent))
            timer = threading.Timer(seconds, os.kill, (child, signal.SIGKILL))
            timer.start()
            said: list[str] = []
            while (text := line(parent)) != "dead":
                said.append(text)
            timer.join()
            return said

        yield life


def line(process: subprocess.Popen[str]) -> str:
    """The next line the worker prints."""
    assert process.stdout is not None
    text = process.stdout.readline()
    assert text, "the worker ended early"
    return text.strip()


def go_on(process: subprocess.Popen[str]) -> None:
    """Let the worker pass its next ``input()``."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
