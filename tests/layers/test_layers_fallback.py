"""Fallback: which fault of which route lets which other route try, and what is told of it."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
import pytest
from layers_world import Answer, World, error, events, finish, piece, whole

from seawall import (
    BadRequestError,
    ConfigError,
    ContentFilterError,
    ContextLengthError,
    Fault,
    OverloadedError,
    UnsupportedError,
)
from seawall import errors as e

CONTEXT = error(400, "This model's maximum context length is 8192 tokens")
FILTER = error(400, "The response was filtered: content management policy", code="content_filter")
HTML = Answer(headers={"content-type": "text/html"}, steps=(b"<html>hello</html>",))
JSON = {"content-type": "application/json"}
PRICES = {"price": {"input": "1.00", "output": "2.00"}}


@pytest.mark.parametrize(
    ("answer", "kind", "asked"),
    [
        (error(401), "authentication", 1),
        (error(403), "permission_denied", 1),
        (error(404), "not_found", 1),
        (error(402), "quota_exceeded", 1),
        (error(429, "insufficient_quota"), "quota_exceeded", 1),
        (error(408), "provider_error", 3),
        (error(409), "conflict", 3),
        (error(425), "provider_error", 3),
        (error(429), "rate_limit", 3),
        (error(429, headers={"retry-after": "60"}), "rate_limit", 1),
        (error(500), "provider_error", 3),
        (error(502), "provider_error", 3),
        (error(503), "overloaded", 3),
        (error(503, headers={"x-should-retry": "false"}), "overloaded", 1),
        (error(504), "provider_error", 3),
        (error(529), "overloaded", 3),
        (error(302), "provider_error", 1),
        (HTML, "malformed_reply", 3),
        (Answer(steps=(b'{"choices": [',)), "malformed_reply", 3),
        (Answer(steps=(b"",)), "malformed_reply", 3),
        (Answer(steps=(b'{"error": {"message": "boom"}}',)), "provider_error", 3),
        (Answer(fault=e.ConnectionFault), "connection", 3),
        (Answer(steps=(b"{", e.ConnectionFault("reset"))), "connection", 3),
        (Answer(fault=lambda: e.TimeoutFault("connect", 1)), "timeout", 1),
        (Answer(after=1e6), "timeout", 1),
        (Answer(steps=(b"{", 1e6)), "timeout", 1),
    ],
)
async def test_another_route_takes_over(answer: Answer, kind: str, asked: int) -> None:
    if isinstance(answer.fault, type):
        answer = msgspec.structs.replace(answer, fault=answer.fault("reset"))
    elif callable(answer.fault):
        answer = msgspec.structs.replace(answer, fault=answer.fault())
    world = World(a=answer, b=whole("from b"))
    reply = await world.ask(breaker=False)
    assert (reply.text, reply.model) == ("from b", "b/m")
    assert [attempt.outcome for attempt in reply.decision.attempts] == [kind] * asked + ["finished"]
    assert all(attempt.reason for attempt in reply.decision.attempts[:-1])
    assert reply.usage is not None
    assert reply.usage.total_tokens == 15  # of b alone


@pytest.mark.parametrize(
    "answer",
    [
        events(b'data: {"error": {"message": "overloaded", "type": "overloaded_error"}}\n\n'),
        events(piece(role="assistant"), b'data: {"error": {"message": "boom"}}\n\n'),
        events(piece(role="assistant"), e.ConnectionFault("reset")),
        events(piece(role="assistant")),
        events(b": keep-alive\n\n", 1e6),
        events(b"data: {]\n\n", finish()),
        events(b"data: [DONE]\n\n"),
        events(),
        HTML,
        error(503),
    ],
)
async def test_another_route_takes_over_a_stream_that_has_told_nothing(answer: Answer) -> None:
    world = World(a=answer, b=events(piece("from "), piece("b"), finish()))
    stream = world.client().stream("?", breaker=False)
    reply = await world.clock.run(stream.reply())
    assert (reply.text, reply.model, reply.damaged) == ("from b", "b/m", 0)
    assert reply.usage is not None
    assert reply.usage.total_tokens == 15
    assert {asked.ended for asked in world.asked if asked.vendor == "a"} <= {
        "aborted",
        "released",
        "read",
    }


@pytest.mark.parametrize("status", [400, 413, 422, 405, 415])
async def test_a_question_the_first_route_calls_bad_is_bad(status: int) -> None:
    world = World(a=error(status, "temperature must be at most 2"), b=whole())
    with pytest.raises(BadRequestError, match="temperature must be at most 2") as raised:
        await world.ask()
    assert [asked.vendor for asked in world.asked] == ["a"]
    (refused,) = raised.value.decision.refused
    assert (refused.model, refused.reason) == ("b/m", "cannot help with bad_request of a/m")


async def test_a_question_only_a_later_route_calls_bad_masks_nothing() -> None:
    world = World(a=error(503), b=error(400, "unknown parameter"), c=whole("from c"))
    reply = await world.ask()
    assert reply.model == "c/m"
    world = World(a=error(503, "down"), b=error(400, "unknown parameter"))
    with pytest.raises(OverloadedError, match=r"a/m: down") as raised:
        await world.ask()
    assert raised.value.__notes__ == ["also tried b/m: unknown parameter (HTTP 400)"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("windows", "asked"),
    [
        ((8192, 4096, 8192), ["a"]),
        ((8192, 4096, 16384), ["a", "c"]),
        ((8192, 16384, 4096), ["a", "b"]),
        ((8192, None, None), ["a", "b"]),
        ((None, 100, 100), ["a", "b"]),
    ],
)
async def test_a_long_question_goes_where_it_may_fit(
    windows: tuple[int | None, ...], asked: list[str], stream: bool
) -> None:
    good = events(piece("fits"), finish()) if stream else whole("fits")
    world = World(a=CONTEXT, b=good, c=good)
    models = {
        f"{name}/m": {"window": window}
        for name, window in zip("abc", windows, strict=True)
        if window
    }
    client = world.client(models=models)
    ask = client.stream("?").reply() if stream else client.chat("?")
    if len(asked) == 1:
        with pytest.raises(ContextLengthError):
            await world.clock.run(ask)
    else:
        assert (await world.clock.run(ask)).model == f"{asked[-1]}/m"
    assert [each.vendor for each in world.asked] == asked


async def test_a_long_question_never_goes_back_to_a_small_window() -> None:
    world = World(a=CONTEXT, b=error(503), c=whole())
    windows = {"a/m": 8192, "b/m": 16384, "c/m": 4096}
    client = world.client(models={name: {"window": size} for name, size in windows.items()})
    with pytest.raises(ContextLengthError):
        await world.clock.run(client.chat("?", retry=False))
    assert [asked.vendor for asked in world.asked] == ["a", "b"]


@pytest.mark.parametrize(
    "script", [{"a": FILTER, "b": whole()}, {"a": error(503), "b": FILTER, "c": whole()}]
)
async def test_a_content_filter_stops_and_says_why(script: Any) -> None:
    world = World(**script)
    with pytest.raises(ContentFilterError, match="content management policy") as raised:
        await world.ask(retry=False)
    assert world.asked[-1].vendor == ("b" if "c" in script else "a")
    assert raised.value.code == "content_filter"
    if "c" in script:
        assert raised.value.__notes__ == ["also tried a/m: no (HTTP 503)"]


@pytest.mark.parametrize(("status", "loud"), [(401, True), (403, True), (404, False)])
async def test_a_rejected_key_is_an_alarm(
    status: int, loud: bool, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(a=error(status, "bad key"), b=whole())
    with caplog.at_level(logging.ERROR, "seawall"):
        reply = await world.ask()
    assert ("check the key of this vendor" in caplog.text) is loud
    assert any(note.startswith("alarm: a/m: bad key") for note in reply.decision.notes) is loud


async def test_a_route_without_its_key_is_left_out_and_the_record_says_why() -> None:
    world = World(a=whole(), b=whole("from b"), c=whole())
    client = world.client(vendors={"a": {"key": "${NO_SUCH_KEY}"}, "c": {"key": "${NOR_THIS}"}})
    reply = await world.clock.run(client.chat("?"))
    assert reply.model == "b/m"
    assert reply.decision.candidates == ["b/m"]
    assert [refused.model for refused in reply.decision.refused] == ["a/m", "c/m"]
    assert "Set NO_SUCH_KEY in the environment" in reply.decision.refused[0].reason


async def test_without_any_key_the_error_names_the_first() -> None:
    world = World(a=whole(), b=whole())
    client = world.client(vendors={"a": {"key": "${NO_KEY_A}"}, "b": {"key": "${NO_KEY_B}"}})
    with pytest.raises(ConfigError, match="NO_KEY_A"):
        await world.clock.run(client.chat("?"))
    assert world.asked == []


async def test_what_a_route_cannot_say_is_not_sent_to_it() -> None:
    world = World(a=whole(), b=whole("from b"))
    client = world.client(vendors={"a": {"quirks": {"unsupported": ["seed"]}}})
    reply = await world.clock.run(client.chat("?", seed=1))
    assert reply.model == "b/m"
    assert world.times("a") == []
    assert reply.decision.attempts[0].model == "b/m"
    assert "seed is not accepted" in reply.decision.refused[0].reason
    with pytest.raises(UnsupportedError, match=r"^a/m: seed"):
        await world.clock.run(client.chat("?", seed=1, model="a/m"))


async def test_when_all_fail_the_first_real_fault_is_raised_and_the_others_are_told() -> None:
    world = World(a=error(503, "a is down"), b=error(404, "no such model"), c=error(401, "bad key"))
    with pytest.raises(OverloadedError, match=r"^a/m: a is down \(HTTP 503\)") as raised:
        await world.ask(retry=False)
    assert raised.value.__notes__ == [
        "also tried b/m: no such model (HTTP 404)",
        "also tried c/m: bad key (HTTP 401)",
    ]
    assert raised.value.model == "a/m"
    assert [a.status for a in raised.value.decision.attempts] == [503, 404, 401]


async def test_a_refusal_of_ours_does_not_mask_a_providers_fault() -> None:
    world = World(a=whole(), b=error(503, "b is down"))
    client = world.client(vendors={"a": {"quirks": {"unsupported": ["seed"]}}})
    with pytest.raises(OverloadedError, match="b is down"):
        await world.clock.run(client.chat("?", seed=1, retry=False))


async def test_the_record_of_a_call_is_complete_and_writes_as_json() -> None:
    world = World(
        a=[error(429, "slow down", headers={"retry-after": "3", "x-request-id": "req_1"})],
        b=[
            error(500, after=2.0),
            whole("from b", after=1.5, headers=JSON | {"request-id": "req_2"}),
        ],
        c=whole(),
    )
    client = world.client(models={"b/m": PRICES})
    reply = await world.clock.run(client.chat("?", retry={"attempts": 2, "base": 0}))
    record = msgspec.json.decode(msgspec.json.encode(reply.decision))
    assert record["candidates"] == ["a/m", "b/m", "c/m"]
    assert record["attempts"] == [
        {
            "n": 1,
            "model": "a/m",
            "at": 0.0,
            "waited": 0.0,
            "status": 429,
            "took": 0.0,
            "outcome": "rate_limit",
            "reason": "a/m: slow down (HTTP 429)",
            "request_id": "req_1",
        },
        {
            "n": 2,
            "model": "a/m",
            "at": 3.0,
            "waited": 3.0,
            "wait_reason": "retry-after",
            "status": 429,
            "took": 0.0,
            "outcome": "rate_limit",
            "reason": "a/m: slow down (HTTP 429)",
            "request_id": "req_1",
        },
        {
            "n": 3,
            "model": "b/m",
            "at": 3.0,
            "waited": 0.0,
            "status": 500,
            "took": 2.0,
            "outcome": "provider_error",
            "reason": "b/m: no (HTTP 500)",
        },
        {
            "n": 4,
            "model": "b/m",
            "at": 5.0,
            "waited": 0.0,
            "wait_reason": "backoff",
            "status": 200,
            "first_token": 1.5,
            "took": 1.5,
            "outcome": "finished",
            "request_id": "req_2",
        },
    ]
    assert record["notes"] == ["a/m: all 2 attempts are spent"]
    assert reply.cost == 12 * 1000 + 3 * 2000


@pytest.mark.parametrize(
    ("script", "given"),
    [
        ({"a": error(503), "b": error(404)}, True),
        ({"a": error(401)}, True),
        ({"a": error(429, headers={"retry-after": "9999"})}, True),
        ({"a": Answer(after=1e6)}, True),
        ({"a": error(400)}, False),
        ({"a": CONTEXT}, False),
        ({"a": error(503), "b": CONTEXT}, False),
        ({"a": FILTER}, False),
        ({"a": error(503), "b": FILTER}, False),
    ],
)
async def test_the_configured_reply_is_for_outages_alone(script: Any, given: bool) -> None:
    world = World(**script)
    client = world.client(models={"all": {"fallback_reply": "Back soon."}})
    ask = client.chat("?", retry=False, deadline=30)
    if not given:
        with pytest.raises(Fault):
            await world.clock.run(ask)
        return
    reply = await world.clock.run(ask)
    assert (reply.text, reply.canned, reply.model) == ("Back soon.", True, "")
    assert (reply.usage, reply.cost) == (None, None)
    assert any("fallback reply was given: a/m" in note for note in reply.decision.notes)


async def test_an_alias_of_aliases_is_one_chain_and_asks_nobody_twice() -> None:
    world = World(a=error(404, "a"), b=error(404, "b"), c=error(404, "c"))
    models = {"fast": {"route": ["b/m", "c/m"]}, "smart": {"route": ["a/m", "fast", "a/m", "b/m"]}}
    client = world.client(models=models)
    for model in ("smart", ["a/m", "fast"], ("a/m", "b/m", "c/m", "smart")):
        world.asked.clear()
        with pytest.raises(Fault):
            await world.clock.run(client.chat("?", model=model))
        assert [asked.vendor for asked in world.asked] == ["a", "b", "c"]


async def test_re_asks_do_not_repeat_themselves_in_the_record() -> None:
    world = World(a=whole("no JSON"), b=whole())
    client = world.client(vendors={"b": {"key": "${NO_SUCH_KEY}"}})
    with pytest.raises(e.OutputError) as raised:
        await world.clock.run(client.chat("?", output=list[int], reasks=3))
    assert len(world.asked) == 4
    assert [refused.model for refused in raised.value.decision.refused] == ["b/m"]
    assert raised.value.model == "a/m"


async def test_what_only_another_dialect_knows_is_said_to_stay_behind() -> None:
    world = World(a=whole())
    extra = {"cohere": {"documents": ["a fact"]}, "openai_chat": {"service_tier": "flex"}}
    reply = await world.clock.run(world.client().chat("?", extra=extra))
    assert reply.decision.notes == ["a/m is not told documents, which only cohere knows"]
