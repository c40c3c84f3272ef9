"""Another process that uses an embedded model: ``local_user.py TASK MODEL GRACE``."""

from __future__ import annotations

import asyncio
import sys
import time

from local_world import ENDLESS, ask, question

from seawall.transports.http import Http
from seawall.transports.local import Engine, Local


def say(word: object) -> None:
    print(word, flush=True)


async def hold(local: Local) -> None:
    """Answer once, say so, and hold the child until killed."""
    code, _ = await ask(local, "Say hi.", max_tokens=1)
    say(code)
    time.sleep(600)


async def stream(local: Local) -> None:
    """Say so when a long answer has begun, and never read on."""
    inbound = await local(question(stream=True, **ENDLESS))
    await inbound.read()
    say("streaming")
    time.sleep(600)


async def join(local: Local) -> None:
    """Start a child or join one; say when."""
    say("ready")
    sys.stdin.readline()
    code, _ = await ask(local, "Say hi.", max_tokens=1)
    say(code)


async def main(task: str, model: str, grace: str) -> None:
    http = Http(environ={})
    engine = Engine(context=1024, threads=1, grace=float(grace), start=60)
    local = Local(model, http, engine=engine)
    await globals()[task](local)
    await local.aclose()
    await http.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
