"""Streams that are cut and taken up again, on a virtual clock: by whom, how, and to what end."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recovery_world import How, Model, World, refusal

from seawall import (
    AsyncSeawall,
    ContentFilterError,
    Fault,
    MalformedReplyError,
    Reply,
    StreamCutError,
    TimeoutFault,
)
from seawall.folding import fold
from seawall.sinks import Ledger
from seawall.types import Metered

PIECES = ("The ", "harbour ", "of ", "Trieste ", "lies ", "in ", "the ", "Adriatic.")
TEXT = "".join(PIECES)
OTHER = ("In ", "the ", "Adriatic ", "lies ", "Trieste.")
EVENTS = range(1, len(PIECES) + 2)
"""After each of these a stream may break off: the role, the pieces, not the finish."""

HOW: tuple[How, ...] = ("close", "reset", "stall", "error", "mark")


def cut(after: int, how: How = "close", **more: Any) -> Model:
    return Model(pieces=PIECES, cut=after, how=how, **more)


def whole(**more: Any) -> Model:
    return Model(pieces=PIECES, **more)


def given_out(after: int) -> str:
    """The text of the first ``after`` events."""
    return "".join(PIECES[: max(0, after - 1)])


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("after", EVENTS)
async def test_a_model_that_takes_a_begun_answer_is_shown_it(after: int, how: How) -> None:
    world = World(a=cut(after, how), b=whole(), prefill=["b"])
    text, reply = await world.tell(deadline={"first_token": 5, "idle": 5})
    assert isinstance(reply, Reply)
    assert (text, reply.text, reply.finish_reason) == (TEXT, TEXT, "stop")
    assert (reply.model, reply.damaged) == ("b/m", 0)
    if after == 1:
        # Nothing was given out, so b was asked as ever (or a again, which may stay silent).
        assert reply.resumed == ()
    elif after < len(PIECES) + 1:
        assert [heard.shown for heard in world.heard] == [None, given_out(after)]
        assert [(r.model, r.offset, r.by) for r in reply.resumed] == [
            ("b/m", len(given_out(after)), "prefill")
        ]
    else:
        # Shown the whole text it adds nothing, which may mean anything: it is asked anew.
        assert [heard.shown for heard in world.heard] == [None, TEXT, None]
        assert reply.resumed[0].by == "repeat"


SHOWN = {
    # How b takes a begun answer, and how often it is asked.
    "repeats it": ("echo", {"b": True}, ["a", "b", "b"], "repeat"),
    "repeats it, as its row says": ("echo", {"b": {"echo": True}}, ["a", "b"], "prefill"),
    "does not, as its row says": ("continue", {"b": {"echo": True}}, ["a", "b", "b"], "repeat"),
    "refuses it": ("refuse", {"b": True}, ["a", "b", "b"], "repeat"),
    "trims it": ("trim", {"b": True}, ["a", "b", "b"], "repeat"),
    "says nothing": ("silent", {"b": True}, ["a", "b", "b"], "repeat"),
    "is not to be shown one": ("echo", {}, ["a", "b"], "repeat"),
}


@pytest.mark.parametrize("after", EVENTS[1:])
@pytest.mark.parametrize("name", SHOWN)
async def test_a_model_that_takes_it_otherwise_is_asked_anew(name: str, after: int) -> None:
    taken, prefill, asked, by = SHOWN[name]
    world = World(a=cut(after), b=whole(prefilled=taken), prefill=prefill)
    text, reply = await world.tell()
    assert isinstance(reply, Reply), reply
    assert (text, reply.text) == (TEXT, TEXT)
    assert world.names() == asked
    assert [(r.model, r.offset, r.by) for r in reply.resumed] == [
        ("b/m", len(given_out(after)), by)
    ]


@pytest.mark.parametrize("after", EVENTS[1:])
@pytest.mark.parametrize("prefilled", ["refuse", "silent", None])
async def test_another_answer_is_never_spliced_on(prefilled: Any, after: int) -> None:
    b = Model(pieces=OTHER, prefilled=prefilled or "continue")
    world = World(a=cut(after), b=b, prefill=[] if prefilled is None else ["b"])
    text, fault = await world.tell(retry={"attempts": 1})
    assert isinstance(fault, StreamCutError)
    assert (text, fault.model, fault.delivered) == (given_out(after), "a/m", True)
    notes = getattr(fault, "__notes__", [])
    assert "b/m did not go on (asked anew): its answer differs" in notes[-2]
    assert notes[-1].startswith("the stream was not resumed")
    assert set(notes) <= set(fault.decision.notes)
    assert fault.decision.resumed == []


async def test_after_another_answer_only_one_that_is_shown_the_text_is_asked() -> None:
    models: dict[str, Any] = {"b": Model(pieces=OTHER), "c": Model(pieces=OTHER), "d": whole()}
    world = World(a=cut(3), **models, prefill=["d"])
    text, reply = await world.tell()
    assert (text, world.names()) == (TEXT, ["a", "b", "d"])
    assert isinstance(reply, Reply)


@pytest.mark.parametrize("status", [400, 422])
async def test_a_refusal_of_the_begun_answer_is_not_what_is_told(status: int) -> None:
    world = World(a=cut(3, "stall"), b=refusal(status), prefill=["b"])
    _, fault = await world.tell(deadline={"idle": 5})
    assert isinstance(fault, TimeoutFault)
    assert (fault.phase, fault.model, fault.delivered) == ("idle", "a/m", True)
    assert world.names() == ["a", "b", "b"]
    assert [heard.shown for heard in world.heard] == [None, "The harbour ", None]
    assert [attempt.status for attempt in fault.decision.attempts] == [200, status, status]


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
async def test_a_route_that_fails_otherwise_makes_way_for_the_next(status: int) -> None:
    world = World(a=cut(3), b=refusal(status), c=whole(), prefill=["b", "c"])
    text, reply = await world.tell(retry={"attempts": 1})
    assert isinstance(reply, Reply)
    assert (text, world.names(), reply.model) == (TEXT, ["a", "b", "c"], "c/m")


async def test_when_all_fail_the_cut_is_told_and_the_rest_recorded() -> None:
    world = World(a=cut(3, "stall"), b=refusal(503), c=cut(1, "reset"), prefill=["b", "c"])
    text, fault = await world.tell(
        retry={"attempts": 1}, deadline={"idle": 5}, fallback_reply="We are having trouble."
    )
    assert isinstance(fault, TimeoutFault)
    assert (text, fault.model) == ("The harbour ", "a/m")
    outcomes = [(a.model, a.outcome) for a in fault.decision.attempts]
    assert outcomes == [("a/m", "cut"), ("b/m", "overloaded"), ("c/m", "stream_cut")]
    assert len([note for note in fault.__notes__ if "did not go on" in note]) == 2


@pytest.mark.parametrize("how", HOW)
async def test_the_only_route_is_asked_again_unless_it_was_silent(how: How) -> None:
    world = World(a=[cut(4, how), whole()])
    text, end = await world.tell(deadline={"idle": 5})
    if how == "stall":
        assert isinstance(end, TimeoutFault)
        assert (text, world.names()) == (given_out(4), ["a"])
    else:
        assert (text, world.names()) == (TEXT, ["a", "a"])
        assert isinstance(end, Reply)
        assert end.resumed[0].model == "a/m"


async def test_the_same_route_waits_its_turn_and_stays_inside_the_retry_policy() -> None:
    world = World(a=[cut(3), cut(5), cut(6), whole()])
    client = world.client(defaults={"retry": {"attempts": 3, "base": 8.0, "cap": 8.0}})
    text, fault = await world.tell(client)
    assert isinstance(fault, StreamCutError)
    assert (text, world.names()) == (given_out(6), ["a", "a", "a"])
    waits = [attempt.waited for attempt in fault.decision.attempts]
    assert waits[0] == 0.0
    assert 0 < waits[1] <= 8.0
    assert fault.decision.attempts[1].wait_reason == "backoff"
    assert world.heard[1].at == pytest.approx(waits[1], abs=1e-6)

    world = World(a=[cut(3), whole()])
    _, fault = await world.tell(retry=False)
    assert isinstance(fault, StreamCutError)
    world = World(a=[cut(3), whole()])
    _, fault = await world.tell(retry={"attempts": 3, "budget": 0, "allowance": 0})
    assert "budget" in str(getattr(fault, "__notes__", None))
    world = World(a=[cut(3), whole()])
    _, fault = await world.tell(retry={"attempts": 3, "base": 9e9, "cap": 9e9}, deadline=5)
    assert "does not fit" in str(getattr(fault, "__notes__", None))


async def test_an_answer_may_be_cut_more_than_once() -> None:
    world = World(a=[cut(3), whole()], b=cut(3, "reset"), c=cut(2), prefill=["b", "c", "a"])
    text, reply = await world.tell()
    assert isinstance(reply, Reply)
    # Those never asked go first, then the one that was cut first.
    assert (text, world.names()) == (TEXT, ["a", "b", "c", "a"])
    assert [(r.model, r.offset) for r in reply.resumed] == [
        ("b/m", len(given_out(3))),
        ("c/m", len(given_out(5))),
        ("a/m", len(given_out(6))),
    ]


async def test_a_route_that_stalled_is_not_asked_again() -> None:
    world = World(a=cut(3, "stall"), b=cut(3), prefill=["b"])
    text, fault = await world.tell(deadline={"idle": 5})
    # b alone is left; it goes on three times as the retry policy allows.
    assert isinstance(fault, StreamCutError)
    assert (world.names(), fault.model) == (["a", "b", "b", "b"], "b/m")
    assert text == given_out(3 + 3 * 2)


async def test_the_total_deadline_and_the_granted_attempts_bound_it() -> None:
    world = World(a=cut(3, "stall"), b=whole(pause=3.0), prefill=["b"])
    text, fault = await world.tell(deadline={"idle": 5, "total": 9})
    assert isinstance(fault, TimeoutFault)
    assert world.clock.now() == pytest.approx(9)
    assert TEXT.startswith(text)
    world = World(a=cut(3, "stall"), b=whole())
    _, fault = await world.tell(deadline={"idle": 50, "total": 9})
    assert isinstance(fault, TimeoutFault)
    assert (fault.phase, world.names()) == ("total", ["a"])
    world = World(a=cut(3), b=whole())
    _, fault = await world.tell(inherited={"x-seawall-attempts-left": "1"})
    assert isinstance(fault, StreamCutError)
    assert "attempts granted" in fault.__notes__[-1]
    world = World(a=cut(3), b=whole())
    _, reply = await world.tell(inherited={"x-seawall-attempts-left": "2"})
    assert isinstance(reply, Reply)
    assert world.heard[1].headers["x-seawall-attempts-left"] == "1"


CALL = {"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f", "arguments": "{"}}]}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
MORE: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a tool call": ({"deltas": [{"content": "I "}, CALL]}, {}, "tool_call"),
    "reasoning": ({"deltas": [{"reasoning_content": "hm"}]}, {}, "reasoning"),
    "a refusal": ({"deltas": [{"content": "I "}, {"refusal": "no"}]}, {}, "refusal"),
    "audio": ({"deltas": [{"audio": {"data": "xx"}}]}, {}, "unknown"),
    "a second answer": ({"deltas": [{"content": "x", "index": 1}]}, {}, "several"),
    "log probabilities": ({}, {"logprobs": True}, "log probabilities"),
    "two answers": ({}, {"n": 2}, "several answers"),
    "structured output": ({}, {"response_format": SCHEMA}, "structured"),
    "typed output": ({}, {"output": {"type": "object"}}, "structured"),
}


@pytest.mark.parametrize("name", MORE)
async def test_with_more_than_text_under_way_the_cut_is_told(name: str) -> None:
    said, options, why = MORE[name]
    world = World(a=cut(4, **said), b=whole(), prefill=["b"])
    _, fault = await world.tell(**options)
    assert isinstance(fault, StreamCutError)
    assert world.names() == ["a"]
    assert why in fault.__notes__[-1]


ENDED: dict[str, tuple[Model, type[Fault], str]] = {
    "a safety system": (cut(4, "filter"), ContentFilterError, "content_filter"),
    "an event nobody can read": (cut(4, "garble"), StreamCutError, "unreadable"),
}


@pytest.mark.parametrize("name", ENDED)
async def test_what_another_could_not_mend_is_told(name: str) -> None:
    model, kind, why = ENDED[name]
    world = World(a=model, b=whole(), prefill=["b"])
    _, fault = await world.tell()
    assert type(fault) is kind
    assert world.names() == ["a"]
    assert why in getattr(fault, "__notes__", [])[-1]


async def test_a_finish_that_is_not_true_is_told() -> None:
    world = World(a=Model(pieces=PIECES, reason="tool_calls"), b=whole())
    _, fault = await world.tell()
    assert isinstance(fault, MalformedReplyError)
    assert world.names() == ["a"]


async def test_a_route_that_failed_is_not_asked_at_the_next_cut() -> None:
    world = World(a=[cut(3), whole()], b=refusal(503), c=cut(2), prefill=["a", "b", "c"])
    text, _ = await world.tell(retry={"attempts": 2, "base": 0.0})
    assert (text, world.names()) == (TEXT, ["a", "b", "b", "c", "a"])


async def test_a_route_that_is_cut_while_it_repeats_makes_way_for_the_next() -> None:
    text, reply = await World(a=cut(5), b=cut(3), c=whole()).tell()
    assert isinstance(reply, Reply)
    assert (text, reply.model, len(reply.resumed)) == (TEXT, "c/m", 1)


async def test_a_route_that_could_not_help_before_the_answer_cannot_now() -> None:
    full = Model(pieces=(), status=400, message="maximum context length is 9 tokens")
    world = World(a=full, b=[cut(3), whole()], c=whole(), prefill=["b", "c"])
    windows = {"a/m": {"window": 4000}, "b/m": {"window": 8000}, "c/m": {"window": 2000}}
    text, _ = await world.tell(world.client(models=windows))
    assert (text, world.names()) == (TEXT, ["a", "b", "b"])


async def test_a_tool_may_be_called_by_whoever_goes_on() -> None:
    goes_on = Model(pieces=(), deltas=[{"content": "The harbour is"}, CALL], reason="tool_calls")
    world = World(a=cut(3), b=goes_on)
    text, reply = await world.tell()
    assert isinstance(reply, Reply)
    assert (text, reply.tool_calls[0].name) == ("The harbour is", "f")
    sooner = Model(pieces=(), deltas=[{"content": "The har"}, CALL], reason="tool_calls")
    text, fault = await World(a=cut(3), b=sooner).tell()
    assert isinstance(fault, StreamCutError)
    assert text == "The harbour "


async def test_what_the_second_model_thought_is_left_out_with_a_note() -> None:
    world = World(a=cut(3), b=whole(deltas=[{"reasoning_content": "Let me see."}]))
    text, reply = await world.tell()
    assert isinstance(reply, Reply)
    assert (text, reply.message.reasoning) == (TEXT, None)
    assert any("left out" in note for note in reply.decision.notes)


async def test_what_is_left_of_the_cap_is_asked_for() -> None:
    options: dict[str, Any] = {"max_tokens": 20, "temperature": 0.5, "stop": ["#"]}
    world = World(a=cut(5), b=cut(3), c=whole(), prefill=["b", "c"])
    await world.tell(**options)
    bodies = [heard.body for heard in world.heard]
    # One token for four characters where nobody counted: 23, then 23 + 7 of them.
    assert [body["max_tokens"] for body in bodies] == [20, 14, 12]
    assert all(body["temperature"] == 0.5 and body["stop"] == ["#"] for body in bodies)
    assert bodies[1]["messages"][:-1] == bodies[0]["messages"]

    # Where it was counted, a token a piece: 4, then 2 more, where b was shown the four.
    world = World(a=cut(5, counts=True), b=cut(3, counts=True), c=whole(), prefill=["b", "c"])
    await world.tell(**options)
    assert [heard.body["max_tokens"] for heard in world.heard] == [20, 16, 14]
    # Asked anew, b counted all six by itself.
    world = World(a=cut(5, counts=True), b=cut(7, counts=True), c=whole(), prefill=["c"])
    await world.tell(**options)
    assert [heard.body["max_tokens"] for heard in world.heard] == [20, 20, 14]

    world = World(a=cut(5), b=whole(), prefill=["b"])
    await world.tell(max_tokens=2)
    assert world.heard[1].body["max_tokens"] == 1
    world = World(a=cut(5), b=whole())
    await world.tell(max_tokens=20)
    assert world.heard[1].body["max_tokens"] == 20  # asked anew, it begins anew


async def test_a_vendor_is_asked_in_its_own_way() -> None:
    wanted = {"message": {"prefix": True}, "request": {"continue_final_message": True}}
    world = World(a=cut(3), b=whole(), prefill={"b": wanted})
    text, _ = await world.tell(extra={"openai_chat": {"top_k": 3}})
    body = world.heard[1].body
    assert text == TEXT
    assert body["messages"][-1] == {"role": "assistant", "content": "The harbour ", "prefix": True}
    assert (body["continue_final_message"], body["top_k"]) == (True, 3)


async def test_an_answer_that_the_caller_began_is_asked_anew() -> None:
    world = World(a=cut(3, prefilled="echo"), b=whole(prefilled="echo"), prefill=["b"])
    client = world.client()

    async def ask() -> str:
        messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "The "}]
        return (await client.stream(messages).reply()).text

    assert await world.clock.run(ask()) == TEXT
    assert [heard.shown for heard in world.heard] == ["The ", "The "]


@pytest.mark.parametrize("metered", [True, False])
async def test_usage_and_cost_cover_every_attempt(metered: bool, tmp_path: Path) -> None:
    price = {"input": "1000000", "output": "2000000"}  # nano-USD: a million, two million a token
    world = World(a=cut(3), b=whole(prefilled="refuse", metered=metered), prefill=["b"])
    client = world.client(
        models={f"{vendor}/m": {"price": price} for vendor in "ab"},
        ledger={"dir": str(tmp_path)},
    )
    seen: list[Any] = []

    async def ask() -> Reply:
        stream = client.stream("What harbour is it?")
        async for event in stream:
            seen.append(event)
        return await stream.reply()

    reply = await world.clock.run(ask())
    await client.aclose()
    # a: 9 prompt tokens and 3 of text, estimated. b: metered, else 9 and 11 estimated.
    prompt, completion = (9 + 10, 3 + len(TEXT)) if metered else (9 + 9, 3 + 11)
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (prompt, completion)
    assert reply.cost == (prompt + 2 * completion) * 1_000_000_000
    assert reply.cost_estimated
    if metered:
        assert [e.usage for e in seen if type(e) is Metered] == [reply.usage]
    assert fold(seen) == reply.response

    with Ledger.open(tmp_path) as ledger:
        (row,) = ledger.calls(contents=True)
    assert (row.outcome, row.model, row.attempts) == ("finished", "b/m", 3)
    assert (row.prompt_tokens, row.completion_tokens) == (prompt, completion)
    assert (row.cost_nano_usd, row.cost_state) == (reply.cost, "estimated")
    assert row.finish_reason == "stop"
    assert TEXT in str(row.response)
    assert row.decision is not None
    assert row.decision.resumed == list(reply.resumed)
    outcomes = [attempt.outcome for attempt in row.decision.attempts]
    assert outcomes == ["cut", "bad_request", "finished"]


async def test_the_first_token_is_the_first_models() -> None:
    world = World(a=cut(3, pause=1.0), b=whole(pause=1.0))
    world.client()
    client = world.client(ledger=False)
    call = []

    async def ask() -> None:
        prepared = client.assembly.prepare("?", {}, stream=True)
        call.append(prepared.call)
        reply = await prepared.run()
        assert reply.stream is not None
        async for _ in reply.stream:
            pass

    await world.clock.run(ask())
    assert call[0].first_token == 2.0


async def test_what_a_call_says_goes_before_its_model_and_that_before_the_defaults() -> None:
    async def asked(default: Any, model: Any, **options: Any) -> list[str]:
        world = World(a=cut(3), b=whole())
        entry = {} if model is None else {"recovery": model}
        client = world.client(recovery=default, models={"all": entry})
        await world.tell(client, **options)
        return world.names()

    assert await asked(None, None) == ["a"]
    assert await asked("resume", None) == ["a", "b"]
    assert await asked("resume", "error") == ["a"]
    assert await asked("error", "resume") == ["a", "b"]
    assert await asked("error", "resume", recovery="error") == ["a"]
    assert await asked(None, None, recovery="resume") == ["a", "b"]


@pytest.mark.parametrize("wrong", ["retry", None, True, 3])
async def test_a_wrong_setting_is_named(wrong: Any) -> None:
    world = World(a=whole())
    with pytest.raises(Exception, match=r"recovery is .*error or resume or hold"):
        world.client().stream("?", recovery=wrong)
    with pytest.raises(Exception, match="recovery"):
        AsyncSeawall(defaults={"recovery": "retry"})


@given(st.data())
async def test_any_answer_cut_anywhere_is_whole_or_a_typed_error(data: st.DataObject) -> None:
    """Each model tells the text in pieces of its own, is cut where it pleases and takes a begun
    answer in its own way; some of those that are not to be shown one know another text."""
    words = ["ha", "the ", " the", "\n", "0, ", "Trieste", " lies", ".", "  ", "row | 1 |\n"]
    text = "".join(data.draw(st.lists(st.sampled_from(words), min_size=1, max_size=12)))
    rows = {
        name: data.draw(st.sampled_from([False, True, {"echo": True}]))
        for name in "abc"[: data.draw(st.integers(1, 3))]
    }

    def model(known: str, row: Any) -> Model:
        breaks = st.sets(st.integers(1, max(1, len(known) - 1)), max_size=4)
        at = [0, *sorted(data.draw(breaks)), len(known)]
        pieces = [piece for a, b in pairwise(at) if (piece := known[a:b])]
        ends: Any = data.draw(st.one_of(st.none(), st.integers(1, len(pieces) + 1)))
        how: Any = data.draw(st.sampled_from(HOW))
        ways = ["continue", "echo", "refuse", "trim", "silent"]
        # A row that says its vendor repeats what it is shown is believed.
        taken: Any = data.draw(
            st.sampled_from(ways if isinstance(row, bool) else ["echo", "refuse"])
        )
        return Model(pieces=pieces, cut=ends, how=how, prefilled=taken)

    other = "".join(data.draw(st.permutations(list(text))))
    models = {
        name: [
            model(text if row or data.draw(st.booleans()) else other, row)
            for _ in range(data.draw(st.integers(1, 3)))
        ]
        for name, row in rows.items()
    }
    world = World(prefill=rows, **models)
    got, end = await world.tell(deadline={"idle": 5, "first_token": 5})
    if isinstance(end, Fault):
        assert any(known.startswith(got) for known in (text, other))
    else:
        assert got == end.text
        assert got in (text, other)
