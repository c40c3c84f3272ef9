"""The free day's quota of Google AI Studio is used up: Vertex AI takes over at once, and once."""

from __future__ import annotations

from typing import Any

import pytest
from clouds_world import ACCOUNT, GEMINI, JSON, dumped, sse

from seawall import AsyncSeawall, QuotaExceededError
from seawall.ports import Outbound
from seawall.testing import VirtualClock
from seawall.transports.memory import Memory

MODELS = ["google/gemini-3.8-flash", "vertex/gemini-3.8-flash"]


def limit(quota: str, delay: str) -> bytes:
    """A 429 as the API writes it, for the limit ``quota``."""
    metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
    kind = "type.googleapis.com/google.rpc"
    details = [
        {"@type": f"{kind}.QuotaFailure",
         "violations": [{"quotaMetric": metric, "quotaId": quota, "quotaValue": "20"}]},
        {"@type": f"{kind}.RetryInfo", "retryDelay": delay},
    ]  # fmt: skip
    message = f"You exceeded your current quota. Quota exceeded for metric: {metric}, limit: 20"
    error = {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": details}
    return dumped({"error": error})


DAY = limit("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "41s")
MINUTE = limit("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "2s")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-studio-0123456789")
    return []


def world(asked: list[str], limits: list[bytes], **options: Any) -> tuple[AsyncSeawall, Any]:
    """A client whose AI Studio answers with ``limits`` in turn, then as Vertex does."""
    left = iter(limits)

    def answer(outbound: Outbound) -> tuple[int, dict[str, str], bytes]:
        studio = outbound.url.startswith("https://generativelanguage.")
        asked.append("google" if studio else "vertex")
        refused = next(left, None) if studio else None
        if refused is not None:
            return 429, JSON, refused
        if outbound.stream:
            return 200, {"content-type": "text/event-stream"}, b"".join(sse("gemini"))
        return 200, JSON, dumped(GEMINI)

    clock = VirtualClock()
    ours = AsyncSeawall(
        model="smart",
        models={"smart": {"route": MODELS}},
        transports={"http": Memory(answer)},
        ledger=False,
        clock=clock,
        **options,
    )
    return ours, clock


@pytest.mark.parametrize("stream", [False, True])
async def test_a_days_quota_goes_to_vertex_at_once(asked: list[str], stream: bool) -> None:
    ours, clock = world(asked, [DAY] * 9)

    async def ask() -> Any:
        if not stream:
            return await ours.chat("Name a harbour.")
        async with ours.stream("Name a harbour.") as answer:
            return await answer.reply()

    before = clock.now()
    reply = await clock.run(ask())
    assert (reply.text, reply.model) == ("Trieste.", "vertex/gemini-3.8-flash")
    assert asked == ["google", "vertex"]
    first, second = reply.decision.attempts
    assert (first.outcome, first.status, second.waited) == ("quota_exceeded", 429, 0.0)
    assert clock.now() == before, "nobody waited"


async def test_a_limit_by_the_minute_is_waited_for_where_it_was_met(asked: list[str]) -> None:
    ours, clock = world(asked, [MINUTE], defaults={"retry": {"attempts": 2}})
    reply = await clock.run(ours.chat("Name a harbour."))
    assert reply.model == "google/gemini-3.8-flash"
    assert asked == ["google", "google"]
    assert reply.decision.attempts[1].waited >= 2


async def test_without_vertex_the_fault_says_what_it_is(asked: list[str]) -> None:
    ours, clock = world(asked, [DAY] * 9)
    with pytest.raises(QuotaExceededError, match="exceeded your current quota"):
        await clock.run(ours.chat("Name a harbour.", model=MODELS[0]))
    assert asked == ["google"]
