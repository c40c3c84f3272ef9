"""Each fault over real sockets, streamed and not: asked again or not, rerouted or not, told."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from client_upstream import (
    CLOSE,
    HOLD,
    RESET,
    Answer,
    Upstream,
    error,
    http,
    sends,
    upstream,
    whole,
)
from msgspec import Struct

from seawall import (
    AsyncSeawall,
    AuthenticationError,
    BadRequestError,
    CircuitOpenError,
    ConflictError,
    ConnectionFault,
    ContentFilterError,
    ContextLengthError,
    Fault,
    MalformedReplyError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    Reply,
    TimeoutFault,
)
from seawall.sinks import Ledger

STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
#: Seconds a call may take at most.
SOON = 20.0


class Case(Struct, frozen=True):
    """``retried``: the same route is asked again. ``rerouted``: the next one is asked."""

    answer: Answer
    kind: type[Fault]
    retried: bool
    rerouted: bool


_TOO_LONG: Any = {"message": "too long", "code": "context_length_exceeded"}
_FILTERED: Any = {"message": "no", "code": "content_filter"}
_NO_CREDIT: Any = {"message": "pay", "code": "insufficient_quota"}
_JSON = "content-type: application/json\r\n"
_SHORT = f"HTTP/1.1 200 OK\r\n{_JSON}content-length: 500\r\n\r\n".encode()
_PAGE = http(200, b"<html>welcome</html>", kind="text/html")
_STOP = {"x-should-retry": "false"}
_GO = {"x-should-retry": "true"}

CASES: dict[str, Case] = {
    "400": Case(error(400), BadRequestError, False, False),
    "401": Case(error(401), AuthenticationError, False, True),
    "402": Case(error(402), QuotaExceededError, False, True),
    "403": Case(error(403), PermissionDeniedError, False, True),
    "404": Case(error(404), NotFoundError, False, True),
    "408": Case(error(408), ProviderError, True, True),
    "409": Case(error(409), ConflictError, True, True),
    "413": Case(error(413), BadRequestError, False, False),
    "422": Case(error(422), BadRequestError, False, False),
    "425": Case(error(425), ProviderError, True, True),
    "429": Case(error(429), RateLimitError, True, True),
    "429 for want of credit": Case(error(429, **_NO_CREDIT), QuotaExceededError, False, True),
    "500": Case(error(500), ProviderError, True, True),
    "502 in HTML": Case(
        sends(http(502, b"<html>bad gateway</html>", kind="text/html")), ProviderError, True, True
    ),
    "503": Case(error(503), OverloadedError, True, True),
    "504": Case(error(504), ProviderError, True, True),
    "520": Case(error(520), ProviderError, True, True),
    "529": Case(error(529), OverloadedError, True, True),
    "301": Case(sends(http(301, b"", {"location": "/x"})), ProviderError, False, True),
    "context length": Case(error(400, **_TOO_LONG), ContextLengthError, False, True),
    "content filter": Case(error(400, **_FILTERED), ContentFilterError, False, False),
    "503 not to be retried": Case(error(503, headers=_STOP), OverloadedError, False, True),
    "402 to be retried": Case(error(402, headers=_GO), QuotaExceededError, True, True),
    "400 to be retried": Case(error(400, headers=_GO), BadRequestError, False, False),
    "an error whose body is cut": Case(
        sends(b"HTTP/1.1 503 x\r\ncontent-length: 99\r\n\r\n{", CLOSE), OverloadedError, True, True
    ),
    "a reset": Case(sends(RESET), ConnectionFault, True, True),
    "a closed connection": Case(sends(CLOSE), ConnectionFault, True, True),
    "a reset in the head": Case(sends(b"HTTP/1.1 200 OK\r\n", 0.05, RESET), Fault, True, True),
    "a body that is cut": Case(sends(_SHORT, b'{"cho', CLOSE), ConnectionFault, True, True),
    "a body that is reset": Case(sends(_SHORT, b"{", 0.05, RESET), ConnectionFault, True, True),
    "no answer": Case(sends(HOLD), TimeoutFault, True, True),
    "HTML with 200": Case(sends(_PAGE), MalformedReplyError, True, True),
    "an empty body": Case(sends(http(200, b"")), MalformedReplyError, True, True),
    "JSON that is cut": Case(sends(http(200, b'{"choices": [')), MalformedReplyError, True, True),
    "JSON of another kind": Case(sends(http(200, b'["ok"]')), MalformedReplyError, True, True),
    "no choices": Case(sends(http(200, b'{"choices": []}')), MalformedReplyError, True, True),
    "invalid UTF-8": Case(
        sends(http(200, b'{"choices":[{"message":{"content":"\xff"},"finish_reason":"stop"}]}')),
        MalformedReplyError,
        True,
        True,
    ),
    "an error with 200": Case(
        sends(http(200, b'{"error": {"message": "boom"}}')), ProviderError, True, True
    ),
    "a limit with 200": Case(
        sends(http(200, b'{"error": {"message": "slow down", "code": 429}}')),
        RateLimitError,
        True,
        True,
    ),
    "not HTTP": Case(sends(b"SSH-2.0-OpenSSH_9.2\r\n", CLOSE), MalformedReplyError, True, True),
}

EACH = pytest.mark.parametrize("name", CASES)
QUICK: Any = {"retry": {"base": 0.0}, "breaker": False}


def _options(case: Case) -> Any:
    """A silent route needs a deadline; the others must not meet one on a busy machine."""
    silent = case.kind is TimeoutFault
    return QUICK | ({"deadline": {"first_byte": 0.2}} if silent else {})


@pytest.fixture
def up() -> Iterator[Upstream]:
    with upstream() as served:
        yield served


@pytest.fixture
def other() -> Iterator[Upstream]:
    with upstream() as served:
        yield served


def _two(up: Upstream, other: Upstream, **more: Any) -> AsyncSeawall:
    vendors = {"a": {"base_url": up.url}, "b": {"base_url": other.url}}
    models = {"both": {"route": ["a/m", "b/m"], **more.pop("alias", {})}}
    return AsyncSeawall(vendors=vendors, models=models, model="both", **{"ledger": False, **more})


async def _ask(client: AsyncSeawall, stream: bool, **options: Any) -> Reply:
    async with asyncio.timeout(SOON):
        if stream:
            return await client.stream("?", **options).reply()
        return await client.chat("?", **options)


@EACH
@STREAMED
async def test_once(name: str, stream: bool, up: Upstream) -> None:
    """It is asked again unseen, or told at once; and the next call is served."""
    case = CASES[name]
    up.script.append(case.answer)
    client = AsyncSeawall(**up.settings())
    if case.retried:
        reply = await _ask(client, stream, **_options(case))
        assert (reply.text, reply.damaged) == ("Trieste", 0)
        assert reply.usage is not None
        assert reply.usage.total_tokens == 15  # what failed is not billed
        first, second = reply.decision.attempts
        assert first.outcome not in ("finished", "open")
        assert first.reason
        assert (second.outcome, second.wait_reason) == ("finished", "backoff")
    else:
        with pytest.raises(case.kind) as raised:
            await _ask(client, stream, **_options(case))
        assert type(raised.value) is case.kind
        assert len(up.asked) == 1
        assert (await _ask(client, stream, **_options(case))).text == "Trieste"
    assert len(up.asked) == 2
    await client.aclose()


@EACH
@STREAMED
async def test_for_good(name: str, stream: bool, up: Upstream, tmp_path: Path) -> None:
    """The fault is told with its cause and on record, after as many attempts as are allowed."""
    case = CASES[name]
    up.usual = case.answer
    client = AsyncSeawall(**up.settings(ledger={"dir": str(tmp_path)}))
    with pytest.raises(case.kind) as raised:
        await _ask(client, stream, **_options(case))
    fault = raised.value
    assert isinstance(fault, case.kind)
    assert fault.model == "wall/m"
    assert str(fault).startswith("wall/m: ")
    assert fault.delivered is False
    asked = 3 if case.retried else 1
    assert len(up.asked) == len(fault.decision.attempts) == asked
    if name[:3].isdigit():
        assert fault.status == int(name[:3])
    await client.aclose()
    with Ledger.open(tmp_path) as ledger:
        (row,) = ledger.calls()
    assert (row.outcome, row.error_kind, row.attempts) == ("fault", fault.kind, asked)
    assert row.error_message == str(fault)
    assert not row.total_tokens


@EACH
@STREAMED
async def test_with_another_route(
    name: str, stream: bool, up: Upstream, other: Upstream, tmp_path: Path
) -> None:
    """The other route answers where it can help, and is left alone where it cannot."""
    case = CASES[name]
    up.usual = case.answer
    client = _two(up, other, ledger={"dir": str(tmp_path)})
    if case.rerouted:
        reply = await _ask(client, stream, **_options(case))
        assert (reply.text, reply.model) == ("Trieste", "b/m")
        assert reply.usage is not None
        assert reply.usage.total_tokens == 15
    else:
        with pytest.raises(case.kind):
            await _ask(client, stream, **_options(case))
    silent = case.kind is TimeoutFault
    assert len(up.asked) == (3 if case.retried and not silent else 1)
    assert len(other.asked) == int(case.rerouted)
    await client.aclose()
    with Ledger.open(tmp_path) as ledger:
        (row,) = ledger.calls()
    assert row.outcome == ("finished" if case.rerouted else "fault")
    assert row.model == ("b/m" if case.rerouted else "a/m")


def _closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@STREAMED
async def test_a_refused_connection(stream: bool, up: Upstream) -> None:
    dead = f"http://127.0.0.1:{_closed_port()}/v1"
    vendors = {"a": {"base_url": dead}, "b": {"base_url": up.url}}
    client = AsyncSeawall(vendors=vendors, ledger=False)
    with pytest.raises(ConnectionFault, match="refused") as raised:
        await _ask(client, stream, model="a/m", **QUICK)
    assert len(raised.value.decision.attempts) == 3
    reply = await _ask(client, stream, model=["a/m", "b/m"], **QUICK)
    assert reply.model == "b/m"
    await client.aclose()


@STREAMED
async def test_a_context_length_is_not_offered_to_a_smaller_window(
    stream: bool, up: Upstream, other: Upstream
) -> None:
    up.usual = CASES["context length"].answer
    windows = {"a/m": {"window": 8000}, "b/m": {"window": 8000}}
    client = AsyncSeawall(
        vendors={"a": {"base_url": up.url}, "b": {"base_url": other.url}},
        models=windows,
        ledger=False,
    )
    with pytest.raises(ContextLengthError) as raised:
        await _ask(client, stream, model=["a/m", "b/m"])
    (refused,) = raised.value.decision.refused
    assert refused.model == "b/m"
    assert other.asked == []
    await client.aclose()


WAITS = {
    "milliseconds": ({"retry-after-ms": "120", "retry-after": "9"}, 0.12),
    "a fraction": ({"retry-after": "0.15"}, 0.15),
    "seconds": ({"retry-after": "1"}, 1.0),
    "nothing": ({"retry-after": "0"}, 0.0),
}


@pytest.mark.parametrize("name", WAITS)
@STREAMED
async def test_retry_after_is_waited_for(name: str, stream: bool, up: Upstream) -> None:
    headers, seconds = WAITS[name]
    up.script.append(error(429, headers=headers))
    client = AsyncSeawall(**up.settings())
    began = time.monotonic()
    reply = await _ask(client, stream, retry={"base": 60, "cap": 60})
    assert time.monotonic() - began >= seconds
    _, second = reply.decision.attempts
    assert (second.waited, second.wait_reason) == (seconds, "retry-after")
    await client.aclose()


async def test_a_date_is_waited_for_by_the_servers_own_clock(up: Upstream) -> None:
    then = time.time() - 3600  # a server whose clock is an hour behind
    headers = {"date": formatdate(then, usegmt=True), "retry-after": formatdate(then + 1)}
    up.script.append(error(503, headers=headers))
    client = AsyncSeawall(**up.settings())
    reply = await _ask(client, False, retry={"base": 0.0})
    assert reply.decision.attempts[1].waited == 1.0
    await client.aclose()


@pytest.mark.parametrize("value", ["soon", "-1", "", "nan", "Fri, 99 Foo 2026"])
async def test_a_retry_after_that_says_nothing_is_no_wait(value: str, up: Upstream) -> None:
    up.script.append(error(429, headers={"retry-after": value}))
    client = AsyncSeawall(**up.settings())
    reply = await _ask(client, False, retry={"base": 0.0})
    assert reply.decision.attempts[1].wait_reason == "backoff"
    await client.aclose()


@STREAMED
async def test_a_wait_beyond_the_deadline_is_told_at_once(stream: bool, up: Upstream) -> None:
    up.usual = error(429, headers={"retry-after": "3600"})
    client = AsyncSeawall(**up.settings())
    with pytest.raises(RateLimitError) as raised:
        await _ask(client, stream, deadline=30)
    assert raised.value.after == 3600
    assert any("does not fit" in note for note in raised.value.decision.notes)
    assert len(up.asked) == 1
    await client.aclose()


@STREAMED
async def test_a_long_wait_is_left_for_another_route(
    stream: bool, up: Upstream, other: Upstream
) -> None:
    up.usual = error(429, headers={"retry-after": "30"})
    client = _two(up, other)
    assert (await _ask(client, stream)).model == "b/m"
    assert len(up.asked) == 1
    await client.aclose()


BREAKER: Any = {"retry": False, "breaker": {"failures": 3, "cooldown": 0.6}}


@pytest.mark.parametrize("answer", [error(500), sends(RESET), sends(CLOSE)])
@STREAMED
async def test_a_circuit_opens_reroutes_probes_and_closes(
    answer: Answer, stream: bool, up: Upstream, other: Upstream
) -> None:
    up.usual = answer
    client = _two(up, other)
    for _ in range(3):
        assert (await _ask(client, stream, **BREAKER)).model == "b/m"
    for _ in range(2):  # while it is open nobody asks there
        reply = await _ask(client, stream, **BREAKER)
        assert reply.model == "b/m"
        assert "circuit is open" in reply.decision.refused[0].reason
    assert len(up.asked) == 3
    with pytest.raises(CircuitOpenError, match=r"it probes next in 0\.\d+ s") as raised:
        await _ask(client, stream, model="a/m", **BREAKER)
    assert 0 < (raised.value.after or 0) <= 0.6
    await asyncio.sleep(0.6)
    assert (await _ask(client, stream, **BREAKER)).model == "b/m"  # the probe fails
    assert len(up.asked) == 4
    assert (await _ask(client, stream, **BREAKER)).model == "b/m"
    assert len(up.asked) == 4
    await asyncio.sleep(0.6)
    up.usual = whole()
    for _ in range(2):
        assert (await _ask(client, stream, **BREAKER)).model == "a/m"
    await client.aclose()


@STREAMED
async def test_the_configured_reply_stands_in_for_an_outage_only(
    stream: bool, up: Upstream, other: Upstream
) -> None:
    client = _two(up, other, alias={"fallback_reply": "Back soon."})
    up.usual = other.usual = error(503)
    for _ in range(4):  # at last both circuits are open
        reply = await _ask(client, stream, **BREAKER)
        assert (reply.text, reply.model, reply.canned) == ("Back soon.", "", True)
        assert reply.usage is None
    assert (len(up.asked), len(other.asked)) == (3, 3)
    up.usual = error(400)
    with pytest.raises(BadRequestError):
        await _ask(client, stream, retry=False, breaker=False)
    await client.aclose()


async def test_two_hundred_calls_against_a_dead_provider_make_no_storm(up: Upstream) -> None:
    up.usual = error(500)
    client = AsyncSeawall(**up.settings())
    options: Any = {"retry": {"base": 0.0}, "breaker": False}
    results = await asyncio.gather(
        *[client.chat("?", **options) for _ in range(200)], return_exceptions=True
    )
    assert all(type(result) is ProviderError for result in results)
    assert 200 <= len(up.asked) <= 200 + 10 + 40  # the allowance, and 20 % of the calls
    await client.aclose()


async def test_the_attempts_left_and_the_deadline_travel(up: Upstream) -> None:
    up.usual = error(500)
    client = AsyncSeawall(**up.settings())
    with pytest.raises(ProviderError):
        await _ask(client, False, retry={"base": 0.05}, deadline=30)
    left = [int(asked.headers["x-seawall-attempts-left"]) for asked in up.asked]
    assert left == [3, 2, 1]
    millis = [int(asked.headers["x-seawall-deadline-ms"]) for asked in up.asked]
    assert 30_000 >= millis[0] >= millis[1] >= millis[2] > 20_000
    await client.aclose()
