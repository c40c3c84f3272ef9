"""Questions to an embedded model, and looks behind its back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seawall.ports import Inbound, Outbound, Transport
from seawall.transports.local import status
from seawall.transports.local.lease import STATUS, Child

ENDLESS = {"ignore_eos": True, "max_tokens": 900, "temperature": 0}


@contextlib.contextmanager
def fresh_runtime() -> Iterator[Path]:
    """A directory to meet children in, and nowhere else; those left at the end are killed."""
    with pytest.MonkeyPatch.context() as patch:
        # Not under pytest's own directory, whose name is too long for a socket.
        base = Path(tempfile.mkdtemp(prefix="sw-"))
        patch.setenv("XDG_RUNTIME_DIR", str(base))
        yield base / "seawall"
        for child in status():
            os.kill(child.pid, signal.SIGKILL)
        shutil.rmtree(base)


def question(text: str = "Count from 1 to 500.", **fields: Any) -> Outbound:
    messages = [{"role": "user", "content": text}]
    body = {"model": "any", "messages": messages, **fields}
    return Outbound(
        url="http://local/chat/completions",
        headers=(("content-type", "application/json"),),
        body=json.dumps(body).encode(),
        stream=bool(fields.get("stream")),
    )


async def whole(inbound: Inbound) -> bytes:
    body = b""
    while data := await inbound.read():
        body += data
    return body


async def ask(local: Transport, text: str, **fields: Any) -> tuple[int, Any]:
    """Status and JSON of an unstreamed answer."""
    inbound = await local(question(text, **fields))
    return inbound.status, json.loads(await whole(inbound))


async def answer(local: Transport, text: str, **fields: Any) -> str:
    code, reply = await ask(local, text, **fields)
    assert code == 200, reply
    return reply["choices"][0]["message"]["content"]


async def streamed(local: Transport, text: str, **fields: Any) -> list[Any]:
    """The events of a streamed answer; the last is the string ``[DONE]``."""
    inbound = await local(question(text, stream=True, **fields))
    assert inbound.status == 200
    lines = (await whole(inbound)).decode().splitlines()
    found = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [event if event == "[DONE]" else json.loads(event) for event in found]


class Watched:
    """A child that is watched without being kept alive."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.child: Child

    async def look(self) -> Child:
        self._writer.write(STATUS)
        self.child = msgspec.json.decode(await self._reader.readline(), type=Child)
        return self.child

    async def death(self) -> None:
        """Wait until the child has ended."""
        async with asyncio.timeout(30):
            with contextlib.suppress(ConnectionResetError):
                assert await self._reader.read() == b""
        self._writer.close()

    def leave(self) -> None:
        self._writer.close()

    async def say(self, http: Transport, method: str, path: str, body: Any = None) -> Any:
        """Ask the child's server itself."""
        inbound = await http(
            Outbound(
                method=method,
                url=self.child.url + path,
                headers=(("authorization", f"Bearer {self.child.key}"),),
                body=b"" if body is None else json.dumps(body).encode(),
            )
        )
        return json.loads(await whole(inbound))


async def watch(runtime: Path) -> Watched:
    """Watch the one child that is met in ``runtime``."""
    (path,) = runtime.glob("*.sock")
    watched = Watched(*await asyncio.open_unix_connection(path))
    await watched.look()
    return watched


async def tokens_at_stop(runtime: Path, stops: int) -> int:
    """How many tokens, question included, the server had when it ended its latest answer,
    which is its answer number ``stops``."""
    (log,) = runtime.glob("*.log")
    async with asyncio.timeout(30):
        while True:
            found = re.findall(r"stop processing: n_tokens = (\d+)", log.read_text())
            if len(found) >= stops:
                return int(found[stops - 1])
            await asyncio.sleep(0.1)


def answers_so_far(runtime: Path) -> int:
    (log,) = runtime.glob("*.log")
    return log.read_text().count("stop processing: n_tokens")
