"""Random schedules of faults, policies and cancellations, each made from its seed.

``python tests/faults/faults_schedules.py SEED`` plays one again and tells what happened.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from random import Random
from typing import Any

import openai
from msgspec import Struct

import seawall
from seawall import AsyncSeawall, Fault
from seawall.records import Attempted, Ended, Started
from seawall.simulator import KINDS, Conduct, Rule, Script, Simulator
from seawall.simulator.answers import TEXT
from seawall.testing import VirtualClock

FAULTS = sorted(set(KINDS) - {"huge-body", "huge-event", "duplicate-tool-ids", "missing-tool-ids"})


class Memory:
    """A ledger in memory: it keeps the records as they come."""

    def __init__(self) -> None:
        self.started: dict[str, Started] = {}
        self.attempts: Counter[str] = Counter()
        self.ended: dict[str, Ended] = {}

    def start(self, record: Started, /) -> None:
        assert record.id not in self.started
        self.started[record.id] = record
        self.attempts[record.id] += bool(record.route)

    def attempt(self, record: Attempted, /) -> None:
        assert record.id in self.started
        assert record.id not in self.ended
        self.attempts[record.id] += 1

    def end(self, record: Ended, /) -> None:
        assert record.id in self.started, "an end without a start"
        assert record.id not in self.ended, "two ends"
        self.ended[record.id] = record

    def close(self) -> None: ...


class Plan(Struct):
    """One call of a schedule, with a question of its own. ``leave``: seconds after which its task
    is cancelled. ``read``: events after which a stream is given up."""

    question: str
    at: float
    stream: bool
    leave: float | None
    read: int | None


class Told(Struct):
    """What became of a call, and at which second."""

    text: str = ""
    end: str = "open"
    marked: bool = False
    took: float = 0.0


class Schedule:
    """Everything that is random about one run, drawn from ``seed``."""

    def __init__(self, seed: int) -> None:
        dice = self._dice = Random(seed)
        self.seed = seed
        self.first = Script(faults=self._rules(), seed=seed)
        self.second = Script(faults=self._rules() if dice.random() < 0.5 else (), seed=seed + 1)
        self.routes = dice.choice([1, 2, 2])
        self.sdk = dice.random() < 0.25
        self.deadline = dice.choice([3.0, 10.0, 40.0])
        self.recovery = dice.choice(["error", "resume", "hold"])
        self.retry = {"attempts": dice.randint(1, 4), "base": dice.choice([0.1, 0.5, 2.0])}
        self.breaker = {"failures": dice.randint(2, 6), "cooldown": dice.choice([1.0, 15.0])}
        self.plans = [self._plan(number) for number in range(dice.randint(1, 3))]

    def _rules(self) -> tuple[Rule, ...]:
        return tuple(self._rule() for _ in range(self._dice.randint(1, 3)))

    def _rule(self) -> Rule:
        dice = self._dice
        when: dict[str, Any] = dice.choice(
            [
                {},
                {"requests": (1,)},
                {"requests": (1, 2)},
                {"every": 2},
                {"chance": 0.5},
                {"until": dice.choice([0.5, 5.0])},
            ]
        )
        where = dice.choice([None, 1, 3, 0.5, 0.9])
        return Rule(fault=dice.choice(FAULTS), at=where, **when)

    def _plan(self, number: int) -> Plan:
        dice = self._dice
        return Plan(
            question=f"Name harbour {number}.",
            at=dice.choice([0.0, 0.0, 0.3, 8.0]),
            stream=dice.random() < 0.6,
            leave=dice.choice([None, None, None, 0.0, 0.05, 1.0, 6.0]),
            read=dice.choice([None, None, None, 1, 4]),
        )

    def __str__(self) -> str:
        told = {name: value for name, value in vars(self).items() if name != "_dice"}
        return "\n".join(f"{name}: {value}" for name, value in told.items())


class Run:
    """A schedule on a clock of its own."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.clock = VirtualClock()
        self.simulators = [
            Simulator(schedule.first, clock=self.clock),
            Simulator(schedule.second, clock=self.clock),
        ]
        self.carriers = [simulator.transport() for simulator in self.simulators]
        self.memory = Memory()
        self.told: list[Told] = []

    async def play(self) -> None:
        random.seed(self.schedule.seed)  # the jitter of retries
        ask = self._sdk() if self.schedule.sdk else self._library()
        work = [self._call(ask, plan) for plan in self.schedule.plans]

        async def all_of_them() -> None:
            self.told = await asyncio.gather(*work)

        await self.clock.run(all_of_them())
        for _ in range(20):
            await asyncio.sleep(0)

    def check(self) -> None:
        """What holds whatever happens."""
        damaged = any(end.damaged for end in self.memory.ended.values())
        for told in self.told:
            told.marked |= damaged and told.end in ("given up", "cancelled")
            assert told.took <= self.schedule.deadline + 0.25, "too late"
            if not told.marked:
                assert TEXT.startswith(told.text), "text that nobody wrote"
            if told.end == "answered":
                assert told.marked or told.text == TEXT, "a part taken for the whole"
        memory = self.memory
        assert memory.started.keys() == memory.ended.keys(), "a call without an end"
        asked = sum(len(list(simulator.log)) for simulator in self.simulators)
        assert sum(memory.attempts.values()) == asked, "an attempt that is not on record"
        ends = Counter(end.outcome for end in memory.ended.values())
        answered = sum(told.end == "answered" for told in self.told)
        assert ends["finished"] >= answered, "an answer that is recorded as something else"
        for end in memory.ended.values():
            assert end.attempts == memory.attempts[end.id]
        assert [carrier.open for carrier in self.carriers] == [0, 0], "a reply left open"
        assert len(asyncio.all_tasks()) == 1, "a task left behind"
        for simulator in self.simulators:
            # Full jitter may wait next to nothing, but not more often than it may ask.
            verdict = simulator.verdict(Conduct(hasty=4))
            assert verdict.good, str(verdict)

    async def _call(self, ask: Any, plan: Plan) -> Told:
        told = Told()
        await self.clock.sleep(plan.at)
        began = self.clock.now()
        task = asyncio.ensure_future(ask(plan, told))
        leaving = None
        if plan.leave is not None:
            leaving = self.clock.call_later(plan.leave, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            told.end = "cancelled"
        finally:
            if leaving is not None:
                leaving.cancel()
        told.took = self.clock.now() - began
        return told

    def _settings(self) -> dict[str, Any]:
        return {
            "vendors": {
                "one": {"base_url": "http://one/v1"},
                "two": {"base_url": "http://two/v1", "transport": "two"},
            },
            "transports": {"http": self.carriers[0], "two": self.carriers[1]},
            "ledger": False,
            "clock": self.clock,
        }

    def _policies(self) -> dict[str, Any]:
        schedule = self.schedule
        return {
            "retry": schedule.retry,
            "breaker": schedule.breaker,
            "recovery": schedule.recovery,
            "deadline": {"total": schedule.deadline, "first_byte": 2, "idle": 2, "first_token": 2},
        }

    def _library(self) -> Any:
        client = AsyncSeawall(**self._settings())
        client.assembly.journal = self.memory  # type: ignore[assignment]
        names = ["one/sim", "two/sim"][: self.schedule.routes]
        client = client.with_options(model=names, **self._policies())

        async def ask(plan: Plan, told: Told) -> None:
            try:
                if not plan.stream:
                    reply = await client.chat(plan.question)
                    told.text = reply.text
                else:
                    async with client.stream(plan.question) as answer:
                        if await _read(answer.text, plan, told):
                            return
                        reply = await answer.reply()
                told.marked, told.end = reply.damaged > 0, "answered"
            except Fault as fault:
                told.end = fault.kind

        return ask

    def _sdk(self) -> Any:
        two = self.schedule.routes == 2
        http = seawall.http_client(
            **self._settings(), fallback="two/sim" if two else (), **self._policies()
        )
        http._transport._door.assembly.journal = self.memory
        sdk = openai.AsyncOpenAI(
            api_key="sk-0", base_url="http://one/v1", http_client=http, timeout=600
        )
        # Else it asks a thread for it, and the clock takes that for waiting.
        sdk._platform = "Linux"

        async def ask(plan: Plan, told: Told) -> None:
            create: Any = sdk.chat.completions.create
            messages = [{"role": "user", "content": plan.question}]
            try:
                if not plan.stream:
                    done = await create(model="sim", messages=messages)
                    told.text = done.choices[0].message.content
                else:
                    async with await create(model="sim", messages=messages, stream=True) as chunks:
                        if await _read(_texts(chunks), plan, told):
                            return
                told.end = "answered"
            except openai.APIError as error:
                told.marked = "unreadable" in str(error)
                told.end = type(error).__name__

        return ask


async def _texts(chunks: Any) -> Any:
    async for chunk in chunks:
        for choice in chunk.choices:
            yield choice.delta.content or ""


async def _read(texts: Any, plan: Plan, told: Told) -> bool:
    """Whether the caller gave up before the end."""
    read = 0
    async for text in texts:
        told.text += text
        read += 1
        if read == plan.read:
            told.end = "given up"
            await texts.aclose()
            return True
    return False


async def play(seed: int) -> Run:
    """Play and check the schedule of ``seed``."""
    run = Run(Schedule(seed))
    await run.play()
    run.check()
    return run


def main(seed: int) -> None:
    run = Run(Schedule(seed))
    print(run.schedule)

    async def replay() -> None:
        try:
            await run.play()
            run.check()
        finally:
            for told in run.told:
                print(told)
            for end in run.memory.ended.values():
                print(end.outcome, end.error_message, end.decision)
            for simulator in run.simulators:
                for seen in simulator.log:
                    print(seen)

    asyncio.run(replay())


if __name__ == "__main__":
    main(int(sys.argv[1]))
