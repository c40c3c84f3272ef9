"""What fails at each step: asked again where that is safe, never submitted twice, never lost."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from batches_provider import HOLD, provider
from batches_world import MODELS, REQUESTS, settings

from seawall import AsyncSeawall
from seawall.errors import (
    AuthenticationError,
    ProviderError,
    RateLimitError,
    TimeoutFault,
    UnknownSubmissionError,
)
from seawall.framing.jsonl import Lines
from seawall.server.messages import Break, Head, Request, Step
from seawall.sinks import Ledger

SUBMIT = {
    "openai": r"POST /v1/batches$",
    "anthropic": r"POST /v1/messages/batches$",
    "gemini": r"POST .*:batchGenerateContent",
    "mistral": r"POST /v1/batch/jobs$",
}
RESULTS = {
    "openai": r"GET /v1/files/\S+output/content",
    "anthropic": r"GET /v1/messages/batches/\S+/results",
    "mistral": r"GET /v1/files/\S+output/content",
}
WHERE = {
    "openai": "/v1/files/{}-output/content",
    "anthropic": "/v1/messages/batches/{}/results",
    "mistral": "/v1/files/{}-output/content",
}
BUSY = (Head(429, (("retry-after-ms", "1"),)), b'{"error":{"message":"slow down"}}')
BROKEN = (Head(500), b'{"error":{"message":"oops"}}')
FAULTS = {"busy": BUSY, "broken": BROKEN, "reset": (Break.RESET,), "closed": (Break.CLOSE,)}


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_upload_is_sent_again(fault: str, tmp_path: Path) -> None:
    with provider() as app:
        app.once("POST /v1/files", *FAULTS[fault])
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            batch = await client.batch(REQUESTS, model=MODELS["openai"])
            assert await batch.wait(20, first=0.01) == "completed"
        assert len(app.of("POST /v1/files")) == 2
        assert len(app.batches) == 1


@pytest.mark.parametrize("api", SUBMIT)
async def test_a_submission_that_was_refused_for_now_is_made_again(
    api: str, tmp_path: Path
) -> None:
    with provider() as app:
        app.once(SUBMIT[api], *BUSY)
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            batch = await client.batch(REQUESTS, model=MODELS[api])
            assert batch.id in app.batches
        assert len(app.of(SUBMIT[api])) == 2


@pytest.mark.parametrize("fault", ["broken", "reset", "closed", "silent", "garbage"])
@pytest.mark.parametrize("api", SUBMIT)
async def test_a_submission_whose_answer_was_lost_is_found_and_not_made_again(
    api: str, fault: str, tmp_path: Path
) -> None:
    steps: dict[str, tuple[Step, ...]] = {
        "silent": (HOLD,),
        "garbage": (Head(200), b"{]"),
        **FAULTS,
    }
    with provider() as app:
        app.once(SUBMIT[api], *steps[fault], after=True)
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            app.add(api, "other", "b-another", {"x": 1, "y": 2})
            deadline = {"first_byte": 0.3} if fault == "silent" else {}
            batch = await client.batch(REQUESTS, model=MODELS[api], deadline=deadline)
            assert batch.id in app.batches
            assert len(app.of(SUBMIT[api])) == 1
            assert any("found again" in note for note in batch.notes)
            assert await batch.wait(20, first=0.01) == "completed"
            assert sorted([item.id async for item in batch.results()]) == ["a", "b", "c"]


@pytest.mark.parametrize("api", SUBMIT)
async def test_a_submission_that_is_not_found_is_unknown_until_it_is(
    api: str, tmp_path: Path
) -> None:
    with provider() as app:
        app.once(SUBMIT[api], *BROKEN)
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            with pytest.raises(UnknownSubmissionError, match="oops") as caught:
                await client.batch(REQUESTS, model=MODELS[api])
        assert len(app.of(SUBMIT[api])) == 1
        assert not caught.value.retry
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            batch = client.batch_of(caught.value.handle)
            assert batch.state == "unknown"
            with pytest.raises(TimeoutFault, match="did not end within"):
                await batch.wait(0.1, first=0.01)
            assert batch.state == "unknown"
            # The list of batches was behind.
            lines = {id: {} for id in REQUESTS}
            late = app.add(api, MODELS[api].partition("/")[2], batch.handle, lines)
            assert await batch.wait(20, first=0.01) == "completed"
            assert batch.id == late.id
        assert len(app.of(SUBMIT[api])) == 1


async def test_of_two_that_fit_none_is_taken_where_batches_have_no_mark(tmp_path: Path) -> None:
    with provider() as app:
        app.once(SUBMIT["anthropic"], *BROKEN, after=True)
        lines = {id: {} for id in "xyz"}
        app.add("anthropic", "m", "", lines)
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            with pytest.raises(UnknownSubmissionError):
                await client.batch(REQUESTS, model=MODELS["anthropic"])


async def test_a_batch_that_only_looked_like_ours_is_told_by_its_ids(tmp_path: Path) -> None:
    with provider() as app:
        app.once(SUBMIT["anthropic"], *BROKEN)
        app.add("anthropic", "m", "", {id: {} for id in "xyz"})
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            batch = await client.batch(REQUESTS, model=MODELS["anthropic"])
            assert any("time and size" in note for note in batch.notes)
            await batch.wait(20, first=0.01)
            found = [item async for item in batch.results()]
        assert {getattr(item.fault, "code", None) for item in found} == {"missing"}
        assert any("'x', which was not asked" in note for note in batch.notes)


@pytest.mark.parametrize("opens", [False, True])
async def test_polls_go_on_through_faults_and_wait_as_long_as_they_are_told(
    opens: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    with provider() as app:
        app.pending = 0
        app.once(r"GET /v1/batches/", *BROKEN, times=7)
        breaker = {"failures": 3, "ratio": 0.1, "cooldown": 0.05} if opens else False
        more = {"breaker": breaker, "retry": {"attempts": 2, "base": 0.001, "budget": 100}}
        world = settings(app, tmp_path, defaults=more)
        async with AsyncSeawall(**world) as client:
            batch = await client.batch(REQUESTS, model=MODELS["openai"])
            assert await batch.wait(20, first=0.01) == "completed"
            assert any("a look at the batch failed" in note for note in batch.notes)
        app.once(r"GET /v1/batches/", Head(401), b'{"error":{"message":"who?"}}')
        async with AsyncSeawall(**world) as client:
            batch = await client.batch(REQUESTS, model=MODELS["openai"])
            with pytest.raises(AuthenticationError):
                await batch.wait(20, first=0.01)
        app.once(r"GET /v1/batches/", Head(429, (("retry-after", "3600"),)), b"{}", times=9)
        async with AsyncSeawall(**world) as client:
            batch = await client.batch(REQUESTS, model=MODELS["openai"])
            asked = len(app.of(r"GET /v1/batches/"))
            with pytest.raises((TimeoutFault, RateLimitError)):
                await batch.wait(0.2, first=0.01)
            assert len(app.of(r"GET /v1/batches/")) == asked + 1


@pytest.mark.parametrize("api", RESULTS)
async def test_results_that_break_off_are_read_again_and_told_once(
    api: str, tmp_path: Path
) -> None:
    with provider() as app:
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            batch = await client.batch(REQUESTS, model=MODELS[api])
            await batch.wait(20, first=0.01)
            head, body = app.answer(Request(method="GET", target=WHERE[api].format(batch.id)))
            assert isinstance(body, bytes)
            cut = body[: len(body) // 2]
            app.once(RESULTS[api], head, cut, Break.RESET)
            app.once(RESULTS[api], head, cut)  # an end that no length tells from a real one
            found = [item async for item in batch.results()]
        assert sorted(item.id for item in found) == ["a", "b", "c"]
        assert {item.fault for item in found} == {None}
        assert len(app.of(RESULTS[api])) == 3
    with Ledger.open(tmp_path) as ledger:
        assert len(list(ledger.calls())) == 3


async def test_results_that_cannot_be_had_are_asked_for_as_often_as_anything(
    tmp_path: Path,
) -> None:
    with provider() as app:
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            batch = await client.batch(REQUESTS, model=MODELS["openai"])
            await batch.wait(20, first=0.01)
            app.once(RESULTS["openai"], *BROKEN, times=9)
            with pytest.raises(ProviderError, match="oops"):
                _ = [item async for item in batch.results()]
        assert len(app.of(RESULTS["openai"])) == 3


@pytest.mark.parametrize("api", RESULTS)
async def test_lines_that_say_nothing_hold_up_no_other(api: str, tmp_path: Path) -> None:
    with provider() as app:
        name = "custom_id"
        ok = b'"response":{"status_code":200,"body":{"choices":[]}},"result":{"type":"expired"}'
        app.before = b'{"torn": \n\n\xff\xfe\n[]\n{%b}\n{"%b":"zz",%b}\n' % (ok, name.encode(), ok)
        app.tail = b'{"custom_id": "a", "resp'
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            batch = await client.batch(REQUESTS, model=MODELS[api])
            await batch.wait(20, first=0.01)
            found = [item async for item in batch.results()]
        assert sorted(item.id for item in found) == ["a", "b", "c"]
        assert {item.fault for item in found} == {None}
        told = "\n".join(batch.notes)
        for words in ("unreadable line", "without an id", "'zz', which was not asked", "cut off"):
            assert words in told


def test_lines_are_cut_anywhere_and_huge_ones_passed_over() -> None:
    body = b"one\n\ntwo\r\n" + b"x" * 50 + b"\nthree\n" + b"y" * 50 + b"\nlast"
    for size in (1, 2, 7, 64, 1000):
        lines = Lines(limit=20)
        found: list[bytes] = []
        for start in range(0, len(body), size):
            found += lines.feed(body[start : start + size])
        assert [*found, *lines.end()] == [b"one", b"two\r", b"three", b"last"]
        assert lines.oversized == 2


async def test_a_second_answer_to_a_request_is_told_and_not_billed(tmp_path: Path) -> None:
    with provider() as app:
        line = b'{"custom_id":"a","response":{"status_code":400,"body":{"error":"later"}}}\n'
        app.tail = line
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            batch = await client.batch(REQUESTS, model=MODELS["openai"])
            await batch.wait(20, first=0.01)
            found = [item async for item in batch.results()]
        assert len(found) == 3
        assert {item.fault for item in found} == {None}
        assert any("second answer to 'a'" in note for note in batch.notes)


async def test_giving_up_the_results_closes_the_connection(tmp_path: Path) -> None:
    with provider() as app:
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            batch = await client.batch(REQUESTS, model=MODELS["openai"])
            await batch.wait(20, first=0.01)
            results = batch.results()
            first = await anext(results)
            await results.aclose()
            assert first.fault is None
            async with asyncio.timeout(10):
                assert len([item async for item in batch.results()]) == 3
