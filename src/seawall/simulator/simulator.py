"""The simulator: a script behind a face, in process or on sockets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from ..core import SystemClock
from ..errors import ConfigError
from ..ports import Clock
from ..server import InProcess, Limits, Request, Server, Step
from .answers import Answer
from .conduct import Conduct, Verdict, judge
from .log import Log, Seen
from .playing import Stage, leave, play
from .provider import Provider
from .script import Rule, Script, load_script, parse_rule

__all__ = ["Simulator"]


class Simulator:
    """A provider that breaks on purpose.

    ``script``: a ``Script``, the path of a TOML file, or nothing for one that only answers.
    ``answer``: a callable that answers instead of the script's fixed text. ``speed``: how much
    faster than the client's time the script's runs; at 10 an outage of a minute takes six
    seconds, and a Retry-After of 20 asks for 2. ``tell`` hears of each request when it comes,
    when its reply begins and when it ends. ``most``: requests that are remembered.

    ``log`` is what was seen, ``verdict()`` what it says of the client. One simulator keeps one
    time: use ``transport`` or ``serve``, or both with the same ``clock``.
    """

    def __init__(
        self,
        script: Script | str | Path | None = None,
        *,
        answer: Answer | None = None,
        speed: float = 1.0,
        clock: Clock | None = None,
        tell: Callable[[Seen], object] | None = None,
        most: int = 10_000,
    ) -> None:
        if not speed > 0:
            raise ConfigError(f"speed is {speed:g}; it must be more than 0")
        if script is None:
            script = Script()
        told = script if isinstance(script, Script) else load_script(script)
        self.log = Log(most, tell)
        self._stage = Stage(clock or SystemClock(), speed, self.log)
        self._provider = Provider(told, answer, speed, self.log)

    def transport(self, clock: Clock | None = None) -> InProcess:
        """A ``Transport`` to the simulator, whatever host is asked; ``clock`` becomes its own."""
        if clock is not None:
            self._stage.clock = clock
        return InProcess(self.handle)

    @asynccontextmanager
    async def serve(
        self, *, host: str = "127.0.0.1", port: int = 0, limits: Limits | None = None
    ) -> AsyncGenerator[str, None]:
        """Serve on sockets while open; gives the base URL for clients. Replies under way at the
        end are cut. Raises ``OSError`` when the address is taken."""
        server = Server(self.handle, limits)
        await server.start(host, port)
        try:
            yield f"{server.url}/v1"
        finally:
            await server.stop()

    async def handle(self, request: Request) -> AsyncGenerator[Step, None]:
        """Answer ``request``, as a server's handler."""
        stage = self._stage
        visit = self._provider.see(request, stage.now() * stage.speed, stage.clock.time())
        self.log.add(visit.seen)
        try:
            plan = await self._provider.plan(visit)
        except BaseException:
            leave(visit.seen, stage)
            raise
        async with aclosing(play(plan, visit.seen, stage)) as steps:
            async for step in steps:
                yield step

    def fail(self, *faults: str | Rule) -> None:
        """Add faults, behind those there are: names, or rules such as ``429:requests=1+3``.
        Requests are counted from the simulator's first. Raises ``ConfigError``."""
        rules = [parse_rule(fault) if isinstance(fault, str) else fault for fault in faults]
        script = self._provider.script
        self._provider.script = replace(script, faults=(*script.faults, *rules))

    @property
    def script(self) -> Script:
        return self._provider.script

    def claim(self, text: str) -> None:
        """The code under test gave ``text`` out as a whole answer: whether it was one is seen
        by the verdict. A server alone cannot know what became of what it sent."""
        self.log.claims.append(text)

    def verdict(self, conduct: Conduct | None = None) -> Verdict:
        """What the requests so far say of the client; ``conduct`` sets what is allowed."""
        return judge(tuple(self.log), tuple(self.log.claims), conduct or Conduct())
