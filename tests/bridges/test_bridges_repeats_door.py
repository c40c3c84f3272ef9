"""A decorator round an official SDK, and the SDK's own retries, over real sockets."""

from __future__ import annotations

import openai
import pytest
import tenacity

import seawall
from client.client_upstream import error, upstream


def test_a_decorator_round_an_sdk_stays_inside_the_budget() -> None:
    with upstream() as provider:
        provider.usual = error(429, "slow down")
        client = openai.OpenAI(
            base_url=provider.url,
            api_key="sk-test-0123456789",
            http_client=seawall.http_client(
                sync=True,
                ledger=False,
                retry={"repeats": True, "base": 0.0, "allowance": 6},
                breaker=False,
            ),
        )

        @tenacity.retry(stop=tenacity.stop_after_attempt(25), reraise=True)
        def ask() -> object:
            return client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "?"}]
            )

        with client, pytest.raises(openai.RateLimitError) as got:
            ask()
    assert len(provider.asked) == 1 + 6
    assert got.value.status_code == 429
    assert "the retry budget is spent" in str(got.value)
