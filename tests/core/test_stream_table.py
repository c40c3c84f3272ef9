"""The stream state machine: its table, and every fault driven through the real iterator."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import pytest
from core_scripted import DONE, OPEN, Scripted, chunk, request, stream_of, tool

from seawall.core import Call, End, Reply, Route, State, Step, Stream, SystemClock, run, send, step
from seawall.core.wire_stream import LINGER
from seawall.dialects.openai_chat import WIRE
from seawall.errors import (
    ConnectionFault,
    Fault,
    MalformedReplyError,
    ProviderError,
    RateLimitError,
    StreamCutError,
    TimeoutFault,
)
from seawall.folding import fold
from seawall.ports import Clock, Outbound, Timeouts
from seawall.testing import VirtualClock
from seawall.types import Event, Finish, Format, Metered, Start, TextDelta, ToolCallDelta, Usage

# The table

COLUMNS = (
    (Step.CONTENT,),
    (Step.FINISH,),
    (Step.END_MARK,),
    (Step.EOF, Step.RESET, Step.ERROR, Step.STALL),
    (Step.CANCEL,),
)


def _documented() -> list[tuple[State, Step, State, bool]]:
    """The table of the module's docstring, a cell and step at a time."""
    documented = sys.modules[Stream.__module__].__doc__ or ""
    found: list[tuple[State, Step, State, bool]] = []
    for row in re.findall(r"^(open|delivered|finished) (.+)$", documented, re.MULTILINE):
        for steps, cell in zip(COLUMNS, row[1].split(), strict=True):
            next_state = State(cell.strip("*"))
            found += [(State(row[0]), what, next_state, cell.startswith("**")) for what in steps]
    return found


def test_the_documented_table_is_complete() -> None:
    cells = {(state, what) for state, what, _, _ in _documented()}
    living = (State.OPEN, State.DELIVERED, State.FINISHED)
    assert cells == {(state, what) for state in living for what in Step}


@pytest.mark.parametrize(("state", "what", "next_state", "over"), _documented())
def test_every_step_of_a_living_stream(
    state: State, what: Step, next_state: State, over: bool
) -> None:
    assert step(state, what) == (next_state, over)


@pytest.mark.parametrize("what", Step)
@pytest.mark.parametrize("state", [State.CUT, State.CANCELLED])
def test_nothing_happens_to_a_stream_that_is_over(state: State, what: Step) -> None:
    assert step(state, what) == (state, True)


# Every fault, driven through the iterator

BAD = b"data: {broken\n\n"
IN_BAND = b'data: {"error":{"message":"slow down","code":"rate_limit_exceeded"}}\n\n'
OPENROUTER = (
    b'data: {"id":"c1","error":{"code":502,"message":"Provider disconnected"},'
    b'"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}\n\n'
)
CALL = {"id": "t1", "name": "f"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
USAGE_EVENT = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
RESET = ConnectionFault("reset by peer")
LIMITS = Timeouts(first_token=20.0, idle=10.0, total=100.0)


class Case(NamedTuple):
    """What comes, and what it must amount to. ``at``: the virtual second of the end."""

    script: tuple[Any, ...]
    outcome: str
    fault: type[Fault] | None = None
    says: str = ""
    text: str = ""
    at: float = 0.0
    ended: str = "abort"
    damaged: int = 0
    asked: dict[str, Any] | None = None


WHOLE: Any = {"outcome": "finished", "ended": "release"}
A: Any = WHOLE | {"text": "a"}
AB: Any = WHOLE | {"text": "ab"}
CASES = {
    # whole answers
    "whole": Case((chunk("a"), chunk("b"), chunk(finish="stop"), DONE), **AB),
    "whole in one piece": Case((chunk("a") + chunk("b", finish="stop") + DONE,), **AB),
    "no content at all": Case((chunk(finish="stop"), DONE), **WHOLE),
    "no end mark, then end of file": Case((chunk("a", finish="stop"),), **A),
    "no end mark, the connection open": Case(
        (chunk("a", finish="stop"), OPEN), "finished", text="a", at=LINGER
    ),
    "usage after the finish": Case((chunk("a", finish="stop"), USAGE_EVENT, DONE), **A),
    "usage after a pause, no end mark": Case(
        (chunk("a", finish="stop"), LINGER / 2, USAGE_EVENT, OPEN),
        "finished", text="a", at=1.5 * LINGER,
    ),
    "content after the finish": Case(
        (chunk("a", finish="stop"), chunk("b"), DONE), **AB
    ),
    "reset after the finish": Case((chunk("a", finish="stop"), RESET), "finished", text="a"),
    "error in band after the finish": Case(
        (chunk("a", finish="stop"), IN_BAND), "finished", text="a"
    ),
    "unreadable after the finish": Case(
        (chunk("a", finish="stop"), BAD, DONE),  damaged=1, **A
    ),
    "tool call": Case(
        (tool("{", **CALL), tool("}"), chunk(finish="tool_calls"), DONE), **WHOLE
    ),
    "a slow answer that never stalls": Case(
        (15.0, chunk("a"), 9.0, chunk("b"), 9.0, chunk(finish="stop"), 0.4, DONE),
         at=33.4, **AB,
    ),
    # n choices
    "two choices": Case(
        (chunk("a"), chunk("b", index=1), chunk(finish="stop"), chunk(index=1, finish="stop"),
         DONE), asked={"n": 2}, **A,
    ),
    "two choices, one after the other": Case(
        (chunk("a", finish="stop"), 5.0, chunk("b", index=1, finish="stop"), DONE),
         at=5.0, asked={"n": 2}, **A,
    ),
    "two choices asked, one given, end mark": Case(
        (chunk("a", finish="stop"), DONE),  asked={"n": 2}, **A
    ),
    "two choices asked, one given, end of file": Case(
        (chunk("a", finish="stop"),),  asked={"n": 2}, **A
    ),
    "two choices asked, one given, silence": Case(
        (chunk("a", finish="stop"), OPEN), "cut", TimeoutFault, "stalled", "a", 10.0,
        asked={"n": 2},
    ),
    "two choices, one unfinished": Case(
        (chunk("a"), chunk("b", index=1), chunk(finish="stop"), DONE), "cut", StreamCutError,
        "before any finish", "a", ended="release", asked={"n": 2},
    ),
    "one choice given that called no tool": Case(
        (chunk("a"), chunk(finish="tool_calls"), DONE), "cut", MalformedReplyError, "carried none",
        "a", ended="release", asked={"n": 2},
    ),
    # before the caller has anything: a fault, and another route may be asked
    "end of file at once": Case((), "fault", StreamCutError, "body ended", ended="release"),
    "end mark at once": Case((DONE,), "fault", StreamCutError, "end mark", ended="release"),
    "only a start, then end of file": Case(
        (chunk(role="assistant"),), "fault", StreamCutError, "body ended", ended="release"
    ),
    "reset before the first token": Case(
        (chunk(role="assistant"), RESET), "fault", StreamCutError, "reset by peer"
    ),
    "no first token": Case(
        (chunk(role="assistant"), 9.0, b": still here\n\n", 9.0, b": still here\n\n", OPEN),
        "fault", TimeoutFault, "first_token", at=20.0,
    ),
    "silence from the start": Case(
        (OPEN,), "fault", TimeoutFault, "first_token", at=20.0
    ),
    "error in band before the first token": Case(
        (IN_BAND,), "fault", RateLimitError, "slow down"
    ),
    "content and an error in one piece": Case(
        (chunk("a") + IN_BAND,), "fault", RateLimitError, "slow down", "a"
    ),
    "nothing but unreadable events": Case(
        (BAD, BAD, chunk(finish="stop"), DONE), "fault", MalformedReplyError, "only events",
        damaged=2,
    ),
    # after it: cut, in band, never a clean end
    "cut after the first token": Case(
        (chunk("a"),), "cut", StreamCutError, "body ended", "a", ended="release"
    ),
    "end mark without a finish": Case(
        (chunk("a"), DONE), "cut", StreamCutError, "end mark", "a", ended="release"
    ),
    "reset after the first token": Case(
        (chunk("a"), RESET), "cut", StreamCutError, "reset by peer", "a"
    ),
    "stall": Case(
        (chunk("a"), 3.0, chunk("b"), OPEN), "cut", TimeoutFault, "deadline.idle", "ab", 13.0,
    ),
    "total deadline": Case(
        (*[chunk("a"), 9.0] * 20,), "cut", TimeoutFault, "deadline.total", "a" * 12, 100.0,
    ),
    "error in band": Case((chunk("a"), IN_BAND), "cut", RateLimitError, "slow down", "a"),
    "error in band beside a finish": Case(
        (chunk("a"), OPENROUTER), "cut", ProviderError, "Provider disconnected", "a"
    ),
    "event without end": Case(
        (chunk("a"), *[b"data: " + b"x" * 2**20] * 17), "cut", MalformedReplyError, "larger than",
        "a",
    ),
    "finish with tool_calls and no call": Case(
        (chunk("a"), chunk(finish="tool_calls"), DONE), "cut", MalformedReplyError, "carried none",
        "a",
    ),
    # unreadable events
    "unreadable, skipped": Case(
        (chunk("a"), BAD, chunk("b"), chunk(finish="stop"), DONE),  damaged=1, **AB
    ),
    "the finish itself unreadable": Case(
        (chunk("a"), BAD, DONE), "cut", StreamCutError, "end mark", "a", ended="release", damaged=1
    ),
    "unreadable within a tool call": Case(
        (tool('{"a', **CALL), BAD, tool('":1}'), chunk(finish="tool_calls"), DONE), "cut",
        MalformedReplyError, "tool arguments", damaged=1,
    ),
    "unreadable before a tool call": Case(
        (chunk("a"), BAD, tool("{}", **CALL), chunk(finish="tool_calls"), DONE), "cut",
        MalformedReplyError, "part of the answer", "a", damaged=1,
    ),
    "the only tool call unreadable": Case(
        (chunk("a"), BAD, chunk(finish="tool_calls"), DONE), "cut", MalformedReplyError,
        "carried none", "a", damaged=1,
    ),
    "unreadable within structured output": Case(
        (chunk("{"), BAD, chunk("}"), chunk(finish="stop"), DONE), "cut", MalformedReplyError,
        "structured output", "{", damaged=1, asked={"format": Format(type="json_object")},
    ),
    "unreadable when text was asked for by name": Case(
        (chunk("a"), BAD, chunk(finish="stop"), DONE), text="a", damaged=1,
        asked={"format": Format(type="text")}, **WHOLE,
    ),
}  # fmt: skip


async def _read(stream: Stream, batches: bool = False) -> tuple[list[Event], Fault | None]:
    """What a caller gets: events, and the fault that ended them."""
    events: list[Event] = []
    try:
        await stream.prime()
        if batches:
            while batch := await stream.batch():
                events += batch
        async for event in stream:
            events.append(event)
    except Fault as fault:
        return events, fault
    return events, None


@pytest.mark.parametrize("batches", [False, True], ids=["one by one", "in batches"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_every_fault_has_its_end(case: Case, batches: bool) -> None:
    clock = VirtualClock()
    stream, inbound, ends = stream_of(
        clock, *case.script, asked=request(**case.asked or {}), timeouts=LIMITS
    )
    events, fault = await clock.run(_read(stream, batches))

    # what the caller got
    assert type(fault) is (case.fault or type(None))
    assert case.says in str(fault)
    assert clock.now() == pytest.approx(case.at)
    if case.outcome != "fault":
        assert "".join(e.text for e in events if type(e) is TextDelta and not e.choice) == case.text
    if fault is not None:
        assert fault.delivered is (case.outcome == "cut")
        assert not (fault.delivered and (fault.retry or fault.reroute != "none"))

    # what was told, once
    (end,) = ends
    assert (end.outcome, end.fault, end.damaged) == (case.outcome, fault, case.damaged)
    assert end.response is not None
    assert end.response.text == case.text
    assert inbound.ended[-1] == case.ended

    # and what stays so
    reads = inbound.reads
    for _ in range(2):
        while isinstance(again := await _next(stream), Event):
            assert case.outcome == "fault"
        assert again is (fault or StopAsyncIteration)
    stream.cancel()
    await stream.aclose()
    assert len(ends) == 1
    assert inbound.reads == reads
    late: list[End] = []
    stream.on_end(late.append)
    assert late == [end]


async def _next(stream: Stream) -> Any:
    try:
        return await anext(stream)
    except StopAsyncIteration:
        return StopAsyncIteration
    except Fault as fault:
        return fault


async def test_usage_after_the_finish_is_part_of_the_answer() -> None:
    clock = VirtualClock()
    stream, _, ends = stream_of(clock, chunk("a", finish="stop"), USAGE_EVENT, DONE)
    events, _ = await clock.run(_read(stream))
    usage = Usage(prompt_tokens=3, completion_tokens=2, total_tokens=5)
    assert events[-1] == Metered(usage)
    assert ends[0].response is not None
    assert ends[0].response.usage == usage


async def test_events_come_in_order_and_as_they_are() -> None:
    clock = VirtualClock()
    stream, _, _ = stream_of(
        clock, chunk("a") + tool("{}", **CALL), chunk(finish="tool_calls", usage=USAGE), DONE
    )
    events, _ = await clock.run(_read(stream))
    assert [type(event) for event in events] == [Start, TextDelta, ToolCallDelta, Finish, Metered]
    assert stream.seen == events


async def test_everything_read_before_a_cut_is_given_before_the_fault() -> None:
    clock = VirtualClock()
    stream, _, _ = stream_of(clock, chunk("a"), chunk("b") + chunk("c") + IN_BAND)
    events, fault = await clock.run(_read(stream))
    assert [event.text for event in events if type(event) is TextDelta] == ["a", "b", "c"]
    assert type(fault) is RateLimitError


async def test_audio_is_content_although_nobody_here_knows_it() -> None:
    clock = VirtualClock()
    stream, inbound, _ = stream_of(clock, chunk(audio={"data": "AAAA"}), 5.0, chunk("a"), OPEN)
    await clock.run(stream.prime())
    assert (stream.state, inbound.reads, clock.now()) == (State.DELIVERED, 1, 0.0)
    stream.cancel()


async def test_an_empty_unknown_field_is_no_content() -> None:
    clock = VirtualClock()
    stream, _, _ = stream_of(clock, chunk(annotations=[]), RESET)
    _, fault = await clock.run(_read(stream))
    assert fault is not None
    assert (fault.delivered, fault.retry) == (False, True)


async def test_a_batch_is_what_has_come_and_never_waits_for_more() -> None:
    clock = VirtualClock()
    stream, _, _ = stream_of(clock, chunk("a") + chunk("b"), 1.0, chunk("c", finish="stop"), DONE)

    async def read() -> list[tuple[float, str]]:
        await stream.prime()
        found: list[tuple[float, str]] = []
        while batch := await stream.batch():
            text = "".join(event.text for event in batch if type(event) is TextDelta)
            found.append((clock.now(), text))
        return found

    assert await clock.run(read()) == [(0.0, "ab"), (1.0, "c")]


# Time


async def test_a_slow_reader_is_no_stall() -> None:
    clock = VirtualClock()
    script = (chunk("a"), chunk("b"), chunk("c", finish="stop"), OPEN)
    stream, _, ends = stream_of(clock, *script, timeouts=Timeouts(idle=1.0, total=None))

    async def slowly() -> list[Event]:
        await stream.prime()
        events = [await anext(stream)]
        while ends == []:
            await clock.sleep(50.0)
            if isinstance(event := await _next(stream), Event):
                events.append(event)
        return events

    events = await clock.run(slowly())
    assert [event.text for event in events if type(event) is TextDelta] == ["a", "b", "c"]
    assert ends[0].outcome == "finished"


async def test_a_reader_slower_than_the_whole_call_may_take_is_cut() -> None:
    clock = VirtualClock()
    stream, _, ends = stream_of(clock, chunk("a"), 1.0, chunk("b"), timeouts=Timeouts(total=30.0))

    async def too_slowly() -> Any:
        await stream.prime()
        await anext(stream)
        await anext(stream)
        await clock.sleep(60.0)
        return await _next(stream)

    fault = await clock.run(too_slowly())
    assert type(fault) is TimeoutFault
    assert fault.phase == "total"
    assert ends[0].outcome == "cut"


_NO_LIMITS: dict[str, Any] = {"first_token": None, "idle": None, "total": None}


@pytest.mark.parametrize(
    ("on", "script", "at"),
    [
        ("first_token", (OPEN,), 5.0),
        ("idle", (4000.0, chunk("a"), OPEN), 4005.0),
        ("total", (chunk("a"), 4.0, chunk("b"), OPEN), 5.0),
    ],
)
async def test_each_deadline_works_alone(on: Any, script: Any, at: float) -> None:
    clock = VirtualClock()
    stream, _, _ = stream_of(clock, *script, timeouts=Timeouts(**_NO_LIMITS | {on: 5.0}))
    _, fault = await clock.run(_read(stream))
    assert type(fault) is TimeoutFault
    assert (fault.phase, fault.seconds, clock.now()) == (on, 5.0, at)


async def test_no_deadline_no_end() -> None:
    clock = VirtualClock()
    script = (4000.0, chunk("a"), 4000.0, chunk("b", finish="length"), DONE)
    stream, _, ends = stream_of(clock, *script, timeouts=Timeouts(**_NO_LIMITS))
    await clock.run(_read(stream))
    assert (ends[0].outcome, clock.now()) == ("finished", 8000.0)


async def test_the_finish_is_given_out_before_the_end_mark_is_waited_for() -> None:
    clock = VirtualClock()
    stream, _, _ = stream_of(clock, chunk("a", finish="stop"), OPEN)

    async def until_finish() -> Event:
        await stream.prime()
        return [await anext(stream) for _ in range(3)][-1]

    assert await clock.run(until_finish()) == Finish("stop")
    assert clock.now() == 0.0
    stream.cancel()


# Giving up


@pytest.mark.parametrize("events", [0, 1, 2])
async def test_giving_up_early_is_told_as_cancelled(events: int) -> None:
    clock = VirtualClock()
    stream, inbound, ends = stream_of(clock, chunk("a"), chunk("b"), OPEN)
    await stream.prime()
    for _ in range(events):
        await anext(stream)
    await stream.aclose()
    await stream.aclose()
    stream.cancel()
    assert [end.outcome for end in ends] == ["cancelled"]
    assert inbound.ended == ["abort"]
    # Who gave up knows that there is no more.
    assert await _next(stream) is StopAsyncIteration


async def test_giving_up_after_the_finish_is_a_clean_end() -> None:
    clock = VirtualClock()
    stream, inbound, ends = stream_of(clock, chunk("a", finish="stop"), OPEN)
    await stream.prime()
    await stream.aclose()
    assert [end.outcome for end in ends] == ["finished"]
    assert inbound.ended == ["abort"]
    assert stream.state is State.FINISHED


async def _pending(stream: Stream) -> asyncio.Task[Any]:
    """A task that waits for the stream's next event."""
    await stream.prime()
    while (await anext(stream)) != TextDelta("a"):
        pass
    waiting = asyncio.create_task(_next(stream))
    await asyncio.sleep(0)
    return waiting


async def test_a_cancelled_reader_ends_the_stream_and_never_cleanly() -> None:
    stream, inbound, ends = stream_of(VirtualClock(), chunk("a"), OPEN)
    waiting = await _pending(stream)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert [end.outcome for end in ends] == ["cancelled"]
    assert ends[0].fault is None
    assert inbound.ended == ["abort"]
    fault = await _next(stream)
    assert type(fault) is StreamCutError
    assert (fault.delivered, fault.retry, fault.reroute) == (True, False, "none")
    assert await _next(stream) is fault


async def test_a_stream_given_up_by_another_task_does_not_look_complete() -> None:
    stream, _, ends = stream_of(VirtualClock(), chunk("a"), OPEN)
    waiting = await _pending(stream)
    stream.cancel()
    assert type(await waiting) is StreamCutError
    assert [end.outcome for end in ends] == ["cancelled"]


async def test_a_cancelled_prime_is_cancelled() -> None:
    stream, inbound, ends = stream_of(VirtualClock(), OPEN)
    task = asyncio.create_task(stream.prime())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [end.outcome for end in ends] == ["cancelled"]
    assert inbound.ended == ["abort"]


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What goes must go by its reference count alone."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("clock", [VirtualClock, SystemClock])
@pytest.mark.parametrize("events", [None, 0, 1])
async def test_a_dropped_stream_is_cancelled_and_gone_at_once(
    clock: type[Clock], events: int | None
) -> None:
    stream, inbound, ends = stream_of(clock(), chunk("a"), chunk("b"), OPEN)
    if events is not None:
        await stream.prime()  # The watch has a timer pending from here on.
        for _ in range(events):
            await anext(stream)
    gone = weakref.ref(stream)
    del stream
    assert gone() is None
    assert [end.outcome for end in ends] == ["cancelled"]
    assert inbound.ended == ["abort"]


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("clock", [VirtualClock, SystemClock])
async def test_a_dropped_reply_ends_its_call(clock: type[Clock]) -> None:
    inbound = Scripted(clock(), chunk("a"), OPEN)
    ends: list[End] = []
    reply = await _ask(clock(), inbound, ends)
    assert reply.stream is not None
    gone = weakref.ref(reply.stream)
    del reply
    assert gone() is None
    assert [end.outcome for end in ends] == ["cancelled"]
    assert inbound.ended == ["abort"]


class _Carrier:
    """A transport that has one reply to bring."""

    def __init__(self, inbound: Scripted) -> None:
        self._inbound = inbound

    async def __call__(self, outbound: Outbound, /) -> Scripted:
        return self._inbound

    async def aclose(self) -> None: ...


async def _ask(clock: Clock, inbound: Scripted, ends: list[End]) -> Reply:
    call = Call(request(), clock)
    call.route = Route(name="v/m", model="m", wire=WIRE, transport=_Carrier(inbound))
    call.on_end(ends.append)
    return await run(send, call)


async def test_an_answer_in_one_piece_is_streamed_like_any_other() -> None:
    clock, ends = VirtualClock(), list[End]()
    calls = [{"id": "t", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}]
    body = {"choices": [{"message": {"tool_calls": calls}, "finish_reason": "tool_calls"}]}
    inbound = Scripted(clock, msgspec.json.encode(body), kind="application/json")
    reply = await _ask(clock, inbound, ends)
    assert reply.stream is not None
    events, fault = await _read(reply.stream)
    assert fault is None
    assert [end.outcome for end in ends] == ["finished"]
    assert [(c.name, c.arguments) for c in fold(events).tool_calls] == [("sql", "select 1")]


async def test_a_fault_names_its_route_and_brings_the_decision() -> None:
    clock, ends = VirtualClock(), list[End]()
    with pytest.raises(StreamCutError) as caught:
        await _ask(clock, Scripted(clock, chunk(role="assistant")), ends)
    assert caught.value.model == "v/m"
    assert caught.value.decision is not None
    assert [(end.outcome, end.fault) for end in ends] == [("fault", caught.value)]
