"""Streams through the whole client, over real sockets: how they begin, break, end and are left."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from client_upstream import (
    CLOSE,
    DONE,
    END,
    HOLD,
    RESET,
    STREAM,
    Upstream,
    chunk,
    error,
    event,
    finish,
    http,
    piece,
    sends,
    streams,
    upstream,
    whole,
)

from seawall import (
    AsyncSeawall,
    Fault,
    MalformedReplyError,
    OutputError,
    ProviderError,
    StreamCutError,
    TextDelta,
    TimeoutFault,
)
from seawall.sinks import Ledger
from seawall.sinks.rows import Row

FAST: Any = {"retry": {"attempts": 2, "base": 0.0}, "breaker": False}
ROLE = piece(role="assistant", content="")
BOOM = event({"error": {"message": "boom", "type": "server_error"}})


@pytest.fixture
def up() -> Iterator[Upstream]:
    with upstream() as served:
        served.usual = streams(ROLE, piece("Tri"), piece("este"), finish())
        yield served


async def _gone(up: Upstream, number: int = 0) -> bool:
    """Whether the client has closed the connection of a question."""
    return await asyncio.to_thread(up.asked[number].gone.wait, 5)


def _rows(directory: Path) -> list[Row]:
    with Ledger.open(directory) as ledger:
        return ledger.calls(contents=True)


BEFORE = {
    "status 500": error(500),
    "error event first": streams(BOOM),
    "error after the role": streams(ROLE, BOOM),
    "clean end after the role": streams(ROLE),
    "closed after the role": streams(ROLE, CLOSE),
    "reset after the role": streams(ROLE, RESET),
    "closed in a chunk": sends(STREAM, b"1f4\r\ndata: {", CLOSE),
    "closed in the head": sends(b"HTTP/1.1 200 OK\r\ncontent-ty", CLOSE),
    "reset before the head": sends(RESET),
    "silence after the role": streams(ROLE, HOLD),
    "comments alone": streams(*[b": ping\n\n", 0.1] * 40),
    "HTML": sends(http(200, b"<html>welcome</html>", kind="text/html")),
    "no event that can be read": streams(b"data: {]\n\n", piece(reason="stop"), DONE),
    "an end mark alone": streams(DONE),
    "nothing at all": streams(),
    "JSON that is cut": sends(http(200, b'{"choices": [')),
    "not HTTP": sends(b"SSH-2.0-OpenSSH_9.2\r\n", CLOSE),
    "an error in JSON": sends(http(200, b'{"error": {"message": "boom"}}')),
}


@pytest.mark.parametrize("name", BEFORE)
async def test_what_fails_before_the_first_token_is_asked_again_unseen(
    name: str, up: Upstream
) -> None:
    up.script.append(BEFORE[name])
    client = AsyncSeawall(**up.settings())
    stream = client.stream("?", deadline={"first_token": 0.5}, **FAST)
    texts = [text async for text in stream.text]
    reply = await stream.reply()
    assert texts == ["Tri", "este"]
    assert (reply.text, reply.finish_reason, reply.damaged) == ("Trieste", "stop", 0)
    assert [a.outcome == "finished" for a in reply.decision.attempts] == [False, True]
    assert reply.usage is not None
    assert reply.usage.total_tokens == 15
    await client.aclose()


#: Long enough for what came before it to be read by itself.
PAUSE = 0.1
CALL = piece(tool_calls=[{"index": 0, "id": "x", "function": {"name": "f", "arguments": "{"}}])

AFTER: dict[str, tuple[Any, type[Fault]]] = {
    "an error event": (streams(ROLE, piece("Tri"), PAUSE, BOOM), ProviderError),
    "a clean end of the body": (streams(piece("Tri")), StreamCutError),
    "an end mark without a finish": (streams(piece("Tri"), PAUSE, DONE), StreamCutError),
    "a closed connection": (streams(piece("Tri"), CLOSE), StreamCutError),
    "a reset": (streams(piece("Tri"), PAUSE, RESET), StreamCutError),
    "a chunk that is cut": (
        sends(STREAM, chunk(piece("Tri")), PAUSE, b"1f4\r\ndata: {", CLOSE),
        StreamCutError,
    ),
    "a stall": (streams(piece("Tri"), HOLD), TimeoutFault),
    "a stall in an event": (streams(piece("Tri"), b"data: {", HOLD), TimeoutFault),
    "a body of another length": (
        sends(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n",
            piece("Tri"),
            CLOSE,
        ),
        StreamCutError,
    ),
    "a body that ends with the connection": (
        sends(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", piece("Tri"), CLOSE),
        StreamCutError,
    ),
    "garbage for a chunk": (
        sends(STREAM, chunk(piece("Tri")), PAUSE, b"zz\r\n"),
        MalformedReplyError,
    ),
    "tool arguments that are cut": (streams(CALL), StreamCutError),
    "an unreadable event in tool arguments": (
        streams(CALL, PAUSE, b"data: {]\n\n", finish("tool_calls")),
        MalformedReplyError,
    ),
    "a finish with tool_calls that never came": (
        streams(piece("Tri"), PAUSE, finish("tool_calls")),
        MalformedReplyError,
    ),
    "reasoning that is cut": (streams(piece(reasoning_content="hm")), StreamCutError),
    "one of two choices that never ends": (
        streams(piece("Tri"), PAUSE, piece("Wien", index=1), piece(reason="stop"), DONE),
        StreamCutError,
    ),
}


async def _read(stream: Any, events: list[Any]) -> None:
    async for each in stream:
        events.append(each)


@pytest.mark.parametrize("name", AFTER)
async def test_what_fails_after_it_is_a_fault_and_never_a_clean_end(
    name: str, up: Upstream, tmp_path: Path
) -> None:
    answer, kind = AFTER[name]
    up.script.append(answer)
    client = AsyncSeawall(**up.settings(ledger={"dir": str(tmp_path)}))
    stream = client.stream("?", deadline={"idle": 0.3}, **FAST)
    events: list[Any] = []
    with pytest.raises(kind) as raised:
        await _read(stream, events)
    assert events
    fault = raised.value
    assert (fault.model, fault.delivered, fault.retry, fault.reroute) == (
        "wall/m",
        True,
        False,
        "none",
    )
    for again in (stream.__anext__, stream.batch, stream.reply):
        with pytest.raises(kind):
            await again()
    assert len(up.asked) == 1  # nothing is retried
    await client.aclose()
    (row,) = _rows(tmp_path)
    assert row.outcome == "cut"
    assert row.error_message == str(fault)
    assert row.cost_state != "exact"


async def test_a_stall_says_which_deadline(up: Upstream) -> None:
    up.script += [streams(piece("Tri"), HOLD), streams(ROLE, HOLD)]
    client = AsyncSeawall(**up.settings())
    with pytest.raises(TimeoutFault) as raised:
        await client.stream("?", deadline={"idle": 0.2}, **FAST).reply()
    assert raised.value.phase == "idle"
    with pytest.raises(TimeoutFault) as raised:
        await client.stream("?", deadline={"first_token": 0.2}, retry=False).reply()
    assert raised.value.phase == "first_token"
    await client.aclose()
    assert await _gone(up, 0)
    assert await _gone(up, 1)


COMPLETE = {
    "as usual": streams(ROLE, piece("Trieste"), finish()),
    "without an end mark": streams(piece("Trieste"), piece(reason="stop")),
    "without end mark, and closed": streams(piece("Trieste"), piece(reason="stop"), CLOSE),
    "without end mark, and reset": streams(piece("Trieste"), piece(reason="stop"), 0.1, RESET),
    "without end mark, and held open": streams(piece("Trieste"), piece(reason="stop"), HOLD),
    "in one piece of bytes": sends(STREAM + chunk(piece("Trieste") + finish()) + END),
    "in JSON": whole("Trieste"),
    "with CRLF": streams((piece("Trieste") + finish()).replace(b"\n", b"\r\n")),
    "with a byte order mark": streams(b"\xef\xbb\xbf" + piece("Trieste"), finish()),
    "with comments and names": streams(
        b": hello\n\nevent: message\nid: 1\nretry: 5\n" + piece("Trieste"), b": bye\n\n", finish()
    ),
    "with an error after the finish": streams(piece("Trieste"), piece(reason="stop"), BOOM),
    "byte by byte": sends(
        STREAM, *[chunk(bytes([byte])) for byte in piece("Trieste") + finish()], END
    ),
    "a body that ends with the connection": sends(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n",
        piece("Trieste") + finish(),
        CLOSE,
    ),
    "finish and text together": streams(piece("Trieste", reason="stop"), DONE),
}


@pytest.mark.parametrize("name", COMPLETE)
async def test_a_stream_with_a_finish_is_whole(name: str, up: Upstream) -> None:
    up.script.append(COMPLETE[name])
    client = AsyncSeawall(**up.settings())
    stream = client.stream("?", deadline={"idle": 5}, **FAST)
    assert "".join([text async for text in stream.text]) == "Trieste"
    reply = await stream.reply()
    assert (reply.text, reply.finish_reason, reply.damaged) == ("Trieste", "stop", 0)
    assert len(up.asked) == 1
    # Whatever was left of it, the next call is served.
    assert (await client.stream("?", **FAST).reply()).text == "Trieste"
    await client.aclose()


async def test_a_slow_drip_is_no_stall(up: Upstream) -> None:
    body = piece("Tri") + piece("este") + finish()
    drops = [step for at in range(0, len(body), 40) for step in (chunk(body[at : at + 40]), 0.02)]
    up.script.append(sends(STREAM, *drops, END))
    client = AsyncSeawall(**up.settings())
    reply = await client.stream("?", deadline={"idle": 0.8, "first_token": 5}, **FAST).reply()
    assert reply.text == "Trieste"
    await client.aclose()


async def test_an_unreadable_event_that_held_nothing_marks_the_reply(
    up: Upstream, tmp_path: Path
) -> None:
    up.script.append(
        streams(piece("Tri"), b"data: {]\n\n", b"data: 5\n\n", piece("este"), finish())
    )
    client = AsyncSeawall(**up.settings(ledger={"dir": str(tmp_path)}))
    reply = await client.stream("?", **FAST).reply()
    assert (reply.text, reply.damaged) == ("Trieste", 2)
    assert any("unreadable event" in note for note in reply.decision.notes)
    await client.aclose()
    assert [row.damaged for row in _rows(tmp_path)] == [2]


@pytest.mark.parametrize("output", [None, list[int]])
async def test_an_unreadable_event_in_structured_output_is_a_fault(
    up: Upstream, output: Any
) -> None:
    up.script.append(streams(piece("[1,"), PAUSE, b"data: {]\n\n", piece("2]"), finish()))
    client = AsyncSeawall(**up.settings())
    wanted: Any = {"output": output} if output else {"response_format": {"type": "json_object"}}
    with pytest.raises(MalformedReplyError, match="structured output"):
        await client.stream("?", **wanted, **FAST).reply()
    await client.aclose()


async def test_several_choices_are_told_apart(up: Upstream) -> None:
    up.script.append(
        streams(
            piece("Tri", index=1),
            piece("Wi", index=0),
            piece("en", index=0),
            piece("este", index=1),
            piece(reason="stop", index=1),
            piece(reason="length", index=0),
            DONE,
        )
    )
    client = AsyncSeawall(**up.settings())
    stream = client.stream("?", n=2, **FAST)
    choices = [each.choice async for each in stream if isinstance(each, TextDelta)]
    assert choices == [1, 0, 0, 1]
    reply = await stream.reply()
    told = [(choice.message.text, choice.finish_reason) for choice in reply.response.choices]
    assert told == [("Wien", "length"), ("Trieste", "stop")]
    await client.aclose()


async def test_typed_output_is_read_from_the_whole_stream(up: Upstream) -> None:
    up.script += [streams(piece("[1, "), piece("2]"), finish()), streams(piece("no"), finish())]
    client = AsyncSeawall(**up.settings())
    stream = client.stream("?", output=list[int], **FAST)
    assert "".join([text async for text in stream.text]) == "[1, 2]"
    assert (await stream.reply()).output == [1, 2]
    with pytest.raises(OutputError) as raised:
        await client.stream("?", output=list[int], **FAST).reply()
    assert raised.value.raw == "no"
    await client.aclose()


# Leaving early.


async def _aclose(stream: Any) -> None:
    await stream.aclose()


async def _with(stream: Any) -> None:
    async with stream:
        async for _ in stream:
            break


async def _exception(stream: Any) -> None:
    with pytest.raises(KeyError):
        async with stream:
            raise KeyError


async def _cancel(stream: Any) -> None:
    task = asyncio.ensure_future(_read(stream, []))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _timeout(stream: Any) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await stream.reply()


@pytest.mark.parametrize("leave", [_aclose, _with, _exception, _cancel, _timeout])
async def test_who_leaves_early_stops_the_provider(
    leave: Callable[[Any], Any], up: Upstream, tmp_path: Path
) -> None:
    up.script.append(streams(ROLE, piece("Tri"), HOLD))
    client = AsyncSeawall(**up.settings(ledger={"dir": str(tmp_path)}))
    stream = client.stream("?", **FAST)
    if leave is not _with:
        assert type(await anext(stream)).__name__ == "Start"
    await leave(stream)
    assert await _gone(up)
    with pytest.raises((RuntimeError, Fault)):  # there is no whole answer, and nobody says so
        await stream.reply()
    await stream.aclose()
    await client.aclose()
    (row,) = _rows(tmp_path)
    assert row.outcome == "cancelled"
    assert (row.cost_state, row.total_tokens) != ("exact", 0)
    assert row.attempts == 1


@pytest.mark.parametrize("cycle", [False, True])
async def test_who_drops_a_stream_stops_the_provider(
    cycle: bool, up: Upstream, tmp_path: Path
) -> None:
    up.script.append(streams(ROLE, piece("Tri"), HOLD))
    client = AsyncSeawall(**up.settings(ledger={"dir": str(tmp_path)}))

    async def read_one() -> None:
        stream = client.stream("?", **FAST)
        async for _ in stream:
            break
        if cycle:
            stream.myself = stream  # type: ignore[attr-defined]

    await read_one()
    gc.collect()
    assert await _gone(up)
    await client.aclose()
    assert [row.outcome for row in _rows(tmp_path)] == ["cancelled"]


async def test_a_stream_left_after_its_finish_is_finished(up: Upstream, tmp_path: Path) -> None:
    up.script.append(streams(piece("Trieste"), piece(reason="stop"), HOLD))
    client = AsyncSeawall(**up.settings(ledger={"dir": str(tmp_path)}))
    async with client.stream("?", **FAST) as stream:
        async for each in stream:
            if type(each).__name__ == "Finish":
                break
    assert (await stream.reply()).text == "Trieste"
    await client.aclose()
    assert [row.outcome for row in _rows(tmp_path)] == ["finished"]


async def test_a_stream_nobody_begins_asks_nobody(up: Upstream, tmp_path: Path) -> None:
    client = AsyncSeawall(**up.settings(ledger={"dir": str(tmp_path)}))
    client.stream("?")
    await client.stream("?").aclose()
    await client.aclose()
    assert up.asked == []
    assert not (tmp_path / "journal").exists()


async def test_a_stream_that_could_not_begin_stays_failed(up: Upstream) -> None:
    up.usual = error(400, "bad question")
    client = AsyncSeawall(**up.settings())
    stream = client.stream("?", **FAST)
    faults = []
    for step in (stream.__anext__, stream.__anext__, stream.batch, stream.reply):
        with pytest.raises(Fault, match="bad question") as raised:
            await step()
        faults.append(raised.value)
    assert len({id(fault) for fault in faults}) == 1
    assert len(up.asked) == 1
    await client.aclose()


async def test_a_call_cancelled_before_its_answer_is_not_asked_again(
    up: Upstream, tmp_path: Path
) -> None:
    up.script.append(sends(HOLD))
    client = AsyncSeawall(**up.settings(ledger={"dir": str(tmp_path)}))
    stream = client.stream("?", **FAST)
    task = asyncio.ensure_future(anext(stream))  # type: ignore[arg-type]
    await asyncio.to_thread(up.wait_for, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await _gone(up)
    with pytest.raises(RuntimeError, match="closed"):
        await anext(stream)
    await client.aclose()
    assert [row.outcome for row in _rows(tmp_path)] == ["cancelled"]
    assert len(up.asked) == 1


async def test_a_stream_is_begun_once_whoever_reads_it(up: Upstream) -> None:
    client = AsyncSeawall(**up.settings())
    stream = client.stream("?", **FAST)
    begun = await asyncio.gather(*[stream.batch() for _ in range(3)], return_exceptions=True)
    assert [isinstance(each, RuntimeError) for each in begun] == [False, True, True]
    async with stream:
        assert (await stream.reply()).text == "Trieste"
    assert len(up.asked) == 1
    await client.aclose()


async def test_events_come_when_they_are_sent(up: Upstream) -> None:
    """The first token is not held back until the second is there."""
    up.script.append(streams(piece("Tri"), HOLD))
    client = AsyncSeawall(**up.settings())
    stream = client.stream("?", **FAST)
    async with asyncio.timeout(5):
        assert (await stream.batch())[-1] == TextDelta("Tri")
    await stream.aclose()
    await client.aclose()


async def test_a_reader_that_takes_its_time_is_no_stall_and_holds_the_sender(
    up: Upstream,
) -> None:
    big = [piece("x" * 100_000)] * 100
    up.script.append(streams(*big, finish()))
    client = AsyncSeawall(**up.settings())
    stream = client.stream("?", deadline={"idle": 0.2}, **FAST)
    first = await anext(stream)
    await asyncio.sleep(0.6)
    assert first is not None
    reply = await stream.reply()
    assert len(reply.text) == 10_000_000
    await client.aclose()


async def test_three_hundred_streams_at_once(up: Upstream) -> None:
    client = AsyncSeawall(**up.settings())
    replies = await asyncio.gather(*[client.stream("?", **FAST).reply() for _ in range(300)])
    assert {reply.text for reply in replies} == {"Trieste"}
    assert len({reply.id for reply in replies}) == 300
    assert up.connections <= 100  # the pool's limit
    await client.aclose()
