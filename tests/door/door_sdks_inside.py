"""Run inside the environment of an official SDK: what that SDK has above the door, in the same
words for each."""

# pyright: reportMissingImports=false
from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sdk_speakers import KEY, Harbour, Speaker, installed

import seawall
from seawall.client.door.libraries import library
from seawall.client.door.mistral import FACE as MISTRAL
from seawall.dialects import anthropic, cohere, gemini, openai_chat
from seawall.errors import OverloadedError
from seawall.folding import unfold
from seawall.ports import Face, Head, Outbound, reveal
from seawall.simulator import Rule, Script, Simulator
from seawall.simulator.answers import TEXT
from seawall.sinks import Ledger
from seawall.testing import VirtualClock
from seawall.transports.memory import Memory
from seawall.types import Choice, Message, Response, Start, Text, TextDelta, Usage

SDK: type[Speaker] = installed()
LIBRARY: Any = library()
FACES: dict[str, Face] = {
    face.name: face for face in (anthropic.FACE, cohere.FACE, gemini.FACE, openai_chat.FACE)
}
OWN = MISTRAL if SDK.package == "mistralai" else FACES[SDK.dialect]
BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
HEAD = Head(model="sim", stream=True, include_usage=True)
JSON, SSE = {"content-type": "application/json"}, {"content-type": "text/event-stream"}


class World:
    """The SDK asks ``one`` through the door, which falls back to ``two``, of another dialect."""

    def __init__(
        self,
        directory: Path,
        one: Script | Memory | None = None,
        two: Script | Memory | None = None,
        *,
        timeout: float | None = None,
        dialect: str = "openai_chat",
        **options: Any,
    ) -> None:
        self.clock = VirtualClock()
        self.directory = directory
        self.one = Simulator(one if isinstance(one, Script) else Script(), clock=self.clock)
        self.two = Simulator(two if isinstance(two, Script) else Script(), clock=self.clock)
        base = {"anthropic": "http://two", "cohere": "http://two"}.get(dialect, "http://two/v1")
        self.http: Any = seawall.http_client(
            vendors={
                "one": {"base_url": SDK.base, "dialect": SDK.dialect},
                "two": {"base_url": base, "dialect": dialect, "transport": "two"},
            },
            transports={
                "http": one if isinstance(one, Memory) else self.one.transport(),
                "two": two if isinstance(two, Memory) else self.two.transport(),
            },
            fallback="two/sim" if two is not None else (),
            ledger={"dir": str(directory)},
            clock=self.clock,
            **options,
        )
        self.sdk = SDK(self.http, timeout=timeout)

    async def said(self, *, stream: bool) -> str:
        return await (self.sdk.streamed() if stream else self.sdk.text())

    def run(self, work: Any) -> Any:
        return self.clock.run(work)

    async def raises(self, name: str, work: Any) -> Exception:
        """What ``work`` raises: an error of the SDK's, or of the library it rides on."""
        kind = getattr(self.sdk.module, name, None) or getattr(LIBRARY, name, None)
        with pytest.raises(kind or self.sdk.module.InternalServerError) as caught:
            await self.run(work)
        return caught.value

    def rows(self) -> list[Any]:
        assert self.http._transport._door.assembly.journal.importer.flush(10)
        with Ledger.open(self.directory) as ledger:
            return [ledger.get(row.id) for row in ledger.calls()]


def faulty(fault: str, **rule: Any) -> Script:
    return Script(faults=(Rule(fault=fault, **rule),))


@BOTH
async def test_answers_and_records(tmp_path: Path, stream: bool) -> None:
    world = World(tmp_path)
    assert await world.run(world.said(stream=stream)) == TEXT
    (row,) = world.rows()
    assert (row.outcome, row.model, row.stream, row.attempts) == ("finished", "one/sim", stream, 1)
    assert row.messages[-1]["content"] == [{"type": "text", "text": "Name a harbour."}]
    assert row.total_tokens == row.prompt_tokens + row.completion_tokens > 0


def test_sync(tmp_path: Path) -> None:
    simulator = Simulator(faulty("500", requests=(1,)))
    http = seawall.http_client(
        sync=True,
        transports={"http": simulator.transport()},
        ledger={"dir": str(tmp_path)},
        retry={"base": 0.01},
    )
    sdk = SDK(None, http)
    assert sdk.sync_text() == TEXT
    assert sdk.sync_streamed() == TEXT
    assert [seen.status for seen in simulator.log] == [500, 200, 200]


def test_a_cut_stream_never_ends_cleanly_for_the_synchronous_half(tmp_path: Path) -> None:
    http = seawall.http_client(
        sync=True,
        transport=Memory(lambda outbound: (200, SSE, [begun()[0]])),
        ledger={"dir": str(tmp_path)},
    )
    sdk = SDK(None, http)
    name = SDK.broken[0] or SDK.broken[1]
    with pytest.raises(getattr(sdk.module, name, None) or getattr(LIBRARY, name)):
        sdk.sync_streamed()


@pytest.mark.parametrize("recovery", ["resume", "hold"])
async def test_a_cut_stream_is_taken_up_again(tmp_path: Path, recovery: Any) -> None:
    world = World(tmp_path, faulty("cut", requests=(1,)), Script(), recovery=recovery)
    assert await world.run(world.sdk.streamed()) == TEXT
    (row,) = world.rows()
    assert row.outcome == "finished"


@BOTH
async def test_tools(tmp_path: Path, stream: bool) -> None:
    world = World(tmp_path)
    assert await world.run(world.sdk.call(stream=stream)) == ("weather", {"city": TEXT})


async def test_types(tmp_path: Path) -> None:
    world = World(tmp_path)
    made = await world.run(world.sdk.parsed())
    if made is None:
        pytest.skip("it has no such helper")
    assert made == Harbour(name=TEXT, depth=3)


def answer(face: Face, text: str = TEXT) -> tuple[bytes, bytes]:
    """An answer whole and as a stream, with fields that nobody knows and spaces of its own."""
    usage = Usage(prompt_tokens=9, completion_tokens=4, total_tokens=13)
    choice = Choice(message=Message("assistant", (Text(text),)), finish_reason="stop")
    response = Response(id="id_1", model="sim", created=1, choices=(choice,), usage=usage)
    writer = face.writer(HEAD)
    stream = b"".join([*(writer.event(event) for event in unfold(response)), writer.end()])
    whole = face.write(response)
    return b'{ "strange": [1,  2],' + whole[1:], stream


async def test_bytes_go_up_and_come_down_as_they_are(tmp_path: Path) -> None:
    """The same request as without a door, credentials and the version of the API included."""
    bare: list[Any] = []

    def record(request: Any) -> Any:
        bare.append(request)
        return LIBRARY.Response(200, headers=JSON, content=answer(OWN)[0])

    transport = LIBRARY.MockTransport(record)
    assert await SDK(LIBRARY.AsyncClient(transport=transport)).text() == TEXT
    memory = Memory(lambda outbound: (200, JSON | {"x-theirs": "1"}, answer(OWN)[0]))
    world = World(tmp_path, memory)
    assert await world.run(world.sdk.text()) == TEXT
    (sent,), (meant,) = memory.requests, bare
    assert sent.body == meant.content
    assert sent.url == str(meant.url)
    names = [name.lower() for name, _ in sent.headers]
    assert len(set(names)) == len(names)
    ours = {name.lower(): reveal(value) for name, value in sent.headers}
    theirs = {name: value for name, value in meant.headers.items() if name in ours}
    assert ours.keys() - theirs.keys() <= {"x-seawall-attempts-left", "x-seawall-deadline-ms"}
    assert {name: ours[name] for name in theirs} == theirs
    assert any(KEY in value for value in theirs.values())
    assert meant.headers.keys() - theirs.keys() <= {
        "host", "accept-encoding", "connection", "content-length",
    }  # fmt: skip


async def test_frames_come_down_as_they_are(tmp_path: Path) -> None:
    stream = answer(OWN)[1]
    memory = Memory(lambda outbound: (200, SSE, [stream[:50], stream[50:]]))
    world = World(tmp_path, memory)
    body: Any = {"model": "sim", "stream": True, "max_tokens": 9, "contents": [], "messages": []}

    async def use() -> bytes:
        async with world.http.stream("POST", SDK.url, json=body) as reply:
            assert reply.headers["content-type"] == "text/event-stream"
            return await reply.aread()

    assert await world.run(use()) == stream


async def test_the_key_goes_to_its_own_place_only(tmp_path: Path) -> None:
    memory = Memory(lambda outbound: (401, JSON, b'{"error":{"message":"no %b"}}' % KEY.encode()))
    world = World(tmp_path, memory, Script(answer="from two"))
    assert await world.run(world.sdk.text()) == "from two"
    world.rows()
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert KEY.encode() not in kept
    assert len(memory.requests) == 1


@BOTH
@pytest.mark.parametrize("dialect", FACES)
async def test_another_vendor_answers_in_the_sdks_words(
    tmp_path: Path, dialect: str, stream: bool
) -> None:
    world = World(tmp_path, faulty("503"), Script(answer="from two"), dialect=dialect)
    assert await world.run(world.said(stream=stream)) == "from two"
    assert await world.run(world.sdk.call(stream=stream)) == ("weather", {"city": "from two"})
    assert [row.model for row in world.rows()] == ["two/sim", "two/sim"]


async def test_another_vendor_keeps_to_the_type(tmp_path: Path) -> None:
    world = World(tmp_path, faulty("503"), Script(answer="from two"))
    made = await world.run(world.sdk.parsed())
    assert made in (None, Harbour(name="from two", depth=3))


@BOTH
@pytest.mark.parametrize("fault", SDK.errors)
async def test_faults_are_the_sdks_own_errors_and_not_tried_again(
    tmp_path: Path, fault: str, stream: bool
) -> None:
    world = World(tmp_path, faulty(fault), timeout=20)
    error = await world.raises(SDK.errors[fault], world.said(stream=stream))
    if fault[0] in "45":
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
        assert status == int(fault[:3])
    (row,) = world.rows()  # the SDK came once
    assert row.outcome == "fault"
    final = fault in ("400", "401", "403", "404", "422", "silent")
    assert len(world.one.log) == (1 if final else 3)
    assert not world.one.verdict().charges


async def test_the_sdks_timeout_leaves_time_for_another_route(tmp_path: Path) -> None:
    world = World(tmp_path, faulty("silent"), Script(answer="from two"), timeout=10)
    assert await world.run(world.sdk.text()) == "from two"
    assert world.clock.now() == pytest.approx(5, abs=0.5)


async def test_without_a_timeout_of_the_sdks_nothing_waits_for_ever(tmp_path: Path) -> None:
    world = World(tmp_path, faulty("silent"), retry=False)
    await world.raises(SDK.errors["silent"], world.sdk.text())
    assert 60 <= world.clock.now() <= 600


@pytest.mark.parametrize("fault", ["cut", "cut-reset", "cut-clean", "stall", "no-finish"])
async def test_a_cut_stream_never_ends_cleanly(tmp_path: Path, fault: str) -> None:
    world = World(tmp_path, faulty(fault), timeout=20)
    await world.raises(SDK.broken[0] or SDK.broken[1], world.sdk.streamed())
    (row,) = world.rows()
    assert row.outcome == "cut"
    assert len(world.one.log) == 1


async def pieces(*said: bytes) -> AsyncIterator[bytes]:
    for piece in said:
        yield piece


def begun() -> tuple[bytes, bytes]:
    """How a stream of the SDK's provider begins, and an error event in it."""
    writer = OWN.writer(HEAD)
    start = writer.event(Start("id_1", "sim")) + writer.event(TextDelta("Bari"))
    return start, writer.fault(OverloadedError("busy"))


async def test_an_error_in_a_stream(tmp_path: Path) -> None:
    """It raises by itself, or it would read over the error; here the connection breaks then."""
    start, error = begun()

    def bare(request: Any) -> Any:
        return LIBRARY.Response(200, headers=SSE, content=pieces(start, error))

    sdk = SDK(LIBRARY.AsyncClient(transport=LIBRARY.MockTransport(bare)))
    by_itself = SDK.broken[0]
    if by_itself is None:
        assert await sdk.streamed() == "Bari"
    else:
        with pytest.raises(getattr(sdk.module, by_itself)):
            await sdk.streamed()
    world = World(tmp_path, Memory(lambda outbound: (200, SSE, [start, error])))
    await world.raises(by_itself or SDK.broken[1], world.sdk.streamed())
    (row,) = world.rows()
    assert row.outcome == "cut"


async def test_a_plain_end_in_the_middle(tmp_path: Path) -> None:
    """By itself no SDK raises: it takes that for the end."""
    start, _ = begun()

    def bare(request: Any) -> Any:
        return LIBRARY.Response(200, headers=SSE, content=pieces(start))

    sdk = SDK(LIBRARY.AsyncClient(transport=LIBRARY.MockTransport(bare)))
    with contextlib.suppress(AssertionError):  # of our own, for what is missing
        assert await sdk.streamed() == "Bari"
    world = World(tmp_path, Memory(lambda outbound: (200, SSE, [start])))
    await world.raises(SDK.broken[0] or SDK.broken[1], world.sdk.streamed())


async def test_other_paths_pass_through_recorded(tmp_path: Path) -> None:
    said = {"input_tokens": 2, "totalTokens": 2, "tokens": [1, 2], "token_strings": ["h", "i"]}
    said |= {"id": "e", "object": "list", "model": "sim", "data": []}
    said |= {"usage": {"prompt_tokens": 2, "total_tokens": 2, "completion_tokens": 0}}

    def provider(outbound: Outbound) -> Any:
        return 200, JSON, msgspec.json.encode(said)

    memory = Memory(provider)
    world = World(tmp_path, memory)
    assert await world.run(world.sdk.count()) == 2
    sent = next(sent for sent in memory.requests if sent.url.endswith(SDK.other))
    assert any(KEY in reveal(value) for _, value in sent.headers)
    assert {row.outcome for row in world.rows()} == {"finished"}


async def test_an_alias_goes_where_it_says(tmp_path: Path) -> None:
    models = {"sim": {"route": ["two/sim"]}}
    world = World(tmp_path, Script(), Script(answer="from two"), models=models)
    assert await world.run(world.sdk.text()) == "from two"
    assert not world.one.log


async def test_a_wrong_alias_is_told_in_the_sdks_words(tmp_path: Path) -> None:
    world = World(tmp_path, models={"sim": {"route": ["nobody/m"]}})
    name = SDK.errors["400"]
    error = await world.raises(name, world.sdk.text())
    assert "there is no vendor 'nobody'" in str(error)


async def test_a_stream_that_is_left_is_given_up(tmp_path: Path) -> None:
    world = World(tmp_path, faulty("stall"))
    body: Any = {"model": "sim", "stream": True, "max_tokens": 9}
    body |= {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    body |= {"messages": [{"role": "user", "content": "hi"}]}

    async def use() -> None:
        async with world.http.stream("POST", SDK.url, json=body) as reply:
            await anext(reply.aiter_bytes())

    await world.run(use())
    assert [seen.how for seen in world.one.log] == ["left"]
